"""`make openapi`: write openapi.yaml, the public contract, from the routes that serve it."""

from pathlib import Path
from typing import Any, Final

import yaml
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from imagineart.apis.imagine.authentication import BEARER_HEADER
from imagineart.apis.imagine.routes import router as imagine_router
from imagineart.apis.imagineart import (
    edit_image,
    generate_image,
    list_models,
    manage_jobs,
    request_upload,
    serve_result,
)
from imagineart.apis.imaginelab.router import router as imaginelab_router
from imagineart.apis.imagineo.operations import KEY_HEADER
from imagineart.apis.imagineo.routes import router as imagineo_router
from imagineart.apis.runware.rest import router as runware_router

OPENAPI_FILE: Final = Path(__file__).parent.parent / "openapi.yaml"
PUBLIC_URL: Final = "https://api.example.com"
_TITLE: Final = "ImagineArt 2.0 API"
_VERSION: Final = "2.0.0"
_DESCRIPTION: Final = (
    "Images from text, and from reference images. A form gets the PNG; JSON, or a form with a field that "
    "only OpenAI's API has, gets JSON that OpenAI's clients read, unless `Accept` says otherwise."
)
_HEALTH: Final[dict[str, Any]] = {
    "get": {
        "tags": ["Health"],
        "summary": "Service health",
        "description": "Unauthenticated liveness probe.",
        "security": [],
        "responses": {
            "200": {
                "description": "The service is up.",
                "content": {
                    "application/json": {
                        "schema": {
                            "type": "object",
                            "required": ["ok"],
                            "properties": {"ok": {"type": "boolean", "enum": [True]}},
                        }
                    }
                },
            }
        },
    }
}


def build_document(base_url: str = PUBLIC_URL) -> dict[str, Any]:
    """The OpenAPI 3.1 document of all functions at `base_url`."""
    app = FastAPI()
    for module in (generate_image, edit_image, manage_jobs, request_upload, list_models, serve_result):
        app.include_router(module.router)
    app.include_router(imagine_router)
    app.include_router(imagineo_router)
    app.include_router(runware_router)
    app.include_router(imaginelab_router)
    document: dict[str, Any] = get_openapi(
        title=_TITLE,
        version=_VERSION,
        description=_DESCRIPTION,
        routes=app.routes,
        servers=[{"url": base_url}],
    )
    for path, name in (("/v1/health", "getVersionedHealth"), ("/health", "getHealth")):
        document["paths"][path] = {"get": {**_HEALTH["get"], "operationId": name}}
    for item in document["paths"].values():
        for operation in item.values():
            _tidy(operation)
    document["info"]["license"] = {"name": "Apache 2.0", "identifier": "Apache-2.0"}
    operations = (each for path in document["paths"].values() for each in path.values())
    tags = dict.fromkeys(tag for operation in operations for tag in operation["tags"])
    document["tags"] = [{"name": tag} for tag in tags]
    document["security"] = [{"bearerToken": []}]
    schemas: dict[str, Any] = {}
    document["paths"] = _with_named_schemas(document["paths"], schemas)
    document["components"] = {
        "securitySchemes": {
            "bearerToken": {
                "type": "http",
                "scheme": "bearer",
                "description": "A token of a consumer; for /imaginelab, a session or API key of an account.",
            },
            "apiKey": {
                "type": "apiKey",
                "in": "header",
                "name": KEY_HEADER,
                "description": "A token of a consumer, for /imagineo/v1.",
            },
            "bearerHeader": {
                "type": "apiKey",
                "in": "header",
                "name": BEARER_HEADER,
                "description": "A token of a consumer, for /imagine.",
            },
        },
        "schemas": schemas,
        "responses": _name_errors(document["paths"]),
    }
    return document


def _name_errors(paths: dict[str, Any]) -> dict[str, Any]:
    """Replace errors by references to the first of their tag and status, unless they differ from it."""
    named: dict[str, Any] = {}
    for operation in (each for path in paths.values() for each in path.values()):
        responses = operation["responses"]
        for status in [each for each in responses if each >= "400"]:
            name = f"{operation['tags'][0].replace(' ', '')}{status}"
            if named.setdefault(name, responses[status]) == responses[status]:
                responses[status] = {"$ref": f"#/components/responses/{name}"}
    return named


def _with_named_schemas(part: Any, schemas: dict[str, Any]) -> Any:
    """The same part of a document, whose titled schemas are moved to `schemas` and referred to."""
    if isinstance(part, list):
        return [_with_named_schemas(each, schemas) for each in part]
    if not isinstance(part, dict):
        return part
    moved = {name: _with_named_schemas(value, schemas) for name, value in part.items()}
    title = moved.get("title")
    if not isinstance(title, str) or moved.get("type") != "object":
        return moved
    schemas[title] = {name: value for name, value in moved.items() if name != "title"}
    return {"$ref": f"#/components/schemas/{title}"}


def _tidy(operation: dict[str, Any]) -> None:
    """Name the operation after its function, and drop the 422 of FastAPI, which this API never returns."""
    words = operation["operationId"].split("_v1_")[0].split("_")
    operation["operationId"] = words[0] + "".join(word.capitalize() for word in words[1:])
    operation["responses"].pop("422", None)


class _Dumper(yaml.SafeDumper):
    """Writes shared parts where they are used, without anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def main() -> None:
    """Write the file."""
    text = yaml.dump(build_document(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    OPENAPI_FILE.write_text(
        f"# Written by `make openapi`; edit the routes in shared/imagineart/apis.\n{text}"
    )


if __name__ == "__main__":
    main()

"""`make openapi`: write openapi.yaml, the public contract, from the definitions that validate requests."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import yaml

from contract.error_reference import error_references
from contract.headers import ERROR_HEADERS, LIMIT_HEADERS, PICTURE_HEADERS, REQUEST_HEADERS
from contract.schemas import (
    UPLOAD_ID_PATTERN,
    error_schema,
    form_schema,
    json_schema,
    models_schema,
    pictures_schema,
)
from imagineart.domain.catalogue import EDIT_MODEL, GENERATION_MODEL, Model
from imagineart.domain.consumers import TIERS, Consumer
from imagineart.domain.openai_parameters import (
    MAX_COUNT,
    OPENAI_EDIT_PARAMETERS,
    OPENAI_GENERATION_PARAMETERS,
)
from imagineart.domain.operations import (
    EDIT_IMAGE,
    GENERATE_IMAGE,
    LIST_MODELS,
    REQUEST_UPLOAD,
    Operation,
)
from imagineart.domain.parameters import UPLOAD_PARAMETERS
from imagineart.use_cases.list_models import list_models
from imagineart.web.errors import STATUS_BY_CODE

_ANY_CONSUMER: Final = Consumer("any", TIERS["free"])
PUBLIC_URL: Final = "https://api.ml.imagine.art"
OPENAPI_FILE: Final = Path(__file__).parent.parent / "openapi.yaml"

_STATUS_MEANINGS: Final = {
    400: "The request or a reference image cannot be used; the message names the field.",
    401: "The bearer token is missing, malformed, unknown, expired or revoked, or lacks the scope.",
    404: "No endpoint answers this path and method.",
    429: "A limit was reached, which the message names; retry after the seconds in Retry-After.",
    500: "The service failed.",
    502: "The inference backend failed, refused the service, or does not serve the model.",
    503: "No API tokens are configured on this deployment.",
    504: "The inference backend did not answer in time.",
}
_EXAMPLE_UPLOAD_ID: Final = "upl_4Fq2kZ8sT1vYb6NwR3xJp01zUYaEQm9Lc5HdKoXe7WtGi2BnSuV"


_IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Makes a retry safe: for 24 hours the same request with the same key gets the same "
    "answer, byte for byte; nothing is painted again, and it takes no room in the day and no slot. While the "
    "first is under way, the second waits for it for 20 seconds, and is then a timeout, to be sent again "
    "with the same key. Another request with the key is refused. A failure frees the key.",
    # No example: the reference's console would send it with every request, and the second one is refused.
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"},
}
_EITHER_ANSWER: Final = (
    "A form is answered with the PNG, unless `Accept` gives `application/json` more weight than "
    "`image/png`; a JSON body is answered with JSON, unless it is the other way round. The JSON is what "
    "clients of OpenAI's API read, and where JSON is sent or asked for, the fields are those of `{}`, in a "
    "form too."
)

_SUMMARIES: Final = {
    "generateImage": "Generate image",
    "editImage": "Edit image",
    "requestUpload": "Upload image",
    "listModels": "List models",
    "getVersionedHealth": "Service health",
    "getHealth": "Service health, without a version",
}
_OPENAI_SCHEMAS: Final = {"generateImage": "OpenAiGeneration", "editImage": "OpenAiEdit"}
_FORM_EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "generateImage": {
        "prompt": "A cinematic portrait of a chef plating ramen, warm tungsten light",
        "aspect_ratio": "3:2",
        "resolution": "2K",
        "seed": 7,
        "reasoning": "high",
    },
    "editImage": {
        "prompt": "Replace the background with a sunset beach.",
        "images": [_EXAMPLE_UPLOAD_ID],
        "aspect_ratio": "auto",
        "resolution": "2K",
    },
}
_JSON_EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "generateImage": {"prompt": "A lighthouse at dusk", "size": "1024x1024", "n": 2, "seed": 7},
    "editImage": {"prompt": "Make it dusk.", "images": [_EXAMPLE_UPLOAD_ID], "resolution": "1K"},
}
_EXAMPLE_CREATED: Final = 1_795_219_200


def build_document(base_url: str = PUBLIC_URL) -> dict[str, Any]:
    """The whole OpenAPI 3.1 document of the deployment at `base_url`."""
    errors = error_references()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ImagineArt 2.0 API",
            "version": "2.0.0",
            "summary": "Text-to-image and image editing: one call in, one finished PNG out.",
            "description": "Synchronous and deterministic: no polling, queues or callbacks. Every answer "
            "carries `X-Request-Id`; every failure has the same envelope, whose `code` is safe to switch on.",
        },
        "servers": [{"url": base_url, "description": "The base URL of the deployment."}],
        "security": [{"bearerToken": []}],
        "tags": [
            {"name": "Images", "description": "Pictures from text, and from reference images."},
            {"name": "Uploads", "description": "Reference images that are too large for a request."},
            {"name": "Discovery", "description": "What there is, and whether it is up."},
        ],
        "paths": {
            "/v1/images/generations": {
                "post": _image_operation(GENERATE_IMAGE, GENERATION_MODEL, "generateImage")
            },
            "/v1/images/edits": {"post": _image_operation(EDIT_IMAGE, EDIT_MODEL, "editImage")},
            "/v1/uploads": {"post": _upload_operation()},
            "/v1/models": {"get": _models_operation()},
            "/v1/health": {"get": _health_operation("getVersionedHealth")},
            "/health": {"get": _health_operation("getHealth")},
        },
        "components": {
            "securitySchemes": {
                "bearerToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "iart_<id>_<secret>",
                    "description": "A long-lived token, issued per consumer and good for its scopes, which "
                    "each operation names. Use HTTPS only: a token sent over plain HTTP is revoked.",
                }
            },
            "headers": {
                name: header.describe()
                for name, header in {**REQUEST_HEADERS, **LIMIT_HEADERS, **ERROR_HEADERS}.items()
            },
            "examples": {error.code: {"summary": error.advice, "value": error.envelope} for error in errors},
            "responses": {"UnknownRequest": _error_response(404)},
            "schemas": {
                "Error": error_schema(list(STATUS_BY_CODE)),
                "Models": models_schema(),
                "OpenAiGeneration": json_schema(OPENAI_GENERATION_PARAMETERS),
                "OpenAiEdit": json_schema(OPENAI_EDIT_PARAMETERS),
                "OpenAiPictures": pictures_schema(),
            },
        },
    }


def _image_operation(operation: Operation, model: Model, operation_id: str) -> dict[str, Any]:
    openai_schema = _OPENAI_SCHEMAS[operation_id]
    fields = _FORM_EXAMPLES[operation_id]
    form = {"schema": form_schema(model.parameters), "example": fields}
    bodies = {"multipart/form-data": form}
    if model.parameters.files is None:
        bodies["application/x-www-form-urlencoded"] = form
    bodies["application/json"] = {
        "schema": {"$ref": f"#/components/schemas/{openai_schema}"},
        "example": _JSON_EXAMPLES[operation_id],
    }
    answers = {
        "image/png": {"schema": {"type": "string", "contentMediaType": "image/png"}},
        "application/json": {
            "schema": {"$ref": "#/components/schemas/OpenAiPictures"},
            "example": {
                "created": _EXAMPLE_CREATED,
                "output_format": "png",
                "size": "1024x1024",
                "data": [{"seed": seed, "b64_json": "iVBORw0KGgoAAAANSUhEUgAA"} for seed in (7, 8)],
            },
        },
    }
    return {
        **_operation_head(operation_id, "Images", operation),
        "summary": _SUMMARIES[operation_id],
        "description": f"{model.name} ({model.modality}). " + _EITHER_ANSWER.format(openai_schema),
        "parameters": [_IDEMPOTENCY_KEY],
        "requestBody": {"required": True, "content": bodies},
        "responses": {
            "200": {
                "description": "The PNG: 8-bit RGB or RGBA, of exactly the documented size; or one to "
                f"{MAX_COUNT} of them inside JSON.",
                "headers": _answer_headers()
                | {name: header.describe() for name, header in PICTURE_HEADERS.items()},
                "content": answers,
            },
            **_error_responses(400, 401, 429, 500, 502, 503, 504),
        },
    }


def _upload_operation() -> dict[str, Any]:
    form = {
        "schema": form_schema(UPLOAD_PARAMETERS),
        "example": {"content_type": "image/jpeg", "size": 9_437_184},
    }
    texts: dict[str, tuple[str, dict[str, Any]]] = {
        "id": ("Names the image in the field `images` of an edit.", {"pattern": UPLOAD_ID_PATTERN}),
        "method": ("The method to send the image with.", {"enum": ["PUT"]}),
        "url": ("Where to send the image, without the token.", {"format": "uri"}),
    }
    grant = {
        "type": "object",
        "properties": {
            **{name: {"type": "string", **more, "description": text} for name, (text, more) in texts.items()},
            "headers": {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "description": "Headers to send with the image, exactly these.",
            },
            "expires_at": {
                "type": "string",
                "format": "date-time",
                "description": "Until when the image can be sent, and its id be named.",
            },
        },
        "required": ["id", "method", "url", "headers", "expires_at"],
        "additionalProperties": False,
    }
    example = {
        "id": _EXAMPLE_UPLOAD_ID,
        "method": "PUT",
        "url": f"https://uploads.example.com/uploads/acme/{_EXAMPLE_UPLOAD_ID}?X-Amz-Signature=...",
        "headers": {"Content-Type": "image/jpeg"},
        "expires_at": "2026-11-21T13:00:00+00:00",
    }
    return {
        **_operation_head("requestUpload", "Uploads", REQUEST_UPLOAD),
        "summary": _SUMMARIES["requestUpload"],
        "description": "A place to put a reference image that is too large for a request. Send exactly the "
        "declared number of bytes to `url` by `method` with `headers`, then name `id` in the field `images` "
        "of an edit, beside files if there are any, until `expires_at`.",
        "requestBody": {
            "required": True,
            "content": {
                "application/json": form,
                "multipart/form-data": form,
                "application/x-www-form-urlencoded": form,
            },
        },
        "responses": {
            "200": {
                "description": "The upload.",
                "headers": _answer_headers(),
                "content": {"application/json": {"schema": grant, "example": example}},
            },
            **_error_responses(400, 401, 429, 500, 503),
        },
    }


def _models_operation() -> dict[str, Any]:
    return {
        **_operation_head("listModels", "Discovery", LIST_MODELS),
        "summary": _SUMMARIES["listModels"],
        "description": "The models available to the caller, and the parameters that each accepts, for "
        "showing them in a product without writing them down there.",
        "responses": {
            "200": {
                "description": "The models.",
                "headers": _answer_headers(),
                "content": {
                    "application/json": {
                        "schema": {"$ref": "#/components/schemas/Models"},
                        "example": list_models(_ANY_CONSUMER),
                    }
                },
            },
            **_error_responses(401, 429, 500, 503),
        },
    }


def _health_operation(operation_id: str) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {"ok": {"const": True, "description": "The service answers."}},
        "required": ["ok"],
        "additionalProperties": False,
    }
    return {
        "operationId": operation_id,
        "tags": ["Discovery"],
        "summary": _SUMMARIES[operation_id],
        "description": "For monitors and load balancers. It needs no token, and counts for no limit.",
        "security": [],
        "responses": {
            "200": {
                "description": "The service is up.",
                "headers": _header_references(*REQUEST_HEADERS),
                "content": {"application/json": {"schema": schema, "example": {"ok": True}}},
            }
        },
    }


def _operation_head(operation_id: str, tag: str, operation: Operation) -> dict[str, Any]:
    """What an authenticated operation begins with; its scope stands where OpenAPI 3.1 wants roles."""
    return {
        "operationId": operation_id,
        "tags": [tag],
        "security": [{"bearerToken": [str(operation.scope)]}],
    }


def _error_responses(*statuses: int) -> dict[str, Any]:
    return {str(status): _error_response(status) for status in statuses}


def _error_response(status: int) -> dict[str, Any]:
    errors = [error for error in error_references() if error.status == status]
    codes = [error.code for error in errors]
    always = ["X-Request-Id", "X-Should-Retry", *(["Retry-After"] if status == 429 else [])]
    return {
        "description": f"{_STATUS_MEANINGS[status]} Codes: {', '.join(codes)}.",
        "headers": _header_references(*always) | _limit_headers_where_known(status),
        "content": {
            "application/json": {
                "schema": error_schema(codes),
                "examples": {code: {"$ref": f"#/components/examples/{code}"} for code in codes},
            }
        },
    }


def _limit_headers_where_known(status: int) -> dict[str, Any]:
    """Strangers learn no limit, nor does anybody from API Gateway's own failures."""
    if status in (401, 404, 503):
        return {}
    return {name: replace(header, always=False).describe() for name, header in LIMIT_HEADERS.items()}


def _answer_headers() -> dict[str, Any]:
    """The headers of every answer to an authenticated request that was let in."""
    return _header_references(*REQUEST_HEADERS, *LIMIT_HEADERS)


def _header_references(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def render(base_url: str = PUBLIC_URL) -> str:
    """The document of the deployment at `base_url` as the text of openapi.yaml."""
    return yaml.dump(
        build_document(base_url), Dumper=_PlainDumper, sort_keys=False, allow_unicode=True, width=110
    )


class _PlainDumper(yaml.SafeDumper):
    """YAML without anchors, which many OpenAPI tools do not read."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Programs as they are written, line by line."""
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_PlainDumper.add_representer(str, _represent_text)


if __name__ == "__main__":
    OPENAPI_FILE.write_text(render(), encoding="utf-8")

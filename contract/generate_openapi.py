"""`make openapi`: write openapi.yaml, the public contract, from the definitions that validate requests."""

from pathlib import Path
from typing import Any, Final

import yaml

from imagineart.domain.catalogue import EDIT_MODEL, GENERATION_MODEL, Model
from imagineart.domain.consumers import TIERS, Consumer
from imagineart.domain.limit_status import LimitName
from imagineart.domain.openai_parameters import (
    MAX_COUNT,
    OPENAI_EDIT_PARAMETERS,
    OPENAI_GENERATION_PARAMETERS,
)
from imagineart.domain.parameters import MAX_SEED, UPLOAD_PARAMETERS, EndpointParameters
from imagineart.use_cases.list_models import list_models
from imagineart.web.errors import STATUS_BY_CODE

_ANY_CONSUMER: Final = Consumer("any", TIERS["free"])
_UPLOAD_ID_PATTERN: Final = "^upl_[0-9A-Za-z]{51}$"
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
_RATE_LIMIT_HEADERS: Final = {
    "X-RateLimit-Limit": "Requests a minute that the consumer may make; with 429, the limit that was hit.",
    "X-RateLimit-Remaining": "Requests left in the present minute; with 429, 0.",
    "X-RateLimit-Reset": "When the present minute ends, in Unix seconds; with 429, when there is room again.",
}
_LIMIT_HEADERS: Final = (*_RATE_LIMIT_HEADERS, "X-RateLimit-Resource")
_PICTURE_HEADERS: Final = {
    "X-Seed": (
        "integer",
        False,
        "The seed that made the picture, the first of several; send it to get the picture again.",
    ),
    "X-Seed-Supported": ("boolean", False, "Comes, as false, in place of X-Seed: the model has no seed."),
    "X-Model": ("string", True, "The id of the model that made it."),
    "X-Backend": ("string", True, "The backend that made it; several by comma."),
    "X-Image-Width": ("integer", True, "Width in pixels."),
    "X-Image-Height": ("integer", True, "Height in pixels."),
    "Idempotent-Replayed": (
        "boolean",
        False,
        "Where an Idempotency-Key came: whether this is the answer to an earlier request with it.",
    ),
}
_IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Makes a retry safe: for 24 hours the same request with the same key gets the same "
    "answer, byte for byte; nothing is painted again, and it takes no room in the day and no slot. While the "
    "first is under way, the second waits for it for 20 seconds, and is then a timeout, to be sent again "
    "with the same key. Another request with the key is refused. A failure frees the key.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"},
}
_EITHER_ANSWER: Final = (
    "A form is answered with the PNG, unless `Accept` gives `application/json` more weight than "
    "`image/png`; a JSON body is answered with JSON, unless it is the other way round. The JSON is what "
    "clients of OpenAI's API read, and where JSON is sent or asked for, the fields are those of `{}`, in a "
    "form too."
)


def build_document() -> dict[str, Any]:
    """The whole OpenAPI 3.1 document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ImagineArt 2.0 API",
            "version": "2.0.0",
            "summary": "Text-to-image and image editing: one call in, one finished PNG out.",
            "description": "Synchronous and deterministic: no polling, queues or callbacks. Every answer "
            "carries `X-Request-Id`; every failure has the same envelope, whose `code` is safe to switch on.",
        },
        "servers": [{"url": "https://api.ml.imagine.art", "description": "The base URL of the deployment."}],
        "security": [{"bearerToken": []}],
        "paths": {
            "/v1/images/generations": {
                "post": _image_operation(GENERATION_MODEL, "generateImage", "OpenAiGeneration")
            },
            "/v1/images/edits": {"post": _image_operation(EDIT_MODEL, "editImage", "OpenAiEdit")},
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
                    "description": "A long-lived token, issued per consumer. Use HTTPS only: a token sent "
                    "over plain HTTP is revoked.",
                }
            },
            "headers": {
                name: {"description": text, "required": True, "schema": {"type": "integer"}}
                for name, text in _RATE_LIMIT_HEADERS.items()
            }
            | {
                "X-Request-Id": {
                    "description": "Names the request in the operator's logs.",
                    "required": True,
                    "schema": {"type": "string"},
                },
                "X-RateLimit-Resource": {
                    "description": "The limit that the other three tell of.",
                    "required": True,
                    "schema": {"type": "string", "enum": [str(name) for name in LimitName]},
                },
                "Retry-After": {
                    "description": "Seconds to wait before the same request may succeed.",
                    "required": True,
                    "schema": {"type": "integer", "minimum": 1},
                },
                "X-Should-Retry": {
                    "description": "Whether the same request may succeed when it is sent again; clients of "
                    "OpenAI's API obey it.",
                    "required": True,
                    "schema": {"type": "boolean"},
                },
            },
            "schemas": {
                "Error": _error_schema(list(STATUS_BY_CODE)),
                "Models": _models_schema(),
                "OpenAiGeneration": _json_schema(OPENAI_GENERATION_PARAMETERS),
                "OpenAiEdit": _json_schema(OPENAI_EDIT_PARAMETERS),
                "OpenAiPictures": _pictures_schema(),
            },
        },
    }


def _image_operation(model: Model, operation_id: str, openai_schema: str) -> dict[str, Any]:
    form = {"schema": _form_schema(model.parameters)}
    bodies = {"multipart/form-data": form}
    if model.parameters.files is None:
        bodies["application/x-www-form-urlencoded"] = form
    bodies["application/json"] = {"schema": {"$ref": f"#/components/schemas/{openai_schema}"}}
    headers = _header_references("X-Request-Id", *_LIMIT_HEADERS) | {
        name: {"description": text, "required": required, "schema": {"type": kind}}
        for name, (kind, required, text) in _PICTURE_HEADERS.items()
    }
    answers = {
        "image/png": {"schema": {"type": "string", "contentMediaType": "image/png"}},
        "application/json": {"schema": {"$ref": "#/components/schemas/OpenAiPictures"}},
    }
    return {
        "operationId": operation_id,
        "summary": f"{model.name} ({model.modality})",
        "description": _EITHER_ANSWER.format(openai_schema),
        "parameters": [_IDEMPOTENCY_KEY],
        "requestBody": {"required": True, "content": bodies},
        "responses": {
            "200": {
                "description": "The PNG: 8-bit RGB or RGBA, of exactly the documented size; or one to "
                f"{MAX_COUNT} of them inside JSON.",
                "headers": headers,
                "content": answers,
            },
            **_error_responses(400, 401, 429, 500, 502, 503, 504),
        },
    }


def _upload_operation() -> dict[str, Any]:
    form = {"schema": _form_schema(UPLOAD_PARAMETERS)}
    texts = {name: {"type": "string"} for name in ("id", "method", "url")}
    grant = {
        "type": "object",
        "properties": {
            **texts,
            "headers": {"type": "object", "additionalProperties": {"type": "string"}},
            "expires_at": {"type": "string", "format": "date-time"},
        },
        "required": ["id", "method", "url", "headers", "expires_at"],
        "additionalProperties": False,
    }
    return {
        "operationId": "requestUpload",
        "summary": "A place to put a reference image that is too large for a request",
        "description": "Send exactly the declared number of bytes to `url` by `method` with `headers`, then "
        "name `id` in the field `images` of an edit, beside files if there are any, until `expires_at`.",
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
                "headers": _header_references("X-Request-Id", *_LIMIT_HEADERS),
                "content": {"application/json": {"schema": grant}},
            },
            **_error_responses(400, 401, 429, 500, 503),
        },
    }


def _models_operation() -> dict[str, Any]:
    return {
        "operationId": "listModels",
        "summary": "The models available to the caller and the parameters each accepts",
        "responses": {
            "200": {
                "description": "The models.",
                "headers": _header_references("X-Request-Id", *_LIMIT_HEADERS),
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
        "properties": {"ok": {"const": True}},
        "required": ["ok"],
        "additionalProperties": False,
    }
    return {
        "operationId": operation_id,
        "summary": "Liveness probe, unauthenticated",
        "security": [],
        "responses": {
            "200": {
                "description": "The service is up.",
                "headers": _header_references("X-Request-Id"),
                "content": {"application/json": {"schema": schema, "example": {"ok": True}}},
            }
        },
    }


def _form_schema(parameters: EndpointParameters) -> dict[str, Any]:
    described = parameters.describe()
    return {
        "type": "object",
        "properties": {name: _property_schema(parameter) for name, parameter in described.items()},
        "required": [name for name, parameter in described.items() if parameter["required"]],
        "additionalProperties": False,
    }


def _json_schema(parameters: EndpointParameters) -> dict[str, Any]:
    """The schema of a JSON body, in which uploads are named and files cannot be."""
    schema = _form_schema(parameters)
    if parameters.files is None:
        return schema
    files = parameters.files
    names = {"type": "string", "pattern": _UPLOAD_ID_PATTERN}
    schema["properties"][files.name] = {
        "anyOf": [
            names,
            {"type": "array", "items": names, "minItems": files.min_items, "maxItems": files.max_items},
        ],
        "description": f"{files.description} In a form, {' and '.join(files.synonyms)} are synonyms.",
    }
    return schema


def _pictures_schema() -> dict[str, Any]:
    picture = {
        "type": "object",
        "properties": {
            "seed": {
                "type": "integer",
                "minimum": 1,
                "maximum": MAX_SEED,
                "description": "The seed that made it; absent where the model has none.",
            },
            "b64_json": {"type": "string", "contentEncoding": "base64", "contentMediaType": "image/png"},
        },
        "required": ["b64_json"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "description": "OpenAI's images response.",
        "properties": {
            "created": {"type": "integer", "description": "When it was made, in Unix seconds."},
            "output_format": {"const": "png"},
            "size": {"type": "string", "pattern": "^[0-9]+x[0-9]+$", "description": "Width and height."},
            "data": {"type": "array", "minItems": 1, "maxItems": MAX_COUNT, "items": picture},
            "usage": _usage_schema(),
        },
        "required": ["created", "output_format", "size", "data"],
        "additionalProperties": False,
    }


def _usage_schema() -> dict[str, Any]:
    count = {"type": "integer", "minimum": 0}
    details = {"image_tokens": count, "text_tokens": count}
    names = ("input_tokens", "output_tokens", "total_tokens")
    return {
        "type": "object",
        "description": "Tokens of all pictures together; absent where a backend does not tell them.",
        "properties": {
            **dict.fromkeys(names, count),
            "input_tokens_details": {
                "type": "object",
                "properties": details,
                "required": list(details),
                "additionalProperties": False,
            },
        },
        "required": [*names, "input_tokens_details"],
        "additionalProperties": False,
    }


def _property_schema(parameter: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of one parameter, from its public description."""
    if parameter["type"] == "file[]":
        accepted = ", ".join(parameter["media_types"])
        return {
            "type": "array",
            "minItems": parameter["min_items"],
            "maxItems": parameter["max_items"],
            "items": {
                "anyOf": [
                    {"type": "string", "contentMediaType": "application/octet-stream"},
                    {"type": "string", "pattern": _UPLOAD_ID_PATTERN},
                ]
            },
            "description": f"{parameter['description']} {accepted}; <= {parameter['max_pixels']} pixels.",
        }
    renamed = {"min_length": "minLength", "max_length": "maxLength"}
    kept = ("type", "enum", "default", "minimum", "maximum", "min_length", "max_length", "description")
    schema = {renamed.get(key, key): parameter[key] for key in kept if key in parameter}
    if "sizes" in parameter:
        schema["description"] += " " + "; ".join(
            f"{resolution}: "
            + ", ".join(f"{ratio} {size['width']}x{size['height']}" for ratio, size in sizes.items())
            for resolution, sizes in parameter["sizes"].items()
        )
    return schema


def _error_responses(*statuses: int) -> dict[str, Any]:
    return {str(status): _error_response(status) for status in statuses}


def _error_response(status: int) -> dict[str, Any]:
    codes = [code for code, its_status in STATUS_BY_CODE.items() if its_status == status]
    retry_after = ["Retry-After"] if status == 429 else []
    return {
        "description": f"{_STATUS_MEANINGS[status]} Codes: {', '.join(codes)}.",
        "headers": _header_references("X-Request-Id", "X-Should-Retry", *retry_after),
        "content": {"application/json": {"schema": _error_schema(codes)}},
    }


def _error_schema(codes: list[str]) -> dict[str, Any]:
    error = {
        "type": "object",
        "properties": {
            "code": {"type": "string", "enum": codes},
            "message": {"type": "string"},
            "request_id": {"type": "string"},
        },
        "required": ["code", "message", "request_id"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"error": error},
        "required": ["error"],
        "additionalProperties": False,
    }


def _models_schema() -> dict[str, Any]:
    texts = {name: {"type": "string"} for name in ("id", "name", "modality")}
    model = {
        "type": "object",
        "properties": {
            **texts,
            "parameters": {"type": "object", "additionalProperties": {"type": "object"}},
            "object": {"const": "model"},
            "created": {"type": "integer", "description": "Since when it is offered, in Unix seconds."},
            "owned_by": {"type": "string"},
        },
        "required": ["id", "name", "modality", "parameters", "object", "created", "owned_by"],
    }
    return {
        "type": "object",
        "properties": {"data": {"type": "array", "items": model}, "object": {"const": "list"}},
        "required": ["data", "object"],
    }


def _header_references(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def render() -> str:
    """The document as the text of openapi.yaml."""
    return yaml.dump(build_document(), Dumper=_PlainDumper, sort_keys=False, allow_unicode=True, width=110)


class _PlainDumper(yaml.SafeDumper):
    """YAML without anchors, which many OpenAPI tools do not read."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


if __name__ == "__main__":
    OPENAPI_FILE.write_text(render())

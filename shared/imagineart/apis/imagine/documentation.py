"""What the OpenAPI document says of /imagine."""

from typing import Any, Final

from imagineart.apis.common.documentation import (
    ERROR_HEADERS,
    LIMIT_HEADERS,
    REFUSED_HEADERS,
    REQUEST_HEADERS,
    Responses,
    header,
)
from imagineart.apis.common.fields import JSON, MULTIPART
from imagineart.apis.imagine.errors import KINDS, NO_SCOPE, OUT_OF_QUOTA, Kind, error_document
from imagineart.apis.imagine.parameters import ImagineFields

SECURITY: Final[list[dict[str, list[str]]]] = [{"bearerToken": []}, {"bearerHeader": []}]

_ERRORS: Final[dict[str, tuple[Kind, str]]] = {
    "invalid_request": (KINDS["invalid_request"], "aspect_ratio: got '7:1'; allowed: 1:1, 4:3, 3:4."),
    "invalid_image": (KINDS["invalid_image"], "image: the content is text. Accepted are PNG, JPEG."),
    "missing_bearer_token": (KINDS["missing_bearer_token"], "Missing bearer token."),
    "invalid_token": (KINDS["invalid_token"], "Invalid API token."),
    "missing_scope": (NO_SCOPE, "This token was not issued for this request."),
    "out_of_quota": (OUT_OF_QUOTA, "The limit of 500 images a day (UTC) is reached (images_per_day)."),
    "rate_limited": (KINDS["rate_limited"], "The limit of 30 requests a minute is reached."),
    "internal_error": (KINDS["internal_error"], "Internal error. Retry."),
    "model_not_available": (KINDS["model_not_available"], "The model is not available."),
    "model_error": (KINDS["model_error"], "The inference backend failed. Retry."),
    "model_auth_error": (KINDS["model_auth_error"], "The inference backend refused the credential."),
    "no_tokens_configured": (KINDS["no_tokens_configured"], "No API tokens are configured."),
    "timeout": (KINDS["timeout"], "The model did not respond within 280 seconds. Retry."),
}
_MEANING_BY_STATUS: Final = {
    400: "The request or an image cannot be used, which the message names; or the token is missing.",
    401: "The token is unknown, expired or revoked, or lacks the scope.",
    424: "The images of the day are used up.",
    429: "A limit is reached, which the message names; retry after the seconds in Retry-After.",
    500: "The service failed.",
    503: "The inference backend failed, did not respond in time, or does not serve the model.",
}
_TEXT: Final = {"type": "string"}
_ERROR_SCHEMA: Final = {
    "title": "ImagineErrorResponse",
    "type": "object",
    "required": ["status", "code", "error", "message", "details"],
    "properties": {
        "status": {"type": "string", "enum": ["error"]},
        "code": {"type": "integer"},
        "error": _TEXT,
        "message": _TEXT,
        "details": {"type": "array", "items": _TEXT},
    },
}
_URL_SCHEMA: Final = {
    "title": "ImagineImage",
    "type": "object",
    "required": ["status", "url", "content_type", "width", "height"],
    "properties": {
        "status": {"type": "string", "enum": ["success"]},
        "url": {
            "type": "string",
            "format": "uri",
            "description": "Where the image is: for a day, without a token.",
        },
        "content_type": _TEXT,
        "width": {"type": "integer"},
        "height": {"type": "integer"},
        "seed": {"type": "integer", "description": "There where the model has seeds."},
    },
}


def _error_response(status: int) -> dict[str, Any]:
    examples = {
        name: {"value": error_document(kind, message)}
        for name, (kind, message) in _ERRORS.items()
        if kind.status == status
    }
    is_limit = status in (OUT_OF_QUOTA.status, KINDS["rate_limited"].status)
    return {
        "description": _MEANING_BY_STATUS[status],
        "headers": ERROR_HEADERS | (REFUSED_HEADERS if is_limit else {}),
        "content": {JSON: {"schema": _ERROR_SCHEMA, "examples": examples}},
    }


RESPONSES: Final[Responses] = {
    200: {
        "description": "The image, or a URL of it where Accept prefers JSON.",
        "headers": {
            **REQUEST_HEADERS,
            **LIMIT_HEADERS,
            "X-Seed": header("integer", "The seed; send it to get the image again.", 7),
        },
        "content": {
            "image/png": {"schema": {"type": "string", "format": "binary"}},
            JSON: {"schema": _URL_SCHEMA},
        },
    },
    **{status: _error_response(status) for status in _MEANING_BY_STATUS},
}


def request_body(fields_type: type[ImagineFields]) -> dict[str, Any]:
    """The form of an endpoint."""
    schema = fields_type.request_schema()
    schema["title"] = f"Imagine{schema['title']}"
    schema.pop("description", None)
    file = {"type": "string", "format": "binary"}
    required = [name for name in fields_type.files if name not in fields_type.optional_files]
    schema["properties"] |= dict.fromkeys(fields_type.files, file)
    schema["required"] = [*schema.get("required", []), *required]
    for each in schema["properties"].values():
        each.pop("default", None)
    return {"required": True, "content": {MULTIPART: {"schema": schema}}}

"""What the OpenAPI document says of bodies and responses: headers, errors with examples, schemas."""

from collections.abc import Mapping
from typing import Any, Final

from imagineart.apis.common.documentation import (
    ERROR_HEADERS,
    EXAMPLE_REQUEST_ID,
    LIMIT_HEADERS,
    REFUSED_HEADERS,
    REQUEST_HEADERS,
    Responses,
    header,
    json_response,
)
from imagineart.apis.common.fields import JSON, MULTIPART, URLENCODED
from imagineart.apis.imagineart.errors import STATUS_BY_CODE
from imagineart.results.model import EXTENSION_BY_MEDIA_TYPE, IMAGE_MEDIA_TYPES

_SUFFIX_BY_KIND: Final = {MULTIPART: "Form", URLENCODED: "UrlencodedForm", JSON: ""}

_MEANING_BY_STATUS: Final = {
    400: "The request or a reference image cannot be used; the message names the field.",
    401: "The bearer token is missing, malformed, unknown, expired or revoked, or lacks the scope.",
    404: "No endpoint has this path and method, or what the path names does not exist.",
    410: "The result has expired. Generate it again.",
    429: "A limit is reached, which the message names; retry after the seconds in Retry-After.",
    500: "The service failed. Retry; if it persists, report the request_id.",
    502: "The inference backend failed, refused the service, or does not serve the model.",
    503: "No API tokens are configured on this deployment.",
    504: "The inference backend did not respond in time. Retry with the same Idempotency-Key.",
}
_EXAMPLE_MESSAGES: Final = {
    "invalid_request": "resolution: got '3K'; allowed: 1K, 2K.",
    "invalid_image": "images[0]: the content is text. Accepted are PNG, JPEG, WebP, HEIC, HEIF.",
    "missing_bearer_token": "Missing bearer token. Send the header 'Authorization: Bearer <token>'.",
    "invalid_token": "Invalid API token.",
    "unknown_request": "/v1/models does not support POST; allowed: GET.",
    "result_expired": "The result has expired. Generate it again.",
    "rate_limited": "The limit of 30 requests a minute is reached (requests_per_minute). Retry after the "
    "seconds in Retry-After.",
    "internal_error": "Internal error. Retry; if it persists, report the request_id.",
    "model_not_available": "The model is not available on the inference backend.",
    "model_error": "The inference backend failed. Retry.",
    "model_auth_error": "The inference backend refused this service's credential. Contact the operator.",
    "no_tokens_configured": "No API tokens are configured on this deployment. Contact the operator.",
    "timeout": "The model did not respond within 280 seconds. Retry.",
}

_IMAGE_HEADERS: Final = {
    "X-Seed": header("integer", "The seed of the first image; send it to get the image again.", 7),
    "X-Seed-Supported": header("boolean", "False, in place of X-Seed, where the model has no seed.", False),
    "X-Model": header("string", "The id of the model.", "text-to-image"),
    "X-Backend": header("string", "The backends that made the images, separated by commas.", "bedrock"),
    "X-Image-Width": header("integer", "Width in pixels.", 2496),
    "X-Image-Height": header("integer", "Height in pixels.", 1664),
    "Idempotent-Replayed": header(
        "boolean", "With an Idempotency-Key: whether this is the response to an earlier request.", False
    ),
}
_ERROR_SCHEMA: Final = {
    "title": "ErrorResponse",
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "request_id"],
            "properties": {
                "code": {"type": "string", "description": "The cause; safe to switch on."},
                "message": {
                    "type": "string",
                    "description": "What is wrong and what to do, for a developer.",
                },
                "request_id": {"type": "string"},
            },
        }
    },
}


def _error_response(status: int) -> dict[str, Any]:
    codes = [code for code, each in STATUS_BY_CODE.items() if each == status]
    examples = {
        code: {
            "value": {
                "error": {
                    "code": code, "message": _EXAMPLE_MESSAGES[code], "request_id": EXAMPLE_REQUEST_ID,
                }
            }
        }
        for code in codes
    }  # fmt: skip
    headers = dict(ERROR_HEADERS)
    if status == STATUS_BY_CODE["rate_limited"]:
        headers |= REFUSED_HEADERS
    return {
        "description": _MEANING_BY_STATUS[status],
        "headers": headers,
        "content": {"application/json": {"schema": _ERROR_SCHEMA, "examples": examples}},
    }


IMAGE_ERROR_RESPONSES: Final[Responses] = {
    status: _error_response(status) for status in _MEANING_BY_STATUS if status != 410
}
"""The errors of an endpoint that calls backends."""

ERROR_RESPONSES: Final[Responses] = {
    status: response for status, response in IMAGE_ERROR_RESPONSES.items() if status not in (502, 504)
}
"""The errors of an endpoint that calls no backend."""

RESULT_RESPONSES: Final[Responses] = {
    200: {
        "description": "The file.",
        "headers": {
            **REQUEST_HEADERS,
            "Cache-Control": header("string", "It may be kept until it expires.", "private, max-age=86400"),
            "ETag": header("string", "Identifies the content.", '"9b2cf535f27731c974343645a3985328"'),
        },
        "content": {
            media_type: {"schema": {"type": "string", "format": "binary"}}
            for media_type in EXTENSION_BY_MEDIA_TYPE
        },
    },
    307: {
        "description": "For more than 32 MB, or with the header Range: it is at another URL for 60 seconds.",
        "headers": {**REQUEST_HEADERS, "Location": header("string", "The URL.", "https://…")},
    },
    **{status: _error_response(status) for status in (404, 410, 429, 500)},
}

_IMAGES_SCHEMA: Final = {
    "title": "ImagesResponse",
    "type": "object",
    "required": ["created", "output_format", "size", "data"],
    "properties": {
        "created": {"type": "integer", "description": "Unix seconds."},
        "output_format": {"type": "string", "enum": ["png", "jpeg", "webp"]},
        "size": {"type": "string", "description": "Width and height of each image, such as 2048x2048."},
        "data": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "seed": {"type": "integer", "description": "Absent where the model has no seed."},
                    "b64_json": {
                        "type": "string",
                        "contentEncoding": "base64",
                        "description": "The file, unless the request has response_format=url.",
                    },
                    "url": {
                        "type": "string",
                        "format": "uri",
                        "description": "With response_format=url: where the file is. It needs no token.",
                    },
                },
            },
        },
        "usage": {
            "type": "object",
            "additionalProperties": True,
            "description": "Tokens, where the backend reports them.",
        },
    },
}

_EVENTS_SCHEMA: Final = {
    "type": "string",
    "description": "With stream=true: events in OpenAI's names and shapes, as docs/openai.md describes them.",
}

IMAGE_RESPONSES: Final[Responses] = {
    200: {
        "description": "The image as a file, or all images as JSON or as events.",
        "headers": {**REQUEST_HEADERS, **LIMIT_HEADERS, **_IMAGE_HEADERS},
        "content": {
            **{
                media_type: {"schema": {"type": "string", "format": "binary"}}
                for media_type in IMAGE_MEDIA_TYPES
            },
            "application/json": {"schema": _IMAGES_SCHEMA},
            "text/event-stream": {"schema": _EVENTS_SCHEMA},
        },
    },
    **IMAGE_ERROR_RESPONSES,
}

PREFER: Final = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "`respond-async` responds at once with a job, which makes the images (RFC 7240).",
    "schema": {"type": "string"},
}

_TEXT: Final = {"type": "string"}

MODEL_SCHEMA: Final = {
    "title": "Model",
    "type": "object",
    "required": ["id", "name", "modality", "parameters", "object", "created", "owned_by"],
    "properties": {
        "id": _TEXT, "name": _TEXT, "modality": _TEXT,
        "parameters": {
            "type": "object",
            "additionalProperties": {"type": "object", "additionalProperties": True},
            "description": "What the model accepts, by parameter.",
        },
        "object": {"type": "string", "enum": ["model"]}, "created": {"type": "integer"}, "owned_by": _TEXT,
    },
}  # fmt: skip

MODELS_RESPONSE: Final = json_response(
    "The models available to the caller.",
    {
        "title": "ModelList",
        "type": "object",
        "required": ["data", "object"],
        "properties": {"data": {"type": "array", "items": MODEL_SCHEMA}, "object": _TEXT},
    },
)
MODEL_RESPONSE: Final = json_response("The model.", MODEL_SCHEMA)

UPLOAD_RESPONSE: Final = json_response(
    "A place for exactly one image: PUT its content to the url with the headers, then name its id.",
    {
        "title": "GrantedUpload",
        "type": "object",
        "required": ["id", "method", "url", "headers", "expires_at"],
        "properties": {
            "id": {"type": "string", "description": "Stands for the image in `images` of an edit."},
            "method": {"type": "string", "enum": ["PUT"]},
            "url": {"type": "string", "format": "uri"},
            "headers": {"type": "object", "additionalProperties": _TEXT},
            "expires_at": {"type": "string", "format": "date-time"},
        },
    },
)


def request_body(schemas: Mapping[str, dict[str, Any]], example: dict[str, Any]) -> dict[str, Any]:
    """A required body of several kinds, each with a name of its own, by which generated clients encode it."""
    return {
        "required": True,
        "content": {
            kind: {
                "schema": schema | {"title": schema["title"] + _SUFFIX_BY_KIND[kind]}, "example": example,
            }
            for kind, schema in schemas.items()
        },
    }  # fmt: skip

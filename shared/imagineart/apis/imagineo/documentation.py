"""What the OpenAPI document says of /imagineo/v1."""

from http import HTTPStatus
from typing import Any, Final

from imagineart.apis.common.documentation import ERROR_HEADERS, REFUSED_HEADERS, Responses, json_response
from imagineart.apis.common.fields import JSON
from imagineart.apis.imagineo.parameters import GenerateFields

SECURITY: Final[list[dict[str, list[str]]]] = [{"apiKey": []}]
RUN_ID_EXAMPLE: Final = "gen_0VgmOYqWefVKgh92NSUxWG"
_TEXT: Final = {"type": "string"}

_ERRORS: Final[dict[int, tuple[str, dict[str, str]]]] = {
    400: (
        "A parameter has a bad value, which the message names.",
        {"invalid_parameter": "Invalid value for parameter 'guidance'. Must be between 1 and 20. Got '25'."},
    ),
    401: (
        "The API key is missing, unknown, expired or revoked.",
        {
            "missing_api_key": "Missing API key. Send the header 'X-API-Key: <key>'.",
            "invalid_api_key": "Invalid API token.",
        },
    ),
    403: (
        "The API key was not issued for this request.",
        {
            "forbidden": "This token was not issued for this request, which needs the scope "
            "'images:generate'; it has models:read. Use a token with that scope."
        },
    ),
    404: (
        "No endpoint has this path and method, or the generation does not exist.",
        {"not_found": f"No generation has the run_id '{RUN_ID_EXAMPLE}'. Generations are kept for 30 days."},
    ),
    429: (
        "A limit is reached, which the message names; retry after the seconds in Retry-After.",
        {
            "rate_limited": "The limit of 30 requests a minute is reached (requests_per_minute). Retry after "
            "the seconds in Retry-After."
        },
    ),
    500: (
        "The service failed. Retry; if it persists, report the X-Request-Id.",
        {
            "internal_error": "Internal error. Retry; if it persists, report the request_id.",
            "timeout": "The first request with this Idempotency-Key is still running. Retry with the same "
            "key.",
            "model_not_available": "The model is not available on the inference backend.",
            "no_tokens_configured": "No API tokens are configured on this deployment. Contact the operator.",
        },
    ),
}
_ERROR_SCHEMA: Final = {
    "title": "ImagineoErrorResponse",
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {"code": _TEXT, "message": _TEXT},
        }
    },
}


def _error_responses(*statuses: int) -> Responses:
    return {
        status: {
            "description": _ERRORS[status][0],
            "headers": ERROR_HEADERS | (REFUSED_HEADERS if status == HTTPStatus.TOO_MANY_REQUESTS else {}),
            "content": {
                "application/json": {
                    "schema": _ERROR_SCHEMA,
                    "examples": {
                        code: {"value": {"error": {"code": code, "message": message}}}
                        for code, message in _ERRORS[status][1].items()
                    },
                }
            },
        }
        for status in statuses
    }


GENERATE_BODY: Final[dict[str, Any]] = {
    "required": True,
    "content": {
        JSON: {
            "schema": GenerateFields.request_schema() | {"title": "ImagineoGenerateRequest"},
            "example": {
                "positive_prompt": "A blue ceramic coffee mug on a wooden table",
                "width": 1024,
                "height": 1024,
            },
        }
    },
}

GENERATE_RESPONSES: Final = json_response(
    "The generation was accepted.",
    {
        "title": "ImagineoRun",
        "type": "object",
        "required": ["run_id", "status", "estimated_time"],
        "properties": {
            "run_id": _TEXT,
            "status": {"type": "string", "enum": ["queued"]},
            "estimated_time": {"type": "integer", "description": "Seconds until the image is there."},
        },
    },
) | _error_responses(400, 401, 403, 404, 429, 500)

GENERATION_RESPONSES: Final = json_response(
    "The generation.",
    {
        "title": "ImagineoGeneration",
        "type": "object",
        "required": ["run_id", "status", "progress"],
        "properties": {
            "run_id": _TEXT,
            "status": {"type": "string", "enum": ["queued", "processing", "completed", "failed"]},
            "progress": {
                "type": "integer",
                "minimum": 0,
                "maximum": 100,
                "description": "Percent, estimated from the time that the model usually takes.",
            },
            "image_url": {
                "type": "string",
                "format": "uri",
                "description": "Where the PNG is, once the generation is completed: for a day, without a "
                "key.",
            },
            "error": {
                "type": "object",
                "required": ["code", "message"],
                "description": "Why the generation failed.",
                "properties": {"code": _TEXT, "message": _TEXT},
            },
        },
    },
) | _error_responses(401, 403, 404, 429, 500)

MODELS_RESPONSES: Final = json_response(
    "The models.",
    {
        "title": "ImagineoModels",
        "type": "object",
        "required": ["models"],
        "properties": {
            "models": {
                "type": "array",
                "items": {
                    "title": "ImagineoModel",
                    "type": "object",
                    "required": ["id", "name", "description", "created_at"],
                    "properties": {
                        "id": _TEXT,
                        "name": _TEXT,
                        "description": _TEXT,
                        "created_at": {"type": "string", "format": "date-time"},
                    },
                },
            }
        },
    },
) | _error_responses(401, 403, 404, 429, 500)

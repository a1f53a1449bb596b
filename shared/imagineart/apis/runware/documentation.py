"""What the OpenAPI document says of /runware/v1; docs/runware.md has every field of every task."""

from typing import Any, Final

from imagineart.apis.common.documentation import ERROR_HEADERS, REFUSED_HEADERS, Responses
from imagineart.apis.common.fields import JSON

_TASK_UUID: Final = "a770f077-f413-47de-9dac-be0b26a35da6"
_TASK: Final = {
    "taskType": "imageInference",
    "taskUUID": _TASK_UUID,
    "model": "imagineart:2.0@0",
    "positivePrompt": "A cinematic portrait of a chef plating ramen, warm tungsten light",
    "width": 1152,
    "height": 768,
}
_RESULT: Final = {
    "taskType": "imageInference",
    "taskUUID": _TASK_UUID,
    "imageUUID": "5b1f4c6e-0f3d-4a51-9a94-4a4cf5e1d9a0",
    "imageURL": "https://api.example.com/results/res_4Fq2kZ8sT1vYb6NwR3xJp01zUYaEQm9Lc5HdKoXe7WtGi2BnSuV.jpg",
    "seed": 1844138642,
}
_OBJECTS: Final = {"type": "array", "items": {"type": "object"}}
_ERROR: Final = {
    "title": "TaskError",
    "type": "object",
    "required": ["code", "message"],
    "properties": {
        name: {"type": "string"}
        for name in ("code", "message", "parameter", "taskType", "taskUUID", "documentation")
    },
}
_ERRORS: Final[dict[int, tuple[str, dict[str, str]]]] = {
    400: (
        "Every task failed, and the first one for what it asks.",
        {
            "invalidNumberResults": "numberResults: got '21'; allowed: an integer of 1 to 20.",
            "unsupportedParameter": "steps: is no parameter of this task; allowed: model, width, ...",
            "conflictTaskUUID": "taskUUID: came with another task before; allowed: the same task again, "
            "or a new UUID.",
        },
    ),
    401: (
        "The key is missing, unknown, expired or revoked.",
        {
            "missingApiKey": "Missing bearer token. Send the header 'Authorization: Bearer <token>'.",
            "invalidApiKey": "Invalid API token.",
        },
    ),
    403: (
        "The key was not issued for the first task.",
        {"insufficientPermissions": "This token was not issued for this request. Use another one."},
    ),
    429: (
        "A limit is reached, which the message names; retry after the seconds in Retry-After.",
        {
            "rateLimitExceeded": "The limit of 30 requests a minute is reached (requests_per_minute).",
            "quotaExceeded": "The limit of 500 images a day (UTC) is reached (images_per_day).",
        },
    ),
    500: ("The service failed.", {"internalServerError": "Internal error. Retry."}),
    502: (
        "The inference backend failed.",
        {
            "inferenceError": "The inference backend failed. Retry.",
            "noAvailableServer": "The inference backend could not be reached. Retry.",
            "modelUnavailable": "The model is not available on the inference backend.",
            "providerError": "The inference backend refused this service's credential.",
        },
    ),
    503: ("The deployment has no tokens.", {"serviceUnavailable": "No API tokens are configured."}),
    504: ("The images were not made in time.", {"providerTimeout": "The model did not respond in time."}),
}


def _error_response(status: int, description: str, messages: dict[str, str]) -> dict[str, Any]:
    examples = {}
    for code, message in messages.items():
        error = {"code": code, "message": message, "documentation": "docs/runware.md#errors"}
        examples[code] = {"value": {"data": [], "errors": [error], "error": error}}
    schema = {
        "title": "FailedTasks",
        "type": "object",
        "required": ["error"],
        "properties": {"data": _OBJECTS, "errors": {"type": "array", "items": _ERROR}, "error": _ERROR},
    }
    headers = ERROR_HEADERS | (REFUSED_HEADERS if status == 429 else {})
    return {
        "description": description,
        "headers": headers,
        "content": {JSON: {"schema": schema, "examples": examples}},
    }


RESPONSES: Final[Responses] = {
    200: {
        "description": "Results, and the errors of tasks that failed beside others.",
        "content": {
            JSON: {
                "schema": {
                    "title": "TaskResults",
                    "type": "object",
                    "required": ["data"],
                    "properties": {"data": _OBJECTS, "errors": {"type": "array", "items": _ERROR}},
                },
                "example": {"data": [_RESULT]},
            }
        },
    },
    **{status: _error_response(status, *each) for status, each in _ERRORS.items()},
}

BODY: Final[dict[str, Any]] = {
    "required": True,
    "content": {
        JSON: {
            "schema": {
                "type": "array",
                "minItems": 1,
                "maxItems": 20,
                "items": {
                    "title": "Task",
                    "type": "object",
                    "required": ["taskType"],
                    "properties": {
                        "taskType": {
                            "type": "string",
                            "enum": [
                                "imageInference", "getResponse", "getTaskDetails", "imageUpload",
                                "mediaStorage", "accountManagement", "modelSearch", "ping",
                            ],
                        },
                        "taskUUID": {"type": "string", "format": "uuid"},
                    },
                },
            },
            "example": [_TASK],
        }
    },
}  # fmt: skip

"""What the OpenAPI document says of /imaginelab/api/v1."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import Path

from imagineart.accounts.model import MAX_SAFE_INTEGER
from imagineart.apis.common.documentation import ERROR_HEADERS, REFUSED_HEADERS, Responses, json_response
from imagineart.apis.common.fields import JSON
from imagineart.apis.common.validation import Fields
from imagineart.generations.model import GenerationStatus, GenerationType

_TEXT: Final = {"type": "string"}
_OPTIONAL_TEXT: Final = {"type": ["string", "null"]}
_ID: Final = {"type": "integer", "minimum": 1, "maximum": MAX_SAFE_INTEGER}
_CREDITS: Final = {"type": "integer", "minimum": 0}
_TIME: Final = {"type": "string", "format": "date-time"}
_TYPE: Final = {"type": "string", "enum": [str(each) for each in GenerationType]}
_STATUS: Final = {"type": "string", "enum": [str(each) for each in GenerationStatus]}

PathId = Annotated[str, Path(description="The id of a generation.", json_schema_extra=dict(_ID))]

_ERRORS: Final[dict[int, tuple[str, dict[str, str]]]] = {
    400: (
        "A field has a bad value, which the message names.",
        {"invalid_request": "prompt: got 0 characters after trimming; allowed: 1 to 4000 characters."},
    ),
    401: (
        "The token is missing, unknown, or has ended.",
        {
            "missing_bearer_token": "Missing bearer token. Send the header 'Authorization: Bearer <token>'.",
            "invalid_token": "Could not validate credentials. Log in again.",
        },
    ),
    402: (
        "The account has fewer credits than the generation costs.",
        {"insufficient_credits": "Insufficient credits"},
    ),
    404: ("The account has no such generation.", {"unknown_request": "No generation has the id '1842'."}),
    429: (
        "A limit is reached; retry after the seconds in Retry-After.",
        {"rate_limited": "Too many attempts. Retry after the seconds in Retry-After."},
    ),
    500: (
        "The service failed. Retry; if it persists, report the X-Request-Id.",
        {"internal_error": "Internal error. Retry; if it persists, report the request_id."},
    ),
}


def _object(title: str, **properties: Any) -> dict[str, Any]:
    """An object with all of these properties."""
    return {"title": title, "type": "object", "required": list(properties), "properties": properties}


_ERROR: Final = _object("ImagineLabError", detail=_TEXT)


def _responses(description: str, schema: dict[str, Any], *errors: int, status: int = 200) -> Responses:
    return json_response(description, schema, status=status) | {
        error: {
            "description": _ERRORS[error][0],
            "headers": ERROR_HEADERS | (REFUSED_HEADERS if error == HTTPStatus.TOO_MANY_REQUESTS else {}),
            "content": {
                JSON: {
                    "schema": _ERROR,
                    "examples": {
                        code: {"value": {"detail": message}} for code, message in _ERRORS[error][1].items()
                    },
                }
            },
        }
        for error in errors
    }


def body_of(fields: type[Fields], example: dict[str, Any], *, media_type: str = JSON) -> dict[str, Any]:
    """The documentation of a request's body."""
    schema = fields.request_schema() | {"title": f"ImagineLab{fields.__name__}"}
    return {
        "requestBody": {"required": True, "content": {media_type: {"schema": schema, "example": example}}}
    }


def generation_body(
    fields: type[Fields], settings: Sequence[type[Fields]], example: dict[str, Any]
) -> dict[str, Any]:
    """The documentation of a new generation, with the settings of each type."""
    documented = body_of(fields, example)
    schemas = [each.request_schema() | {"title": f"ImagineLab{each.__name__}"} for each in settings]
    properties = documented["requestBody"]["content"][JSON]["schema"]["properties"]
    properties["settings"] = {
        "anyOf": [*schemas, {"type": "null"}],
        "description": "Those of the generation_type; an infographic has those of an image.",
    }
    properties["project_id"] = {"type": ["integer", "string", "null"], "maxLength": 64, "minimum": 0}
    return documented


def query_of(fields: type[Fields]) -> dict[str, Any]:
    """The documentation of a request's query."""
    properties = fields.request_schema()["properties"]
    return {
        "parameters": [
            {"name": name, "in": "query", "required": False, "schema": schema}
            for name, schema in properties.items()
        ]
    }


_ACCOUNT: Final = _object(
    "ImagineLabAccount",
    id=_ID,
    email=_TEXT,
    full_name=_OPTIONAL_TEXT,
    is_active={"type": "boolean"},
    created_at=_TIME,
    credits=_CREDITS | {"description": "Those that may be spent."},
)
_MESSAGE: Final = _object("ImagineLabMessage", message=_TEXT)
_OUTPUT: Final = {
    "title": "ImagineLabOutput",
    "type": "object",
    "required": ["id", "type", "created_at"],
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "type": _TYPE,
        "url": {"type": "string", "format": "uri", "description": "Where the file is, without a token."},
        "text": _TEXT | {"description": "In place of a URL, where the type is text."},
        "created_at": _TIME,
    },
}
_GENERATION: Final = _object(
    "ImagineLabGeneration",
    id=_ID,
    user_id=_ID,
    generation_type=_TYPE,
    model_name=_TEXT,
    prompt=_TEXT,
    settings={"type": "object"},
    project_id={"type": ["integer", "string", "null"]},
    status=_STATUS,
    credit_cost=_CREDITS,
    created_at=_TIME,
    outputs={"type": "array", "items": _OUTPUT, "description": "Empty until it is completed."},
    error_message=_OPTIONAL_TEXT | {"description": "Why it failed."},
)

SIGNED_UP: Final = _responses("The account.", _ACCOUNT, 400, 429, 500, status=201)
LOGGED_IN: Final = _responses(
    "A token for eight days.",
    _object("ImagineLabToken", access_token=_TEXT, token_type={"type": "string", "enum": ["bearer"]}),
    400, 429, 500,
)  # fmt: skip
MESSAGE: Final = _responses("What was done.", _MESSAGE, 400, 429, 500)
ACCOUNT: Final = _responses("The account.", _ACCOUNT, 401, 429, 500)
DELETED: Final = _responses("What was done.", _MESSAGE, 401, 429, 500)
CREATED: Final = _responses("The generation.", _GENERATION, 400, 401, 402, 429, 500, status=201)
PAGE: Final = _responses(
    "A part of the list, and how many there are in all.",
    _object("ImagineLabPage", data={"type": "array", "items": _GENERATION}, count=_CREDITS),
    400, 401, 429, 500,
)  # fmt: skip
MODELS: Final = _responses(
    "The models.",
    {
        "type": "array",
        "items": _object("ImagineLabModel", name=_TEXT, generation_type=_TYPE, credit_cost=_CREDITS),
    },
    401, 429, 500,
)  # fmt: skip
GENERATION: Final = _responses("The generation.", _GENERATION, 401, 404, 429, 500)
STATUS: Final = _responses(
    "How far it is.",
    _object(
        "ImagineLabStatus",
        id=_ID,
        status=_STATUS,
        progress={"type": "integer", "minimum": 0, "maximum": 100, "description": "Percent."},
    ),
    401, 404, 429, 500,
)  # fmt: skip
GENERATION_DELETED: Final = _responses("What was done.", _MESSAGE, 401, 404, 429, 500)

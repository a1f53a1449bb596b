"""What the OpenAPI document says of every API: headers and responses."""

from typing import Any, Final, TypeAlias

Responses: TypeAlias = dict[int | str, dict[str, Any]]

EXAMPLE_REQUEST_ID: Final = "6a0b3c1e-5d2f-4c7a-9e8b-1f2a3b4c5d6e"


def header(kind: str, description: str, example: Any) -> dict[str, Any]:
    """The documentation of a response's header."""
    return {"description": description, "schema": {"type": kind}, "example": example}


REQUEST_HEADERS: Final = {
    "X-Request-Id": header(
        "string",
        "Identifies the request in the operator's logs; quote it to the operator.",
        EXAMPLE_REQUEST_ID,
    )
}
LIMIT_HEADERS: Final = {
    "X-RateLimit-Resource": header(
        "string", "The limit that the next three describe.", "requests_per_minute"
    ),
    "X-RateLimit-Limit": header("integer", "The size of the limit.", 30),
    "X-RateLimit-Remaining": header("integer", "What is left of it; 0 with status 429.", 29),
    "X-RateLimit-Reset": header("integer", "When there is room again, in Unix seconds.", 1_795_219_260),
}
ERROR_HEADERS: Final = {
    **REQUEST_HEADERS,
    "X-Should-Retry": header(
        "boolean",
        "Whether the same request may succeed when it is sent again; OpenAI's clients obey it.",
        True,
    ),
}
REFUSED_HEADERS: Final = {**LIMIT_HEADERS, "Retry-After": header("integer", "Seconds to wait.", 42)}
"""Of a response with status 429, beside those of every error."""

IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Makes a retry safe: for 24 hours the same request with the same key gets the same "
    "response, byte for byte. No image is made again, and a replay takes no slot and no room in the day. "
    "While the first request is running, the second one waits for it for 20 seconds, and is then a timeout, "
    "to be sent again with the same key. Another request with the key is refused. A failure frees the key.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


def json_response(
    description: str,
    schema: dict[str, Any],
    *,
    status: int = 200,
    headers: dict[str, Any] | None = None,
) -> Responses:
    """The documentation of a successful response in JSON."""
    return {
        status: {
            "description": description,
            "headers": {**REQUEST_HEADERS, **LIMIT_HEADERS, **(headers or {})},
            "content": {"application/json": {"schema": schema}},
        }
    }

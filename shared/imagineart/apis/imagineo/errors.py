"""The error format of /imagineo/v1: its codes and statuses, and its sentence for a bad parameter.

Source: ImagineoAI REST API, "Error Handling", which has no other statuses than these.
"""

from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from starlette.responses import JSONResponse

from imagineart.access.tokens import MissingScopeError
from imagineart.apis.imagineo.operations import KEY_HEADER
from imagineart.errors import (
    ImagineArtError,
    InvalidFieldError,
    InvalidRequestError,
    MissingBearerTokenError,
    RateLimitedError,
)

CODES: Final = MappingProxyType(
    {
        "invalid_request": (HTTPStatus.BAD_REQUEST, "invalid_parameter"),
        "missing_bearer_token": (HTTPStatus.UNAUTHORIZED, "missing_api_key"),
        "invalid_token": (HTTPStatus.UNAUTHORIZED, "invalid_api_key"),
        "unknown_request": (HTTPStatus.NOT_FOUND, "not_found"),
        "rate_limited": (HTTPStatus.TOO_MANY_REQUESTS, "rate_limited"),
    }
)
"""Status and code by our own code. Every other error is a 500 under our own."""

FORBIDDEN: Final = "forbidden"


def error_response(error: ImagineArtError, request_id: str) -> JSONResponse:
    """``{"error": {"code", "message"}}``; the headers have the request id, and when to retry."""
    status, code = CODES.get(error.code, (HTTPStatus.INTERNAL_SERVER_ERROR, error.code))
    if isinstance(error, MissingScopeError):
        status, code = HTTPStatus.FORBIDDEN, FORBIDDEN
    headers = {"X-Request-Id": request_id, "X-Should-Retry": str(error.retryable).lower()}
    if isinstance(error, RateLimitedError):
        headers["Retry-After"] = str(error.retry_after_seconds)
    return JSONResponse({"error": {"code": code, "message": _message(error)}}, status, headers)


def public_code(code: str) -> str:
    """The code of this API for one of ours."""
    return CODES[code][1] if code in CODES else code


def _message(error: ImagineArtError) -> str:
    if isinstance(error, MissingBearerTokenError):
        return f"Missing API key. Send the header '{KEY_HEADER}: <key>'."
    if isinstance(error, InvalidFieldError):
        came = error.came[:1].upper() + error.came[1:]
        return f"Invalid value for parameter '{error.field}'. Must be {error.allowed}. {came}."
    if isinstance(error, InvalidRequestError):
        problem = error.message.removeprefix(f"{error.field}: ")
        # A body of this API is never a form.
        name = "body" if error.field == "form" else error.field
        return f"Invalid value for parameter '{name}'. {problem[:1].upper()}{problem[1:]}"
    return error.message

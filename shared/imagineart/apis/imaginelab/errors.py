"""ImagineLab's error format, ``{"detail": "..."}``, and the status of every public code.

Source: ImagineLab API, "Errors & Limits".
"""

from types import MappingProxyType
from typing import Final

from starlette.responses import JSONResponse

from imagineart.backends.model import BackendBusyError
from imagineart.errors import ImagineArtError, RateLimitedError

STATUS_BY_CODE: Final = MappingProxyType(
    {
        "invalid_request": 400,
        "invalid_image": 400,
        "missing_bearer_token": 401,
        "invalid_token": 401,
        "insufficient_credits": 402,
        "unknown_request": 404,
        "result_expired": 404,
        "rate_limited": 429,
        "internal_error": 500,
        "no_tokens_configured": 500,
        "model_not_available": 502,
        "model_error": 502,
        "model_auth_error": 502,
        "timeout": 502,
    }
)
_UNAUTHORIZED: Final = 401


def error_response(error: ImagineArtError, request_id: str) -> JSONResponse:
    """The error under its code's status, with WWW-Authenticate and Retry-After where they belong."""
    status = STATUS_BY_CODE[error.code]
    headers = {"X-Request-Id": request_id, "X-Should-Retry": str(error.retryable).lower()}
    if status == _UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, (RateLimitedError, BackendBusyError)):
        headers["Retry-After"] = str(error.retry_after_seconds)
    return JSONResponse({"detail": error.message}, status, headers)

"""The error format of /v1, and the one table that gives every public code its HTTP status.

Source: ImagineArt 2.0 API reference, "Errors".
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
        "unknown_request": 404,
        "result_expired": 410,
        "rate_limited": 429,
        "internal_error": 500,
        "model_not_available": 502,
        "model_error": 502,
        "model_auth_error": 502,
        "no_tokens_configured": 503,
        "timeout": 504,
    }
)


def error_response(error: ImagineArtError, request_id: str) -> JSONResponse:
    """``{"error": {"code", "message", "request_id"}}`` under the code's status; Retry-After where known.

    OpenAI's clients retry every 5xx unless X-Should-Retry says otherwise:
    https://github.com/openai/openai-python/blob/main/src/openai/_base_client.py
    """
    headers = {"X-Request-Id": request_id, "X-Should-Retry": str(error.retryable).lower()}
    if isinstance(error, (RateLimitedError, BackendBusyError)):
        headers["Retry-After"] = str(error.retry_after_seconds)
    body = {"error": {"code": error.code, "message": error.message, "request_id": request_id}}
    return JSONResponse(body, STATUS_BY_CODE[error.code], headers)

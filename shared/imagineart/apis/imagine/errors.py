"""The error format of /imagine: one table gives each error its status, its number and its name.

PyPI ``imaginesdk`` raises ValueError for a status that it does not know, so that no others leave: see
docs/imagine.md. Source of the numbers: https://docs.imagine.art/troubleshooting/error-documentation
"""

from http import HTTPStatus
from types import MappingProxyType
from typing import Final, NamedTuple

from starlette.responses import JSONResponse

from imagineart.access.limits import LimitName, LimitReachedError
from imagineart.access.tokens import MissingScopeError
from imagineart.backends.model import BackendBusyError
from imagineart.errors import ImagineArtError, RateLimitedError


class Kind(NamedTuple):
    """What a caller sees of an error beside its message."""

    status: int
    number: int
    name: str


_INVALID: Final = Kind(400, 1100, "BadRequest")
_FAILED: Final = Kind(503, 1201, "ServiceUnavailable")
NO_SCOPE: Final = Kind(401, 1005, "Unauthorized")
OUT_OF_QUOTA: Final = Kind(424, 1101, "PaymentRequired")

KINDS: Final = MappingProxyType(
    {
        "invalid_request": _INVALID,
        "invalid_image": _INVALID,
        "missing_bearer_token": Kind(400, 1000, "BadRequest"),
        "invalid_token": Kind(401, 1001, "Unauthorized"),
        "unknown_request": Kind(404, 1100, "NotFound"),
        "rate_limited": Kind(429, 1202, "TooManyRequests"),
        "internal_error": Kind(500, 1200, "InternalServerError"),
        "model_not_available": _FAILED,
        "model_error": _FAILED,
        "model_auth_error": _FAILED,
        "no_tokens_configured": _FAILED,
        "timeout": _FAILED,
    }
)
"""By our own code. Results that expire are another endpoint's."""


def kind_of(error: ImagineArtError) -> Kind:
    """The row of the table for an error."""
    if isinstance(error, MissingScopeError):
        return NO_SCOPE
    if isinstance(error, LimitReachedError) and error.status.name is LimitName.IMAGES_PER_DAY:
        return OUT_OF_QUOTA
    return KINDS[error.code]


def error_response(error: ImagineArtError, request_id: str) -> JSONResponse:
    """The document below; the headers have the request id, and when to retry."""
    kind = kind_of(error)
    headers = {"X-Request-Id": request_id, "X-Should-Retry": str(error.retryable).lower()}
    if isinstance(error, (RateLimitedError, BackendBusyError)):
        headers["Retry-After"] = str(error.retry_after_seconds)
    if kind.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(error_document(kind, error.message), kind.status, headers)


def error_document(kind: Kind, message: str) -> dict[str, object]:
    """``code``, ``details`` and ``error`` as npm ``imaginesdk`` reads them, and what version 2 has beside."""
    return {
        "status": "error",
        "code": kind.number,
        "error": kind.name,
        "message": message,
        "details": [message],
    }

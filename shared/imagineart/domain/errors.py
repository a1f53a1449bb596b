"""Every failure a caller can be told about, as one tree whose leaves carry their public code.

Tree::

    ImagineArtError
    ├── InvalidRequestError        invalid_request
    ├── InvalidImageError          invalid_image
    ├── MissingBearerTokenError    missing_bearer_token
    ├── InvalidTokenError          invalid_token
    │   └── MissingScopeError      invalid_token
    ├── UnknownRequestError        unknown_request
    ├── RateLimitedError           rate_limited
    │   ├── LimitReachedError      rate_limited
    │   └── WrongTokensError       rate_limited
    ├── InternalError              internal_error
    ├── ModelNotAvailableError     model_not_available
    ├── ModelError                 model_error
    │   ├── ModelUnavailableError  model_error
    │   └── OrderRefusedError      model_error
    ├── ModelAuthError             model_auth_error
    ├── NoTokensConfiguredError    no_tokens_configured
    ├── ModelTimeoutError          timeout
    └── AnswerPendingError         timeout

Source of the codes: ImagineArt 2.0 API reference, "Errors".
"""

from collections.abc import Iterable
from typing import ClassVar, Final

from imagineart.domain.limit_status import LimitStatus

_PATIENCE_SECONDS: Final = 60
"""How long clients wait by themselves: OpenAI's take a longer Retry-After for none, and ask at once."""


class ImagineArtError(Exception):
    """The root. `message` is written for the caller; `detail`, if any, only for the operator's log."""

    code: ClassVar[str]
    retryable: bool = False
    """Whether the same request may succeed when it is sent again unchanged, within a minute or so."""

    def __init__(self, message: str, *, detail: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail


class InvalidRequestError(ImagineArtError):
    """The request breaks the contract; `field` names where, the message also what came and what is allowed.

    `field` is one of our own names and may be logged; the rest of the message may quote the caller.
    """

    code = "invalid_request"

    def __init__(self, field: str, problem: str, *, detail: str | None = None) -> None:
        super().__init__(f"{field}: {problem}", detail=detail)
        self.field = field


class InvalidImageError(ImagineArtError):
    """A reference image cannot be used; `field` says which one, the message also why."""

    code = "invalid_image"

    def __init__(self, field: str, problem: str, *, detail: str | None = None) -> None:
        super().__init__(f"{field}: {problem}", detail=detail)
        self.field = field


class MissingBearerTokenError(ImagineArtError):
    """No bearer token came with the request."""

    code = "missing_bearer_token"

    def __init__(self) -> None:
        super().__init__("Missing bearer token. Send the header 'Authorization: Bearer <token>'.")


class InvalidTokenError(ImagineArtError):
    """The token is malformed, unknown, expired or revoked."""

    code = "invalid_token"

    def __init__(self, message: str = "Invalid API token.", *, detail: str | None = None) -> None:
        super().__init__(message, detail=detail)


class MissingScopeError(InvalidTokenError):
    """The token is genuine and was not issued for this."""

    code = "invalid_token"

    def __init__(self, *, needed: str, held: Iterable[str]) -> None:
        super().__init__(
            f"This token was not issued for this request, which needs the scope '{needed}'; it has "
            f"{', '.join(sorted(held))}. Use a token with that scope."
        )


class UnknownRequestError(ImagineArtError):
    """No endpoint answers this path and method."""

    code = "unknown_request"


class RateLimitedError(ImagineArtError):
    """A limit was reached; the same request may succeed after `retry_after_seconds`."""

    code = "rate_limited"
    retryable = True

    def __init__(self, message: str, *, retry_after_seconds: int, detail: str | None = None) -> None:
        super().__init__(message, detail=detail)
        self.retry_after_seconds = retry_after_seconds


class LimitReachedError(RateLimitedError):
    """A limit of the consumer's own was reached; `status` says which."""

    code = "rate_limited"

    def __init__(self, status: LimitStatus, *, now: int) -> None:
        super().__init__(
            f"The limit of {status.description} is reached ({status.name}). Retry after the seconds in "
            "Retry-After.",
            retry_after_seconds=max(1, status.reset_at - now),
        )
        self.status = status
        self.retryable = self.retry_after_seconds <= _PATIENCE_SECONDS


class WrongTokensError(RateLimitedError):
    """Too many requests came with one token's id and a wrong secret; the right one is still let in."""

    code = "rate_limited"
    retryable = False

    def __init__(self, *, retry_after_seconds: int, detail: str) -> None:
        super().__init__(
            "Too many requests with this invalid API token. Use a valid one; Retry-After says when this one "
            "is looked at again.",
            retry_after_seconds=retry_after_seconds,
            detail=detail,
        )


class InternalError(ImagineArtError):
    """Something of ours failed; the caller learns only that, the log learns `detail`."""

    code = "internal_error"
    retryable = True

    def __init__(self, *, detail: str | None = None) -> None:
        super().__init__("Internal error. Retry; if it persists, report the request_id.", detail=detail)


class ModelNotAvailableError(ImagineArtError):
    """The inference backend does not serve the configured model."""

    code = "model_not_available"

    def __init__(self, *, detail: str | None = None) -> None:
        super().__init__("The model is not available on the inference backend.", detail=detail)


class ModelError(ImagineArtError):
    """The inference backend failed, was unreachable, or answered something that is no picture."""

    code = "model_error"
    retryable = True

    def __init__(
        self, message: str = "The inference backend failed. Retry.", *, detail: str | None = None
    ) -> None:
        super().__init__(message, detail=detail)


class ModelUnavailableError(ModelError):
    """The inference backend did not begin to work: it could not be reached, or it is overloaded or starting.

    Asking again is safe, since nothing was painted.
    """

    code = "model_error"

    def __init__(
        self,
        message: str = "The inference backend could not be reached. Retry.",
        *,
        detail: str | None = None,
    ) -> None:
        super().__init__(message, detail=detail)


class OrderRefusedError(ModelError):
    """The inference backend does not take this order, though it may be well; another backend may take it."""

    code = "model_error"
    retryable = False

    def __init__(self, *, detail: str | None = None) -> None:
        super().__init__("The inference backend does not take this request.", detail=detail)


class ModelAuthError(ImagineArtError):
    """The inference backend refused this deployment's credential."""

    code = "model_auth_error"

    def __init__(self, *, detail: str | None = None) -> None:
        super().__init__(
            "The inference backend refused this service's credential. The operator has to mend it.",
            detail=detail,
        )


class NoTokensConfiguredError(ImagineArtError):
    """No token exists in any store, so nobody can be let in."""

    code = "no_tokens_configured"

    def __init__(self) -> None:
        super().__init__("No API tokens are configured on this deployment. The operator has to create one.")


class ModelTimeoutError(ImagineArtError):
    """The inference backend did not answer within the deadline."""

    code = "timeout"
    retryable = True

    def __init__(self, *, deadline_seconds: float, detail: str | None = None) -> None:
        super().__init__(
            f"The model did not answer within {deadline_seconds:.0f} seconds. Retry.", detail=detail
        )


class AnswerPendingError(ImagineArtError):
    """The first request with an Idempotency-Key was still under way when the time of the second ended."""

    code = "timeout"
    retryable = True

    def __init__(self) -> None:
        super().__init__(
            "The first request with this Idempotency-Key is still being answered. Retry with the same key."
        )

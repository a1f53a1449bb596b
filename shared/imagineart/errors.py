"""Every failure that a caller can see, as one tree whose leaves carry their public code.

Tree::

    ImagineArtError
    ├── InvalidRequestError        invalid_request
    │   ├── InvalidFieldError      invalid_request
    │   ├── KeyConflictError       invalid_request (idempotency)
    │   ├── UploadFailedError      invalid_request (results)
    │   ├── RefusedTaskError       invalid_request (apis)
    │   └── FailedTaskError        invalid_request (apis)
    ├── InvalidImageError          invalid_image
    ├── MissingBearerTokenError    missing_bearer_token
    ├── InvalidTokenError          invalid_token
    │   └── MissingScopeError      invalid_token (access)
    ├── UnknownRequestError        unknown_request
    ├── ResultExpiredError         result_expired
    ├── RateLimitedError           rate_limited
    │   ├── LimitReachedError      rate_limited (access)
    │   ├── WrongTokensError       rate_limited (access)
    │   ├── AttemptsReachedError   rate_limited (accounts)
    │   └── TooManyReservationsError rate_limited (credits)
    ├── InsufficientCreditsError   insufficient_credits (credits)
    ├── RefusedError               invalid_request (accounts)
    ├── InternalError              internal_error
    │   └── AwsCallError           internal_error (aws)
    ├── ModelNotAvailableError     model_not_available
    ├── ModelError                 model_error
    │   ├── ModelUnavailableError  model_error
    │   │   └── BackendBusyError   model_error (backends)
    │   ├── RequestRefusedError    model_error
    │   ├── ResponseTooLargeError  model_error
    │   └── OrderFailedError       model_error (media)
    ├── ModelAuthError             model_auth_error
    ├── NoTokensConfiguredError    no_tokens_configured
    ├── ModelTimeoutError          timeout
    └── ResponsePendingError       timeout

Source of the codes: ImagineArt 2.0 API reference, "Errors".
"""

from typing import ClassVar


class ImagineArtError(Exception):
    """The root. `message` is written for the caller; `detail` is for the operator's log alone."""

    code: ClassVar[str]
    retryable: bool = False
    """Whether the same request may succeed when it is sent again unchanged, within a minute or so."""

    def __init__(self, message: str, *, detail: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail


class InvalidRequestError(ImagineArtError):
    """The request breaks the contract. The message names the field, what came and what is allowed.

    `field` is one of our own names and may be logged; the rest of the message may quote the caller.
    """

    code = "invalid_request"

    def __init__(self, field: str, problem: str, *, detail: str | None = None) -> None:
        super().__init__(f"{field}: {problem}", detail=detail)
        self.field = field


class InvalidFieldError(InvalidRequestError):
    """A field has a bad value; `came` and `allowed` say so in words, for APIs with sentences of their own."""

    code = "invalid_request"

    def __init__(self, field: str, *, came: str, allowed: str) -> None:
        super().__init__(field, f"{came}; allowed: {allowed}.")
        self.came = came
        self.allowed = allowed


class InvalidImageError(ImagineArtError):
    """A reference image cannot be used. `field` names it; the message says why."""

    code = "invalid_image"

    def __init__(self, field: str, problem: str, *, detail: str | None = None) -> None:
        super().__init__(f"{field}: {problem}", detail=detail)
        self.field = field


class MissingBearerTokenError(ImagineArtError):
    """The request has no bearer token."""

    code = "missing_bearer_token"

    def __init__(self) -> None:
        super().__init__("Missing bearer token. Send the header 'Authorization: Bearer <token>'.")


class InvalidTokenError(ImagineArtError):
    """The token is malformed, unknown, expired or revoked."""

    code = "invalid_token"

    def __init__(self, message: str = "Invalid API token.", *, detail: str | None = None) -> None:
        super().__init__(message, detail=detail)


class UnknownRequestError(ImagineArtError):
    """No endpoint has this path and method, or what the path names does not exist."""

    code = "unknown_request"


class ResultExpiredError(ImagineArtError):
    """The time that a result is kept for is over."""

    code = "result_expired"

    def __init__(self) -> None:
        super().__init__("The result has expired. Generate it again.")


class RateLimitedError(ImagineArtError):
    """A limit is reached; the same request may succeed after `retry_after_seconds`."""

    code = "rate_limited"
    retryable = True

    def __init__(self, message: str, *, retry_after_seconds: int, detail: str | None = None) -> None:
        super().__init__(message, detail=detail)
        self.retry_after_seconds = retry_after_seconds


class InternalError(ImagineArtError):
    """The service itself failed. The caller sees only that; `detail` says what."""

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
    """The inference backend failed, or returned something that cannot be used."""

    code = "model_error"
    retryable = True

    def __init__(
        self, message: str = "The inference backend failed. Retry.", *, detail: str | None = None
    ) -> None:
        super().__init__(message, detail=detail)


class ModelUnavailableError(ModelError):
    """The inference backend did not start to work: it is unreachable, overloaded or starting.

    A retry is safe, since nothing was made.
    """

    code = "model_error"

    def __init__(
        self,
        message: str = "The inference backend could not be reached. Retry.",
        *,
        detail: str | None = None,
    ) -> None:
        super().__init__(message, detail=detail)


class RequestRefusedError(ModelError):
    """The inference backend does not accept this request, though it may be healthy; another one may."""

    code = "model_error"
    retryable = False

    def __init__(self, *, detail: str | None = None) -> None:
        super().__init__("The inference backend does not accept this request.", detail=detail)


class ResponseTooLargeError(ModelError):
    """The inference backend's response is larger than any that is read."""

    code = "model_error"


class ModelAuthError(ImagineArtError):
    """The inference backend refused this deployment's credential."""

    code = "model_auth_error"

    def __init__(self, *, detail: str | None = None) -> None:
        super().__init__(
            "The inference backend refused this service's credential. Contact the operator.", detail=detail
        )


class NoTokensConfiguredError(ImagineArtError):
    """No store holds any token, so no caller can be authenticated."""

    code = "no_tokens_configured"

    def __init__(self) -> None:
        super().__init__("No API tokens are configured on this deployment. Contact the operator.")


class ModelTimeoutError(ImagineArtError):
    """The inference backend did not respond before the deadline."""

    code = "timeout"
    retryable = True

    def __init__(self, *, deadline_seconds: float, detail: str | None = None) -> None:
        super().__init__(
            f"The model did not respond within {deadline_seconds:.0f} seconds. Retry.", detail=detail
        )


class ResponsePendingError(ImagineArtError):
    """The first request with an Idempotency-Key was still running when a second one stopped waiting."""

    code = "timeout"
    retryable = True

    def __init__(self) -> None:
        super().__init__(
            "The first request with this Idempotency-Key is still running. Retry with the same key."
        )


class NotFoundError(LookupError):
    """A consumer, token or pepper that the operator named does not exist; the text says which.

    No caller of the API sees it, so it has no public code.
    """

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"{kind}: got '{name[:80]}', which does not exist.")

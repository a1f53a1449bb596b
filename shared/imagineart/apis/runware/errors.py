"""Errors of tasks, in the words of Runware's API, and the HTTP status of a request whose tasks all failed.

Source of the codes: the error categories of Runware's own SDKs (PyPI ``runware-sdk`` 1.8.0). They decide by
the code whether a failed task is sent again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from starlette.responses import JSONResponse

from imagineart.access.limits import LimitName, LimitReachedError
from imagineart.access.tokens import MissingScopeError
from imagineart.backends.model import BackendBusyError
from imagineart.errors import (
    ImagineArtError,
    InvalidImageError,
    InvalidRequestError,
    ModelUnavailableError,
    RateLimitedError,
    ResponsePendingError,
)
from imagineart.idempotency.respond_once import KeyConflictError
from imagineart.jobs.make_images import UPLOAD_FIELD
from imagineart.results.send_file import UploadFailedError

DOCUMENTATION: Final = "docs/runware.md#errors"

_BY_CODE: Final[Mapping[str, tuple[str, int]]] = MappingProxyType(
    {
        "invalid_request": ("invalidRequest", 400),
        "invalid_image": ("invalidImage", 400),
        "missing_bearer_token": ("missingApiKey", 401),
        "invalid_token": ("invalidApiKey", 401),
        "unknown_request": ("unknownRequestNotFound", 404),
        "result_expired": ("resultExpired", 400),
        "rate_limited": ("rateLimitExceeded", 429),
        "internal_error": ("internalServerError", 500),
        "model_not_available": ("modelUnavailable", 502),
        "model_error": ("inferenceError", 502),
        "model_auth_error": ("providerError", 502),
        "no_tokens_configured": ("serviceUnavailable", 503),
        "timeout": ("providerTimeout", 504),
    }
)
"""The code and the HTTP status for each public code of `imagineart.errors`."""


_REFUSED_PROMPT: Final = "providerContentPolicyViolation"
_UPLOAD_FAILED: Final = "uploadFailed"


class RefusedTaskError(InvalidRequestError):
    """A task breaks the contract. `task_code` is Runware's; `bounds` may have its type, min and max."""

    code = "invalid_request"

    def __init__(
        self, task_code: str, parameter: str, problem: str, *, bounds: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(parameter, problem)
        self.task_code = task_code
        self.bounds = bounds or {}


class FailedTaskError(InvalidRequestError):
    """A task failed earlier, with `error`."""

    code = "invalid_request"

    def __init__(self, error: "TaskError") -> None:
        super().__init__("task", error.message)
        self.error = error


@dataclass(frozen=True, slots=True)
class TaskError:
    """An error of one task; `status` is that of a request whose tasks all failed."""

    code: str
    message: str
    status: int
    parameter: str | None = None
    bounds: Mapping[str, Any] = field(default_factory=dict)
    task_type: str | None = None
    task_uuid: str | None = None
    is_final: bool = False
    """Whether a task ended with it that was acknowledged before."""

    def document(self) -> dict[str, Any]:
        """The error as an element of ``errors``."""
        return dict(self._members())

    def _members(self) -> Iterator[tuple[str, Any]]:
        yield from (("code", self.code), ("message", self.message))
        named = (("parameter", self.parameter), ("taskType", self.task_type), ("taskUUID", self.task_uuid))
        yield from ((name, value) for name, value in named if value is not None)
        if self.is_final:
            yield "status", "error"
        yield from self.bounds.items()
        yield "documentation", DOCUMENTATION


def task_error(error: ImagineArtError, *, task_type: str | None, task_uuid: str | None) -> TaskError:
    """The error that a task ended with, for its caller."""
    if isinstance(error, FailedTaskError):
        return error.error
    code, status = _code_and_status(error)
    parameter = _parameter(error)
    return TaskError(
        code,
        _message(error),
        status,
        parameter,
        getattr(error, "bounds", None) or ({"type": "string"} if parameter == "apiKey" else {}),
        task_type,
        task_uuid,
    )


def error_of_job(code: str, message: str, task_uuid: str, *, field: str = "") -> TaskError:
    """The error of a job that failed with a public code, or one of Runware's."""
    task_code, status = _BY_CODE.get(code, (code, 400))
    if code == InvalidRequestError.code:
        task_code = _UPLOAD_FAILED if field == UPLOAD_FIELD else _REFUSED_PROMPT
    return TaskError(
        task_code, message, status, task_type="imageInference", task_uuid=task_uuid, is_final=True
    )


def _code_and_status(error: ImagineArtError) -> tuple[str, int]:
    code, status = _BY_CODE[error.code]
    match error:
        case RefusedTaskError():
            return error.task_code, status
        case KeyConflictError():
            return "conflictTaskUUID", status
        case MissingScopeError():
            return "insufficientPermissions", 403
        case LimitReachedError() if error.status.name is LimitName.IMAGES_PER_DAY:
            return "quotaExceeded", status
        case ModelUnavailableError():
            return "noAvailableServer", status
        case UploadFailedError():
            return _UPLOAD_FAILED, status
        case InvalidRequestError(field="prompt"):
            # No other check is left once a backend has the prompt.
            return _REFUSED_PROMPT, status
        case InvalidRequestError() | InvalidImageError():
            return f"invalid{last_name(error.field)}", status
    return code, status


def _message(error: ImagineArtError) -> str:
    if isinstance(error, KeyConflictError):
        return "taskUUID: came with another task before; allowed: the same task again, or a new UUID."
    if isinstance(error, ResponsePendingError):
        return "The first task with this taskUUID is still running. Send it again."
    return error.message


def last_name(parameter: str) -> str:
    """``ReferenceImages`` of ``inputs.referenceImages[1]``."""
    name = parameter.rpartition(".")[2].partition("[")[0]
    return name[:1].upper() + name[1:]


def _parameter(error: ImagineArtError) -> str | None:
    if isinstance(error, KeyConflictError):
        return "taskUUID"
    if error.code in ("missing_bearer_token", "invalid_token"):
        return "apiKey"
    named: str | None = getattr(error, "field", None)
    return "positivePrompt" if named == "prompt" else named and named.partition("[")[0]


def error_response(error: ImagineArtError, request_id: str) -> JSONResponse:
    """The response to a request of which no task was begun."""
    return failure_response([task_error(error, task_type=None, task_uuid=None)], error, request_id)


def failure_response(errors: list[TaskError], first: ImagineArtError | None, request_id: str) -> JSONResponse:
    """``{"data": [], "errors": [...], "error": {...}}`` under the status of the first error.

    Runware's SDKs read ``errors``; its provider for the AI SDK reads ``error`` alone.
    """
    is_retryable = first is not None and first.retryable
    headers = {"X-Request-Id": request_id, "X-Should-Retry": str(is_retryable).lower()}
    if isinstance(first, (RateLimitedError, BackendBusyError)):
        headers["Retry-After"] = str(first.retry_after_seconds)
    documents = [each.document() for each in errors]
    body = {"data": [], "errors": documents, "error": documents[0]}
    return JSONResponse(body, errors[0].status, headers)

"""What Amazon Bedrock answers to InvokeModel with a model of Stability: a picture, or why there is none.

Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html and
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-diffusion-3-5-large.html
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import pybase64

from imagineart.backends.responses import retry_after_seconds
from imagineart.adapters.deadline_http import HttpAnswer
from imagineart.errors import (
    ImagineArtError,
    InvalidRequestError,
    ModelAuthError,
    ModelError,
    ModelNotAvailableError,
    ModelUnavailableError,
    OrderRefusedError,
    RateLimitedError,
)

_PICTURE: Final = re.compile(rb'"images"\s*:\s*\[\s*"')
_AUTH_TYPES: Final = frozenset({
    "AccessDeniedException", "UnrecognizedClientException", "ExpiredTokenException", "InvalidClientTokenId",
    "InvalidSignatureException", "IncompleteSignatureException", "MissingAuthenticationTokenException",
    "NotAuthorized", "OptInRequired", "RequestExpired",
})  # fmt: skip
_NO_WORK_TYPES: Final = frozenset({"ModelNotReadyException", "ServiceUnavailableException"})
_QUOTABLE_TYPES: Final = frozenset({
    "AccessDeniedException", "InternalServerException", "ModelErrorException", "ModelNotReadyException",
    "ModelTimeoutException", "ResourceNotFoundException", "ServiceQuotaExceededException",
    "ServiceUnavailableException", "ThrottlingException", "ValidationException",
})  # fmt: skip
"""InvokeModel's own; the message about a bad signature would quote the session token."""

_ABOUT_THE_MODEL: Final = re.compile(
    r"model ?id|model identifier|model version|foundation model|inference profile|on-demand throughput"
    r"|\bregion\b|operation not allowed",
    re.IGNORECASE,
)
_ABOUT_THE_CONTENT: Final = re.compile(
    r"content (filter|policy|policies|moderation)|filtered words|moderation|flagged|prohibited|guardrail",
    re.IGNORECASE,
)
_MAX_QUOTED_CHARACTERS: Final = 300
_TELLTALE_CHARACTERS: Final = 12
"""A message with so much of the prompt's beginning in it quotes the prompt."""

_CHECK_THE_MODEL: Final = (
    "check that this model is offered in this region, and called by its inference profile where it has one"
)
_ENABLE_ACCESS: Final = (
    "enable access to this model for the account in this region, and allow the role bedrock:InvokeModel on "
    "it and on the inference profile that leads to it"
)
_CHECK_THE_CREDENTIALS: Final = "check the role's credentials and the clock"
_ADVICE: Final[Mapping[str, str]] = {
    "ThrottlingException": "raise this model's requests per minute in Service Quotas, or add a route",
    "ServiceQuotaExceededException": "raise the quota in Service Quotas",
}


def read_picture(content: bytes, *, input_field: str = "prompt") -> bytes:
    """The picture file in an answer with status 200.

    Raises InvalidRequestError where the content policy refused the prompt or the result, naming `input_field`
    where it refused a picture that was sent, and ModelError where there is no picture for another reason.
    """
    text, document = _separate_picture(content)
    reasons = document.get("finish_reasons")
    reason = reasons[0] if isinstance(reasons, list) and reasons else None
    if reason is not None:
        raise _refusal(str(reason), input_field)
    try:
        picture = pybase64.b64decode(text, validate=True)
    except ValueError as error:
        raise _no_picture("no base64") from error
    if not picture:
        raise _no_picture("neither a picture nor a reason why there is none")
    return picture


def error_from_answer(answer: HttpAnswer, content: bytes, *, prompt: str) -> ImagineArtError:
    """What an answer with another status means. `prompt` is kept out of the log."""
    kind, message = _read_error(answer, content)
    status = answer.status
    is_validation = kind == "ValidationException"
    detail = _describe(answer, kind, message, prompt)
    if kind == "ResourceNotFoundException" or (is_validation and _ABOUT_THE_MODEL.search(message)):
        return ModelNotAvailableError(detail=f"{detail}; {_CHECK_THE_MODEL}")
    if kind in _AUTH_TYPES or status in (401, 403):
        advice = _ENABLE_ACCESS if kind == "AccessDeniedException" else _CHECK_THE_CREDENTIALS
        return ModelAuthError(detail=f"{detail}; {advice}")
    if kind in _NO_WORK_TYPES or status == 503:
        return ModelUnavailableError("The inference backend is overloaded. Retry.", detail=detail)
    if kind == "ThrottlingException" or status == 429:
        return RateLimitedError(
            "The inference backend is at its limit. Retry after the seconds in Retry-After.",
            retry_after_seconds=retry_after_seconds(answer.header("retry-after")),
            detail=detail,
        )
    if is_validation and _ABOUT_THE_CONTENT.search(message):
        return _refused("prompt", detail)
    if status == 404:
        return ModelNotAvailableError(detail=f"{detail}; {_CHECK_THE_MODEL}")
    return (OrderRefusedError if is_validation else ModelError)(detail=detail)


def _separate_picture(content: bytes) -> tuple[bytes | memoryview, Mapping[str, Any]]:
    """The first picture as base64, and the document around it, so that nothing scans megabytes as JSON."""
    text: bytes | memoryview = b""
    try:
        match = _PICTURE.search(content)
        if match:
            start, end = match.end(), content.index(b'"', match.end())
            text = memoryview(content)[start:end]
            if content.find(b"\\", start, end) >= 0:
                text = str(json.loads(b'"' + content[start:end] + b'"')).encode("ascii")
            content = content[:start] + content[end:]
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _no_picture(f"{type(error).__name__} in the answer") from error
    if not isinstance(document, dict):
        raise _no_picture("no JSON object")
    return text, document


def _refusal(reason: str, input_field: str) -> ImagineArtError:
    detail = f"finish reason {reason[:_MAX_QUOTED_CHARACTERS]!r}"
    if "filter" not in reason.lower():
        return ModelError(detail=detail)
    return _refused(input_field if "input image" in reason.lower() else "prompt", detail)


def _refused(field: str, detail: str) -> InvalidRequestError:
    problem = "the model refused it under its content policy."
    if field == "images":
        problem = "the model refused a reference image under its content policy."
    return InvalidRequestError(field, problem, detail=detail)


def _no_picture(why: str) -> ModelError:
    return ModelError("The inference backend answered something that is no picture.", detail=why)


def _read_error(answer: HttpAnswer, content: bytes) -> tuple[str, str]:
    """The type of the error, without a namespace or a link, and its message; empty where there is none.

    Source: https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        document = {}
    kind = answer.header("x-amzn-errortype") or document.get("__type") or document.get("code") or ""
    message = document.get("message") or document.get("Message") or ""
    return str(kind).partition(":")[0].rpartition("#")[2], str(message)


def _describe(answer: HttpAnswer, kind: str, message: str, prompt: str) -> str:
    parts = [f"{answer.status} {kind}".strip()]
    # What is said of the content may quote any part of the prompt.
    is_quotable = kind in _QUOTABLE_TYPES and not _ABOUT_THE_CONTENT.search(message)
    if is_quotable and prompt[:_TELLTALE_CHARACTERS] not in message:
        parts.append(message[:_MAX_QUOTED_CHARACTERS])
    if request_id := answer.header("x-amzn-requestid"):
        parts.append(f"request {request_id[:64]}")
    if kind in _ADVICE:
        parts.append(_ADVICE[kind])
    return "; ".join(part for part in parts if part)

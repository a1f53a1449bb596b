"""What is told of every error: its status, an example, whether a retry helps, and what to do.

The examples are made by the code that makes the real ones; tests/functions/test_documented_errors.py
provokes each and compares.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from functions.unknown_request.handler import handler as answer_unknown_request
from imagineart.adapters.pictures import PillowReferenceReader
from imagineart.domain.catalogue import GENERATION_MODEL
from imagineart.domain.consumers import TIERS
from imagineart.domain.errors import (
    ImagineArtError,
    InternalError,
    InvalidTokenError,
    LimitReachedError,
    MissingBearerTokenError,
    ModelAuthError,
    ModelError,
    ModelNotAvailableError,
    ModelTimeoutError,
    NoTokensConfiguredError,
)
from imagineart.domain.limits import Limits, Standing, minute_status
from imagineart.web.errors import STATUS_BY_CODE

EXAMPLE_REQUEST_ID: Final = "6a0b3c1e-5d2f-4c7a-9e8b-1f2a3b4c5d6e"
EXAMPLE_DEADLINE_SECONDS: Final = 280.0
_EXAMPLE_NOW: Final = 1_795_219_218
_NOT_A_PICTURE: Final = b"no picture at all"

ADVICE: Final = {
    "invalid_request": "Mend the field that the message names.",
    "invalid_image": "Replace the reference image that the message names, or send it as one of the accepted "
    "kinds.",
    "missing_bearer_token": "Send the header `Authorization: Bearer <token>`.",
    "invalid_token": "Check that the whole token is sent, over HTTPS, and has the scope. If it does, ask the "
    "operator for a new one: this one is unknown, expired or revoked.",
    "unknown_request": "Mend the path or the method; the message lists the known ones.",
    "rate_limited": "Wait for the seconds in `Retry-After`. The message names the limit.",
    "internal_error": "Retry. If it persists, report the `request_id`.",
    "model_not_available": "Tell the operator: the backend does not serve the configured model.",
    "model_error": "Retry where `X-Should-Retry` is `true`: the backend failed. Where it is `false`, no "
    "backend takes this request.",
    "model_auth_error": "Tell the operator: the backend refused the service's credential.",
    "no_tokens_configured": "Tell the operator: nobody has a token yet.",
    "timeout": "Retry, with the same `Idempotency-Key` if you sent one. 1K and `reasoning=low` are faster.",
}


@dataclass(frozen=True, slots=True)
class ErrorReference:
    """One row of the error table; `message` is an example, `retry` is what X-Should-Retry says."""

    code: str
    status: int
    message: str
    retry: str
    advice: str

    @property
    def envelope(self) -> dict[str, Any]:
        """The example as it is answered."""
        error = {"code": self.code, "message": self.message, "request_id": EXAMPLE_REQUEST_ID}
        return {"error": error}


def error_references() -> list[ErrorReference]:
    """Every public error, in the order of the table."""
    messages = _example_messages()
    return [
        ErrorReference(code, status, messages[code], _retry(code), ADVICE[code])
        for code, status in STATUS_BY_CODE.items()
    ]


def _example_messages() -> dict[str, str]:
    limits = Limits(TIERS["basic"].requests_per_minute, TIERS["basic"].concurrent_requests)
    used_up = Standing(limits.requests_per_minute, 0, frozenset())
    errors: list[ImagineArtError] = [
        _raised(lambda: GENERATION_MODEL.parameters.parse_scalars({"prompt": "x", "resolution": "3K"})),
        _raised(lambda: PillowReferenceReader().read(_NOT_A_PICTURE, label="images[0]")),
        MissingBearerTokenError(),
        InvalidTokenError(),
        LimitReachedError(minute_status(limits, used_up, _EXAMPLE_NOW), now=_EXAMPLE_NOW),
        InternalError(),
        ModelNotAvailableError(),
        ModelError(),
        ModelAuthError(),
        NoTokensConfiguredError(),
        ModelTimeoutError(deadline_seconds=EXAMPLE_DEADLINE_SECONDS),
    ]
    event = {"httpMethod": "POST", "path": "/v1/images/variations", "requestContext": {"requestId": ""}}
    unknown = json.loads(answer_unknown_request(event, None)["body"])["error"]
    return {error.code: error.message for error in errors} | {unknown["code"]: unknown["message"]}


def _raised(act: Callable[[], object]) -> ImagineArtError:
    try:
        act()
    except ImagineArtError as error:
        return error
    raise AssertionError("nothing was wrong with what is shown as wrong")


def _retry(code: str) -> str:
    """Whether errors of a code are worth another try: all of them, none, or as their header says."""
    told = {kind.retryable for kind in _kinds(ImagineArtError) if kind.code == code}
    return {frozenset({True}): "true", frozenset({False}): "false"}.get(frozenset(told), "true or false")


def _kinds(base: type[ImagineArtError]) -> Iterator[type[ImagineArtError]]:
    for kind in base.__subclasses__():
        yield kind
        yield from _kinds(kind)

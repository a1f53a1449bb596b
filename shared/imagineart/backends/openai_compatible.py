"""An inference backend that speaks the OpenAI-compatible images protocol.

Source: https://platform.openai.com/docs/api-reference/images. Servers differ; see `openai_profiles`.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from imagineart.backends.responses import (
    bearer,
    bounded,
    loggable_code,
    loggable_media_type,
    read_beginning,
    retry_after_seconds,
)
from imagineart.adapters.deadline_http import Deadline, DeadlineHttpClient, HttpAnswer
from imagineart.adapters.json_pictures import NoPictureError, decode_picture
from imagineart.adapters.multipart_form import FormPart, encode_form
from imagineart.backends.openai_profiles import OpenAiProfile
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
from imagineart.images.model import EditOrder, GenerationOrder
from imagineart.domain.pieces import Pieces
from imagineart.images.model import Usage

_UNKNOWN_MODEL_CODES: Final = frozenset({"model_not_found", "unknown_model", "model_not_available"})
_PASSING_STATUSES: Final = frozenset({408, 409, 425})
_REFUSED_PROMPT_CODES: Final = frozenset({"content_policy_violation", "moderation_blocked"})


@dataclass(frozen=True, slots=True)
class OpenAiImagesBackend:
    """An ImageBackend at a base URL with its ``/v1``; `api_key` is asked on every call.

    `profile` is what its kind of server needs. `response_format`, where given, replaces the profile's.
    """

    http: DeadlineHttpClient
    profile: OpenAiProfile
    model: str
    api_key: Callable[[], str | None]
    response_format: str | None = None
    _told: dict[str, Usage | None] = field(default_factory=dict)

    @property
    def usage(self) -> Usage | None:
        """What the latest answer says that its picture cost; only OpenAI tells it."""
        return self._told.get("usage")

    @property
    def has_seed(self) -> bool:
        """Whether this kind of server takes a seed."""
        return self.profile.has_seed

    def generate(self, order: GenerationOrder, *, deadline_seconds: float) -> Pieces:
        """A picture file made from text. Reading it raises what `ImageBackend` says."""
        document = {"n": 1, **self._fields(order), **self.profile.reasoning[order.reasoning]}
        body = [json.dumps(document).encode()]
        return self._post("/images/generations", "application/json", body, deadline_seconds)

    def edit(self, order: EditOrder, *, deadline_seconds: float) -> Pieces:
        """A picture file made from references. Reading it raises what `ImageBackend` says."""
        fields = {"n": 1, **self._fields(order)}
        parts = [FormPart(name, str(value).encode()) for name, value in fields.items()]
        for position, reference in enumerate(order.references):
            name = f"reference-{position}"
            parts.append(
                FormPart(self.profile.image_field, reference.content, name, reference.kind.media_type)
            )
        content_type, body = encode_form(parts)
        return self._post("/images/edits", content_type, body, deadline_seconds)

    def _fields(self, order: GenerationOrder | EditOrder) -> dict[str, Any]:
        format_asked = {"response_format": self.response_format} if self.response_format else {}
        return {
            "model": self.model,
            "prompt": order.prompt,
            "size": str(self.profile.choose_size(order.size)),
            **({"seed": order.seed} if self.profile.has_seed else {}),
            **self.profile.constants,
            **format_asked,
        }

    def _post(self, path: str, content_type: str, body: Sequence[bytes], deadline_seconds: float) -> Pieces:
        deadline = Deadline.after(deadline_seconds)
        self._told.clear()
        headers = {"Content-Type": content_type, "Accept-Encoding": "identity"}
        api_key = self.api_key()
        if api_key:
            headers["Authorization"] = bearer(api_key)
        with self.http.send(path, headers=headers, body=body, deadline=deadline) as answer:
            if answer.status != 200:
                raise _error_from_answer(answer, read_beginning(answer))
            if answer.header("content-type").startswith("image/"):
                yield from bounded(answer)
            else:
                yield from self._picture_from_json(answer)

    def _picture_from_json(self, answer: HttpAnswer) -> Iterator[bytes]:
        try:
            yield from decode_picture(bounded(answer), self._note)
        except NoPictureError as error:
            raise ModelError(
                "The inference backend answered something that is no picture.",
                detail=f"{error}, content type {loggable_media_type(answer.header('content-type'))}",
            ) from error

    def _note(self, document: Mapping[str, Any]) -> None:
        self._told["usage"] = _read_usage(document.get("usage"))


def _read_usage(told: Any) -> Usage | None:
    """Source: https://platform.openai.com/docs/api-reference/images/object; None where it is not so."""
    try:
        details = told["input_tokens_details"]
        tokens = (details["text_tokens"], details["image_tokens"], told["output_tokens"])
    except (LookupError, TypeError):
        return None
    if not all(isinstance(each, int) and not isinstance(each, bool) and each >= 0 for each in tokens):
        return None
    return Usage(*tokens)


def _error_from_answer(answer: HttpAnswer, content: bytes) -> ImagineArtError:
    status, code = answer.status, _error_code(content)
    detail = f"the backend answered {status} with code {loggable_code(code)}"
    if status in (401, 403):
        return ModelAuthError(detail=detail)
    if code in _REFUSED_PROMPT_CODES:
        return InvalidRequestError("prompt", "the model refused it under its content policy.", detail=detail)
    if status == 404 or code in _UNKNOWN_MODEL_CODES:
        return ModelNotAvailableError(detail=detail)
    if status == 429:
        return RateLimitedError(
            "The inference backend is at its limit. Retry after the seconds in Retry-After.",
            retry_after_seconds=retry_after_seconds(answer.header("retry-after")),
            detail=detail,
        )
    if status == 503:
        return ModelUnavailableError("The inference backend is overloaded. Retry.", detail=detail)
    if 400 <= status < 500 and status not in _PASSING_STATUSES:
        return OrderRefusedError(detail=detail)
    return ModelError(detail=detail)


def _error_code(content: bytes) -> str | None:
    try:
        code = json.loads(content)["error"]["code"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return code if isinstance(code, str) else None

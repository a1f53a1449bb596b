"""An inference backend that speaks the OpenAI-compatible images protocol.

Source: https://platform.openai.com/docs/api-reference/images. The fields `seed` and `reasoning` extend it;
open servers (vLLM-Omni, SGLang Diffusion) read or ignore.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from urllib3.fields import RequestField
from urllib3.filepost import choose_boundary

from imagineart.adapters.deadline_http import Deadline, DeadlineHttpClient, HttpAnswer
from imagineart.adapters.json_pictures import NoPictureError, decode_picture
from imagineart.domain.errors import (
    ImagineArtError,
    InvalidRequestError,
    ModelAuthError,
    ModelError,
    ModelNotAvailableError,
    RateLimitedError,
)
from imagineart.domain.orders import EditOrder, GenerationOrder
from imagineart.domain.pieces import Pieces

MAX_ANSWER_BYTES: Final = 160 * 1024 * 1024
_DEFAULT_RETRY_AFTER_SECONDS: Final = 5
_MAX_RETRY_AFTER_SECONDS: Final = 3600
_UNKNOWN_MODEL_CODES: Final = frozenset({"model_not_found", "unknown_model", "model_not_available"})
_REFUSED_PROMPT_CODES: Final = frozenset({"content_policy_violation", "moderation_blocked"})


@dataclass(frozen=True, slots=True)
class OpenAiImagesBackend:
    """An ImageBackend at a base URL with its ``/v1``; `api_key` is asked on every call.

    `response_format` is ``b64_json``, or what makes the server answer the picture's own bytes.
    """

    http: DeadlineHttpClient
    generation_model: str
    edit_model: str
    api_key: Callable[[], str | None]
    response_format: str = "b64_json"

    @property
    def has_seed(self) -> bool:
        """Whether the model takes a seed."""
        return True

    def generate(self, order: GenerationOrder, *, deadline_seconds: float) -> Pieces:
        """A picture file made from text. Reading it raises what `ImageBackend` says."""
        document = {
            "model": self.generation_model,
            "prompt": order.prompt,
            "n": 1,
            "size": str(order.size),
            "seed": order.seed,
            "reasoning": order.reasoning,
            "response_format": self.response_format,
        }
        body = [json.dumps(document).encode()]
        return self._post("/images/generations", "application/json", body, deadline_seconds)

    def edit(self, order: EditOrder, *, deadline_seconds: float) -> Pieces:
        """A picture file made from references. Reading it raises what `ImageBackend` says."""
        fields = {
            "model": self.edit_model,
            "prompt": order.prompt,
            "n": "1",
            "size": str(order.size),
            "seed": str(order.seed),
            "response_format": self.response_format,
        }
        files = [
            RequestField(
                "image",
                reference.content,
                filename=f"reference-{position}",
                headers={"Content-Type": reference.kind.media_type},
            )
            for position, reference in enumerate(order.references)
        ]
        content_type, body = _encode_multipart(fields, files)
        return self._post("/images/edits", content_type, body, deadline_seconds)

    def _post(self, path: str, content_type: str, body: Sequence[bytes], deadline_seconds: float) -> Pieces:
        deadline = Deadline.after(deadline_seconds)
        headers = {"Content-Type": content_type, "Accept-Encoding": "identity"}
        api_key = self.api_key()
        if api_key:
            headers["Authorization"] = _bearer(api_key)
        with self.http.post(path, headers=headers, body=body, deadline=deadline) as answer:
            if answer.status != 200:
                content = b"".join(_bounded(answer))
                raise _error_from_answer(answer, content)
            if answer.header("content-type").startswith("image/"):
                yield from _bounded(answer)
            else:
                yield from _picture_from_json(answer)


def _bearer(api_key: str) -> str:
    """Raises ModelAuthError, which does not tell the key, for one that no header can carry."""
    if not (api_key.isascii() and api_key.isprintable()):
        raise ModelAuthError(detail="the backend's credential has characters that no header can carry")
    return f"Bearer {api_key}"


def _encode_multipart(
    fields: Mapping[str, str], files: Sequence[RequestField]
) -> tuple[str, Sequence[bytes]]:
    """The content type, and the body in parts that are not joined, for files are large."""
    boundary = choose_boundary()
    body = []
    for each in [*map(RequestField.from_tuples, fields, fields.values()), *files]:
        each.make_multipart(content_type=each.headers.get("Content-Type"))
        content = each.data if isinstance(each.data, bytes) else each.data.encode()
        body += [f"--{boundary}\r\n{each.render_headers()}".encode(), content, b"\r\n"]
    body.append(f"--{boundary}--\r\n".encode())
    return f"multipart/form-data; boundary={boundary}", body


def _bounded(answer: HttpAnswer) -> Iterator[bytes]:
    """The body as it arrives. Raises ModelError where it exceeds `MAX_ANSWER_BYTES`."""
    received = 0
    for piece in answer.pieces():
        received += len(piece)
        if received > MAX_ANSWER_BYTES:
            raise ModelError(detail=f"the backend's answer exceeds {MAX_ANSWER_BYTES} bytes")
        yield piece


def _picture_from_json(answer: HttpAnswer) -> Iterator[bytes]:
    try:
        yield from decode_picture(_bounded(answer))
    except NoPictureError as error:
        raise ModelError(
            "The inference backend answered something that is no picture.",
            detail=f"{error}, content type {answer.header('content-type')!r}",
        ) from error


def _error_from_answer(answer: HttpAnswer, content: bytes) -> ImagineArtError:
    status, code = answer.status, _error_code(content)
    detail = f"the backend answered {status} with code {code!r}"
    if status in (401, 403):
        return ModelAuthError(detail=detail)
    if code in _REFUSED_PROMPT_CODES:
        return InvalidRequestError("prompt", "the model refused it under its content policy.", detail=detail)
    if status == 404 or code in _UNKNOWN_MODEL_CODES:
        return ModelNotAvailableError(detail=detail)
    if status == 429:
        return RateLimitedError(
            "The inference backend is at its limit. Retry after the seconds in Retry-After.",
            retry_after_seconds=_retry_after_seconds(answer.header("retry-after")),
            detail=detail,
        )
    return ModelError(detail=detail)


def _error_code(content: bytes) -> str | None:
    try:
        code = json.loads(content)["error"]["code"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return code if isinstance(code, str) else None


def _retry_after_seconds(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        return _DEFAULT_RETRY_AFTER_SECONDS
    return min(max(1, int(text[:9])), _MAX_RETRY_AFTER_SECONDS)

"""An inference backend that speaks the OpenAI-compatible images protocol.

Source: https://platform.openai.com/docs/api-reference/images. The fields `seed` and `reasoning` extend it;
open servers (vLLM-Omni, SGLang Diffusion) read or ignore.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final

import httpcore
import httpx
import pybase64

from imagineart.adapters.deadline_transport import DeadlineTransport
from imagineart.domain.errors import (
    ImagineArtError,
    InvalidRequestError,
    ModelAuthError,
    ModelError,
    ModelNotAvailableError,
    ModelTimeoutError,
    RateLimitedError,
)
from imagineart.domain.orders import EditOrder, GenerationOrder
from imagineart.domain.pieces import Pieces

MAX_ANSWER_BYTES: Final = 160 * 1024 * 1024
_DEFAULT_RETRY_AFTER_SECONDS: Final = 5
_MAX_RETRY_AFTER_SECONDS: Final = 3600
_UNKNOWN_MODEL_CODES: Final = frozenset({"model_not_found", "unknown_model", "model_not_available"})
_REFUSED_PROMPT_CODES: Final = frozenset({"content_policy_violation", "moderation_blocked"})
_EXCHANGE_FAILURES: Final = (
    httpcore.ConnectionNotAvailable,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.StreamError,
)


@dataclass(frozen=True, slots=True)
class OpenAiImagesBackend:
    """An ImageBackend at `base_url` (with its ``/v1``); `api_key` is asked on every call.

    `response_format` is ``b64_json``, or what makes the server answer the picture's own bytes.
    """

    base_url: str
    generation_model: str
    edit_model: str
    api_key: Callable[[], str | None]
    response_format: str = "b64_json"
    transport: DeadlineTransport = field(default_factory=DeadlineTransport)

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
        return self._post("/images/generations", deadline_seconds, json=document)

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
            ("image", (f"reference-{position}", reference.content, reference.kind.media_type))
            for position, reference in enumerate(order.references)
        ]
        return self._post("/images/edits", deadline_seconds, data=fields, files=files)

    def _post(self, path: str, deadline_seconds: float, **body: Any) -> Pieces:
        self.transport.deadline = time.monotonic() + deadline_seconds
        api_key = self.api_key()
        headers = {"Accept-Encoding": "identity"}
        if api_key:
            headers["Authorization"] = f"Bearer {api_key}"
        try:
            request = httpx.Request("POST", self.base_url + path, headers=headers, **body)
            with closing(self.transport.handle_request(request)) as response:
                if response.status_code != 200:
                    content = b"".join(_bounded(response))
                    raise _error_from_answer(response.status_code, response.headers, content)
                if response.headers.get("content-type", "").startswith("image/"):
                    yield from _bounded(response)
                else:
                    yield _picture_from_json(response.headers, b"".join(_bounded(response)))
        except (httpx.TimeoutException, httpcore.TimeoutException) as error:
            raise ModelTimeoutError(deadline_seconds=deadline_seconds) from error
        except _EXCHANGE_FAILURES as error:
            raise ModelError(
                "The inference backend could not be reached. Retry.", detail=_describe(error)
            ) from error


def _describe(error: Exception) -> str:
    # The text of a LocalProtocolError quotes the header that cannot be sent: the credential.
    name = type(error).__name__
    return name if isinstance(error, httpcore.LocalProtocolError) else f"{name}: {error}"


def _bounded(response: httpx.Response) -> Iterator[bytes]:
    """The body as it arrives. Raises ModelError where it exceeds `MAX_ANSWER_BYTES`."""
    received = 0
    for piece in response.iter_raw():
        received += len(piece)
        if received > MAX_ANSWER_BYTES:
            raise ModelError(detail=f"the backend's answer exceeds {MAX_ANSWER_BYTES} bytes")
        yield piece


def _picture_from_json(headers: Mapping[str, str], content: bytes) -> bytes:
    try:
        return pybase64.b64decode(json.loads(content)["data"][0]["b64_json"], validate=True)
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise ModelError(
            "The inference backend answered something that is no picture.",
            detail=f"{type(error).__name__} in an answer of {len(content)} bytes, "
            f"content type {headers.get('content-type')!r}",
        ) from error


def _error_from_answer(status: int, headers: Mapping[str, str], content: bytes) -> ImagineArtError:
    code = _error_code(content)
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
            retry_after_seconds=_retry_after_seconds(headers.get("retry-after", "")),
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

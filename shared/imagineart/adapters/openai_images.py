"""An inference backend that speaks the OpenAI-compatible images protocol.

Source: https://platform.openai.com/docs/api-reference/images. The fields `seed` and `reasoning` extend it;
open servers (vLLM-Omni, SGLang Diffusion) read or ignore.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import pybase64

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

MAX_ANSWER_BYTES: Final = 160 * 1024 * 1024
_DEFAULT_RETRY_AFTER_SECONDS: Final = 5
_MAX_RETRY_AFTER_SECONDS: Final = 3600
_UNKNOWN_MODEL_CODES: Final = frozenset({"model_not_found", "unknown_model", "model_not_available"})
_REFUSED_PROMPT_CODES: Final = frozenset({"content_policy_violation", "moderation_blocked"})


def new_http_client() -> httpx.AsyncClient:
    """One connection pool; deadlines are set per call, so no timeout of its own."""
    return httpx.AsyncClient(timeout=None, headers={"Accept-Encoding": "identity"})


@dataclass(frozen=True, slots=True)
class OpenAiImagesBackend:
    """An ImageBackend at `base_url` (with its ``/v1``); `api_key` is asked on every call."""

    base_url: str
    generation_model: str
    edit_model: str
    api_key: Callable[[], str | None]
    http: httpx.AsyncClient = field(default_factory=new_http_client)

    async def generate(self, order: GenerationOrder, *, deadline_seconds: float) -> bytes:
        """A picture file made from text. Raises what `ImageBackend` says."""
        document = {
            "model": self.generation_model,
            "prompt": order.prompt,
            "n": 1,
            "size": str(order.size),
            "seed": order.seed,
            "reasoning": order.reasoning,
            "response_format": "b64_json",
        }
        return await self._post("/images/generations", deadline_seconds, json=document)

    async def edit(self, order: EditOrder, *, deadline_seconds: float) -> bytes:
        """A picture file made from references and an instruction. Raises what `ImageBackend` says."""
        fields = {
            "model": self.edit_model,
            "prompt": order.prompt,
            "n": "1",
            "size": str(order.size),
            "seed": str(order.seed),
            "response_format": "b64_json",
        }
        files = [
            ("image", (f"reference-{position}", reference.content, reference.kind.media_type))
            for position, reference in enumerate(order.references)
        ]
        return await self._post("/images/edits", deadline_seconds, data=fields, files=files)

    async def _post(self, path: str, deadline_seconds: float, **body: Any) -> bytes:
        api_key = self.api_key()
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        try:
            async with asyncio.timeout(deadline_seconds):
                async with self.http.stream(
                    "POST", self.base_url + path, headers=headers, **body
                ) as response:
                    content = await _read_bounded(response)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise ModelTimeoutError(deadline_seconds=deadline_seconds) from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise ModelError(
                "The inference backend could not be reached. Retry.",
                detail=f"{type(error).__name__}: {error}",
            ) from error
        if response.status_code != 200:
            raise _error_from_answer(response.status_code, response.headers, content)
        return _picture_from_answer(response.headers, content)


async def _read_bounded(response: httpx.Response) -> bytes:
    content = bytearray()
    async for piece in response.aiter_raw():
        content += piece
        if len(content) > MAX_ANSWER_BYTES:
            raise ModelError(detail=f"the backend's answer exceeds {MAX_ANSWER_BYTES} bytes")
    return bytes(content)


def _picture_from_answer(headers: Mapping[str, str], content: bytes) -> bytes:
    if headers.get("content-type", "").startswith("image/"):
        return content
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

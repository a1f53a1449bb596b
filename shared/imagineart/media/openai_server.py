"""A server of one of OpenAI's protocols, and the engines that need nothing but one request to it.

Sources: https://platform.openai.com/docs/api-reference/chat/create,
https://platform.openai.com/docs/api-reference/audio/createSpeech and
https://docs.vllm.ai/projects/vllm-omni/en/stable/serving/audio_generate_api/
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from imagineart.backends.http import HttpClient, HttpResponse, Part
from imagineart.backends.openai_errors import read_error
from imagineart.backends.responses import bearer, read_document, refused_content
from imagineart.errors import ModelError
from imagineart.media.model import MusicRequest, TextRequest, VoiceRequest

_FORMATS: Final = {"audio/mpeg": "mp3", "audio/wav": "wav"}


@dataclass(frozen=True, slots=True)
class OpenAiServer:
    """A server at a base URL that ends in ``/v1``, and its model; `api_key` is read for every request."""

    http: HttpClient
    url: str
    model: str
    api_key: Callable[[], str | None]

    async def post(self, path: str, fields: Mapping[str, Any]) -> HttpResponse:
        """The response to JSON. Raises what `ImageBackend` says where it is no success."""
        content = json.dumps({"model": self.model, **fields}).encode()
        headers = {"Content-Type": "application/json", **bearer(self.api_key())}
        return _successful(await self.http.send("POST", self.url + path, headers=headers, content=content))

    async def post_form(self, path: str, form: Sequence[Part]) -> HttpResponse:
        """The response to a form. Raises as `post` does."""
        parts = [("model", (None, self.model.encode(), None)), *form]
        headers = bearer(self.api_key())
        return _successful(await self.http.send("POST", self.url + path, headers=headers, form=parts))

    async def get(self, path: str) -> HttpResponse:
        """The response to a GET. Raises as `post` does."""
        return _successful(await self.http.send("GET", self.url + path, headers=bearer(self.api_key())))


@dataclass(frozen=True, slots=True)
class ChatEngine:
    """Writes text. `limit_field` is what the server calls the most tokens of a response."""

    server: OpenAiServer
    limit_field: str

    async def make(self, request: TextRequest) -> bytes:
        """See `MediaEngine`."""
        system = [{"role": "system", "content": request.instructions}] if request.instructions else []
        fields = {
            "messages": [*system, {"role": "user", "content": request.prompt}],
            self.limit_field: request.max_tokens,
            **({} if request.temperature is None else {"temperature": request.temperature}),
        }
        document = read_document((await self.server.post("/chat/completions", fields)).content) or {}
        try:
            choice = document["choices"][0]
            reason, message = choice.get("finish_reason"), choice["message"]
            text, refusal = message.get("content"), message.get("refusal")
        except (LookupError, TypeError, AttributeError) as error:
            raise _no_text() from error
        if reason == "content_filter" or refusal:
            raise refused_content("prompt", "the backend refused the prompt, or filtered its text")
        if not isinstance(text, str):
            raise _no_text()
        return text.encode()


@dataclass(frozen=True, slots=True)
class SpeechEngine:
    """Reads a prompt aloud."""

    server: OpenAiServer

    async def make(self, request: VoiceRequest) -> bytes:
        """See `MediaEngine`."""
        fields = {"input": request.prompt, "voice": request.voice, "response_format": "mp3"}
        return (await self.server.post("/audio/speech", fields)).content


@dataclass(frozen=True, slots=True)
class AudioEngine:
    """Makes music with vLLM-Omni."""

    server: OpenAiServer

    async def make(self, request: MusicRequest) -> bytes:
        """See `MediaEngine`."""
        fields = {
            "input": request.prompt,
            "audio_length": request.seconds,
            "seed": request.seed,
            "response_format": _FORMATS[request.media_type],
        }
        return (await self.server.post("/audio/generate", fields)).content


def _successful(response: HttpResponse) -> HttpResponse:
    # An order may be accepted rather than fulfilled.
    if response.status not in (200, 201, 202):
        raise read_error(response, read_document(response.content) or {})
    return response


def _no_text() -> ModelError:
    return ModelError("The inference backend returned something that is not text.", detail="no message")

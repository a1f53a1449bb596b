"""What the backend makes that is no image: texts, and files of sound and film that it has made once."""

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, Final

from werkzeug import Request

from local.studio.clips import film
from local.studio.sounds import play

OWN: Final = "for an account"
"""What prompts of accounts begin with."""

FILES: Final[Mapping[str, Callable[[], bytes]]] = {
    "voice": cache(partial(play, "", 0, 1.0, "mp3")),
    "music": cache(partial(play, "", 1, 2.0, "mp3")),
    "video": cache(partial(film, "", 0, 1, 64, 64)),
}
"""The file of each type."""


def laid_out(prompt: str) -> str:
    """The text for a prompt."""
    return f"{prompt}, laid out"


def make_media(request: Request) -> bytes | dict[str, Any] | None:
    """A file, or what is JSON, in the protocols of OpenAI and vLLM-Omni; None for a request for an image."""
    path = request.path
    if path.endswith("/chat/completions"):
        content = laid_out(request.get_json()["messages"][-1]["content"])
        message = {"role": "assistant", "content": content}
        return {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    if path.endswith("/audio/speech"):
        return FILES["voice"]()
    if path.endswith("/audio/generate"):
        return FILES["music"]()
    if path.endswith("/content"):
        return FILES["video"]()
    if "/videos" in path:
        return {"id": "video_1", "status": "queued" if request.method == "POST" else "completed"}
    return None

"""What an adapter costs for a 1K photograph, the network excluded: the answer is in memory.

What is compared is the simplest way with the same libraries: the whole answer joined, loaded, decoded.
"""

import base64
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from statistics import median
from typing import Any, Final

from imagineart.adapters.aws_signature import Credentials
from imagineart.adapters.bedrock_images import ULTRA, BedrockImagesBackend
from imagineart.adapters.deadline_http import DeadlineHttpClient
from imagineart.adapters.imagineart_api import ImagineArtApiBackend
from imagineart.adapters.openai_images import OpenAiImagesBackend
from imagineart.adapters.openai_profiles import PROFILES
from imagineart.domain.orders import GenerationOrder
from imagineart.domain.ports import ImageBackend
from imagineart.domain.sizes import Size

from benchmarks.measurements import Measurement
from benchmarks.photographs import encode_png_with_metadata, paint_photograph

SIDE: Final = 1024
LIMIT_MS: Final = 1.0
UNCOUNTED_CALLS: Final = 20
COUNTED_CALLS: Final = 100
_PIECE_BYTES: Final = 96 * 1024
_BASE_URL: Final = "http://127.0.0.1/v1"
_ORDER: Final = GenerationOrder("A lighthouse at dusk", Size(SIDE, SIDE), 7, "low")


class _AnswerInMemory:
    """An HttpAnswer that was there before."""

    def __init__(self, media_type: str, content: bytes) -> None:
        self.status = 200
        self._media_type = media_type
        self._pieces = [content[at : at + _PIECE_BYTES] for at in range(0, len(content), _PIECE_BYTES)]

    def header(self, name: str) -> str:
        return self._media_type if name.lower() == "content-type" else ""

    def pieces(self) -> Iterator[bytes]:
        return iter(self._pieces)


class _ClientInMemory(DeadlineHttpClient):
    """A client whose every exchange gives the same answer."""

    def __init__(self, media_type: str, content: bytes) -> None:
        super().__init__(_BASE_URL)
        self._answer = _AnswerInMemory(media_type, content)

    @contextmanager
    def send(self, *_: Any, **__: Any) -> Iterator[Any]:
        yield self._answer


def measure() -> list[Measurement]:
    """Every adapter, against reading the JSON document of the first as a whole."""
    png = encode_png_with_metadata(paint_photograph(SIDE, SIDE))
    text = base64.b64encode(png).decode()
    openai = json.dumps({"created": 1, "data": [{"b64_json": text}]}).encode()
    bedrock = json.dumps({"seeds": [7], "finish_reasons": [None], "images": [text]}).encode()
    json_client = _ClientInMemory("application/json", openai)
    backends: Sequence[tuple[str, ImageBackend]] = [
        ("openai", OpenAiImagesBackend(json_client, PROFILES["openai"], "a-model", lambda: "a-key")),
        ("imagineart", ImagineArtApiBackend(_ClientInMemory("image/png", png), lambda: "a-key")),
        ("bedrock", _BedrockInMemory(_ClientInMemory("application/json", bedrock))),
    ]
    whole_ms = _time_ms(lambda: base64.b64decode(json.loads(openai)["data"][0]["b64_json"]))
    return [
        Measurement(
            f"adapter {name}, 1K", _time_ms(partial(_call, backend, png)), "ms", whole_ms, limit=LIMIT_MS
        )
        for name, backend in backends
    ]


class _BedrockInMemory(BedrockImagesBackend):
    """The Bedrock adapter over a client in memory."""

    def __init__(self, client: DeadlineHttpClient) -> None:
        super().__init__("us-west-2", lambda: Credentials("an-id", "a-secret"), ULTRA)
        self._http = client


def _call(backend: ImageBackend, png: bytes) -> None:
    received = sum(map(len, backend.generate(_ORDER, deadline_seconds=60)))
    if received != len(png):
        raise RuntimeError(f"{received} bytes of {len(png)} came")


def _time_ms(work: Callable[[], object]) -> float:
    times = []
    for _ in range(UNCOUNTED_CALLS + COUNTED_CALLS):
        started = time.process_time()
        work()
        times.append((time.process_time() - started) * 1e3)
    return median(times[UNCOUNTED_CALLS:])

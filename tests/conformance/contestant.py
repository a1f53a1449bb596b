"""What the conformance kit has to know of an adapter and of the server it talks to."""

import hashlib
import json
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from typing import Any

from imagineart.domain.images import ReferenceImage
from imagineart.domain.ports import ImageBackend
from imagineart.domain.sizes import Size
from tests.fault_backend import Answer, FaultBackend, RecordedRequest
from tests.sample_pictures import assemble, chunk, header


class Fault(Enum):
    """What a server may say instead of sending a picture."""

    THROTTLED = auto()
    UNAUTHORISED = auto()
    UNKNOWN_MODEL = auto()
    OVERLOADED = auto()
    """It did not begin to work."""
    FAILED = auto()
    """It began, and failed."""
    REFUSED_PROMPT = auto()
    """Its content policy forbids what the prompt asks for."""
    NO_PICTURE = auto()
    """A success in its usual form, without a picture in it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One order as the server understood it, whatever the number of requests that it took.

    `references` are what `Contestant.arrived` gives for each that came, in order.
    """

    prompt: str
    seed: int | None
    references: tuple[object, ...]
    credential: str | None


class Contestant(ABC):
    """An adapter, and a stand-in on loopback for the server it talks to.

    The stand-in is a `FaultBackend`: it listens, remembers, holds, drips, hangs up and resets, and leaves to
    this class only what its protocol says.
    """

    name: str
    inner_words: tuple[str, ...]
    """What no caller may be told: the names of models above all."""
    makes_every_size: bool = True
    """Whether the server can be asked for every size of the table, so that its picture is left as it came."""

    @abstractmethod
    def connect(self, origin: str, credential: Callable[[], str]) -> AbstractContextManager[ImageBackend]:
        """The adapter for a server at `origin`, a URL without a path, its connections closed at the end."""

    @abstractmethod
    def paint(self, request: RecordedRequest) -> Answer:
        """What a faultless server answers: a picture made by `painted`, in a size of the server's choice."""

    @abstractmethod
    def picture(self, content: bytes) -> Answer:
        """A success that carries `content` as its picture."""

    @abstractmethod
    def refuse(self, fault: Fault) -> Answer:
        """The server's words for a fault."""

    @abstractmethod
    def read(self, requests: Sequence[RecordedRequest]) -> Asked:
        """What the requests of one order ask for."""

    def arrived(self, reference: ReferenceImage) -> object:
        """What `read` tells of a reference that came as it should: its content, where nothing alters it."""
        return reference.content

    def serve(self) -> FaultBackend:
        """The stand-in, not yet started."""
        return _StandIn(self)


class _StandIn(FaultBackend):
    def __init__(self, contestant: Contestant) -> None:
        super().__init__()
        self._contestant = contestant

    def paint(self, request: RecordedRequest) -> Answer:
        return self._contestant.paint(request)


def painted(asked: Asked, size: Size) -> bytes:
    """A PNG whose colour tells prompt, seed and references apart, and their order."""
    told = repr((asked.prompt, asked.seed, asked.references)).encode()
    return plain_png(hashlib.sha256(told).digest()[:3], size)


@cache
def plain_png(colour: bytes, size: Size) -> bytes:
    """A PNG in one colour, given as the bytes of red, green and blue."""
    rows = (b"\0" + colour * size.width) * size.height
    pixels = chunk(b"IDAT", zlib.compress(rows, 1))
    return assemble(header(size.width, size.height), pixels, chunk(b"IEND"))


def essence(request: RecordedRequest) -> tuple[str, Any]:
    """A request's path and body, without what differs from one request to the next: a form's boundary."""
    if request.headers["content-type"].startswith("multipart/"):
        return request.path, request.parts
    return request.path, json.loads(request.body)

"""What the conformance kit has to know of an adapter and of the server that it talks to."""

import hashlib
import json
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from typing import Any

from imagineart.backends.http import HttpClient
from imagineart.backends.model import ImageBackend
from imagineart.images.model import ReferenceImage
from imagineart.images.sizes import Size
from tests.fault_backend import FaultBackend, RecordedRequest, Response
from tests.sample_images import assemble, chunk, header

CREDENTIAL = "the-credential"


class Fault(Enum):
    """What a server may say instead of sending an image."""

    THROTTLED = auto()
    UNAUTHORISED = auto()
    CANNOT_PAY = auto()
    """The account behind the credential has no money or no quota left."""
    UNKNOWN_MODEL = auto()
    OVERLOADED = auto()
    """It did not begin to work, and says to come back after 7 seconds."""
    FAILED = auto()
    """It began, and failed."""
    REFUSED_PROMPT = auto()
    """Its content policy forbids what the prompt asks for."""
    NO_IMAGE = auto()
    """A success in its usual form, without an image in it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as the server understood it, whatever the number of HTTP requests that it took.

    `references` are what `Subject.arrived` gives for each that came, in order.
    """

    prompt: str
    seed: int | None
    references: tuple[object, ...]
    credential: str | None


class Subject(ABC):
    """An adapter, and a stand-in on loopback for the server it talks to.

    The stand-in is a `FaultBackend`: it listens, records, holds, drips, hangs up and resets, and leaves to
    this class only what its protocol says.
    """

    name: str
    inner_words: tuple[str, ...]
    """What no caller may see: the names of models above all."""
    makes_every_size: bool = True
    """Whether the server can be asked for every size of the table, so that its image is left as it came."""
    has_seed: bool = True
    """Whether the model uses the seed of a request."""
    has_api_key: bool = True
    """Whether `credential` is read for every request."""

    @abstractmethod
    def connect(self, http: HttpClient, origin: str, credential: Callable[[], str]) -> ImageBackend:
        """The adapter for a server at `origin`, a URL without a path."""

    @abstractmethod
    def generate(self, request: RecordedRequest) -> Response:
        """The response of a faultless server: an image made by `generated`, in a size of its choice."""

    @abstractmethod
    def image(self, content: bytes) -> Response:
        """A success that carries `content` as its image."""

    @abstractmethod
    def refuse(self, fault: Fault) -> Response:
        """The server's words for a fault."""

    @abstractmethod
    def read(self, requests: Sequence[RecordedRequest]) -> Asked:
        """What the HTTP requests of one request ask for."""

    def arrived(self, reference: ReferenceImage) -> object:
        """What `read` gives for a reference that came as it should: its content, where nothing alters it."""
        return reference.content

    def serve(self) -> FaultBackend:
        """The stand-in, not yet started."""
        return _StandIn(self)


class _StandIn(FaultBackend):
    def __init__(self, subject: Subject) -> None:
        super().__init__()
        self._subject = subject

    def generate(self, request: RecordedRequest) -> Response:
        return self._subject.generate(request)


def generated(asked: Asked, size: Size) -> bytes:
    """A PNG whose colour differs with prompt, seed and references, and with their order."""
    text = repr((asked.prompt, asked.seed, asked.references)).encode()
    return plain_png(hashlib.sha256(text).digest()[:3], size)


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

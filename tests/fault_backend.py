"""An inference backend on loopback that records its requests and fails as it is scripted to.

::

    with FaultBackend() as backend:
        backend.script(refusal(429, headers={"Retry-After": "7"}), json_image(b"..."))
        ...                            # the code under test calls backend.base_url
        backend.requests[0].json["prompt"]

Responses are sent in the order of the script; after its end, and without one, every request gets an image of
the size that it asks for. Nothing is held for longer than `MAX_HOLD_SECONDS`.
"""

import base64
import gzip
import json
import re
import socket
import struct
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any, Final, Self

from local.keep_alive_server import KeepAliveServer
from tests.sample_images import sample

MAX_HOLD_SECONDS: Final = 10.0
_DRIP_SECONDS: Final = 0.01


class Delivery(Enum):
    """How a response is put on the wire."""

    WHOLE = auto()
    HELD = auto()
    """Nothing is sent until the backend is released."""
    HELD_BODY = auto()
    """The head and half of the body at once, the rest when the backend is released."""
    DRIPPED = auto()
    """A byte at a time, from the status line on."""
    DRIPPED_BODY = auto()
    """The head at once, the body a byte at a time."""
    CUT = auto()
    """The connection is closed after half of the body that the head promised."""
    RESET = auto()
    """The connection is reset before anything is sent."""


@dataclass(frozen=True, slots=True)
class Response:
    """One response of the backend."""

    status: int = 200
    content_type: str = "application/json"
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delivery: Delivery = Delivery.WHOLE

    def delivered(self, delivery: Delivery) -> "Response":
        """The same response, put on the wire in another way."""
        return replace(self, delivery=delivery)

    def compressed(self) -> "Response":
        """The same response with its body in gzip."""
        headers = {**self.headers, "Content-Encoding": "gzip"}
        return replace(self, body=gzip.compress(self.body), headers=headers)

    @property
    def head(self) -> bytes:
        headers = {"Content-Type": self.content_type, "Content-Length": str(len(self.body))} | self.headers
        lines = [f"HTTP/1.1 {self.status} Scripted", *(f"{name}: {value}" for name, value in headers.items())]
        return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1")


def json_image(content: bytes) -> Response:
    """An image file in base64, in the form of the protocol's `b64_json`."""
    return document({"created": 0, "data": [{"b64_json": base64.b64encode(content).decode()}]})


def raw_image(content: bytes, media_type: str = "image/png") -> Response:
    """An image file as it is, under its media type."""
    return Response(content_type=media_type, body=content)


def document(value: Any, status: int = 200) -> Response:
    """A JSON document."""
    return Response(status, body=json.dumps(value).encode())


def refusal(status: int, code: str | None = None, *, headers: Mapping[str, str] | None = None) -> Response:
    """An error in the protocol's format."""
    response = document({"error": {"message": "Scripted refusal.", "type": "error", "code": code}}, status)
    return replace(response, headers=headers or {})


def page(status: int = 200) -> Response:
    """An HTML page, as a proxy sends."""
    return Response(status, "text/html; charset=utf-8", b"<!doctype html><title>Bad gateway</title>")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart request; `filename` and `content_type` are None where it has none."""

    name: str
    content: bytes
    filename: str | None = None
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """What the backend received; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body of a generation."""
        return json.loads(self.body)

    @property
    def parts(self) -> list[Part]:
        """The body of an edit."""
        boundary = self.headers["content-type"].partition("boundary=")[2]
        pieces = self.body.split(f"--{boundary}".encode())[1:-1]
        return [_part(*piece[2:-2].split(b"\r\n\r\n", 1)) for piece in pieces]

    @property
    def fields(self) -> dict[str, str]:
        """The text fields of an edit."""
        return {part.name: part.content.decode() for part in self.parts if part.filename is None}

    @property
    def files(self) -> list[Part]:
        """The files of an edit, in order."""
        return [part for part in self.parts if part.filename is not None]

    @property
    def size(self) -> tuple[int, int]:
        """The width and height it asks for, in pixels."""
        is_json = self.headers["content-type"] == "application/json"
        width, height = map(int, (self.json if is_json else self.fields)["size"].split("x"))
        return width, height


def _part(head: bytes, content: bytes) -> Part:
    def value(pattern: str) -> str | None:
        match = re.search(pattern, head.decode(), re.IGNORECASE)
        return match[1] if match else None

    name = value(r'[; ]name="([^"]*)"')
    return Part(name or "", content, value(r'filename="([^"]*)"'), value(r"content-type: (\S+)"))


class FaultBackend:
    """The server; it runs from `__enter__` to `__exit__`."""

    def __init__(self) -> None:
        self.requests: list[RecordedRequest] = []
        self.released = threading.Event()
        self._script: deque[Response] = deque()
        self._changed = threading.Condition()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def connections(self) -> int:
        """How many connections have come."""
        return self._server.connections

    @property
    def origin(self) -> str:
        """Where the server is, without a path."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def base_url(self) -> str:
        """Where to send requests, with the protocol's ``/v1``."""
        return f"{self.origin}/v1"

    def script(self, *responses: Response) -> None:
        """Send these next, one a request, in place of what was still to be sent."""
        with self._changed:
            self._script = deque(responses)

    def wait_for_requests(self, count: int) -> None:
        """Return once `count` requests have come in all. Raises TimeoutError after `MAX_HOLD_SECONDS`."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.requests) >= count, MAX_HOLD_SECONDS):
                raise TimeoutError(f"{len(self.requests)} of {count} requests came")

    def release(self) -> None:
        """Let every held and dripped response go on at full speed, now and later."""
        self.released.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self.release()
        self._server.stop()
        self._thread.join()

    def respond(self, request: RecordedRequest) -> Response:
        """Record the request and choose the response."""
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
            scripted = self._script.popleft() if self._script else None
        return scripted or self.generate(request)

    def generate(self, request: RecordedRequest) -> Response:
        """The response where the script has none."""
        return json_image(sample("png", *request.size))


class _Server(KeepAliveServer):
    def __init__(self, backend: FaultBackend) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.backend = backend


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._send(self.server.backend.respond(RecordedRequest(self.command, self.path, headers, body)))

    do_GET = do_PUT = do_POST

    def _send(self, response: Response) -> None:
        released, half = self.server.backend.released, len(response.body) // 2
        match response.delivery:
            case Delivery.WHOLE:
                self.wfile.write(response.head + response.body)
            case Delivery.HELD:
                released.wait(MAX_HOLD_SECONDS)
                self.wfile.write(response.head + response.body)
            case Delivery.HELD_BODY:
                self.wfile.write(response.head + response.body[:half])
                released.wait(MAX_HOLD_SECONDS)
                self.wfile.write(response.body[half:])
            case Delivery.DRIPPED:
                self._drip(response.head + response.body, released)
            case Delivery.DRIPPED_BODY:
                self.wfile.write(response.head)
                self._drip(response.body, released)
            case Delivery.CUT:
                self.wfile.write(response.head + response.body[:half])
                self.close_connection = True
            case Delivery.RESET:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True

    def _drip(self, content: bytes, released: threading.Event) -> None:
        for at in range(min(len(content), int(MAX_HOLD_SECONDS / _DRIP_SECONDS))):
            if released.wait(_DRIP_SECONDS):
                self.wfile.write(content[at:])
                return
            self.wfile.write(content[at : at + 1])
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""

"""Both ends of a delivery, an inference backend and the Lambda Runtime API, in a process of their own.

The backend answers a PNG of as many MiB as the prompt says. Whoever is measured sends it to the Runtime API,
which counts it as AWS would and drops it. Sources: `imagineart.adapters.openai_images` and
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import base64
import json
import random
import struct
import sys
import threading
import zlib
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from local.child_server import ChildServer, await_listening, launch

PICTURE_SIDE: Final = 2048
_MIB: Final = 1024 * 1024
_CHUNK_BYTES: Final = 64 * 1024
_READ_BYTES: Final = 256 * 1024
_LAST_CHUNK: Final = b"\r\n0\r\n\r\n"


def start_delivery_peers() -> ChildServer:
    """The server, listening."""
    return await_listening(launch(__name__))


@cache
def build_png(mib: int) -> bytes:
    """What looks like a PNG of `PICTURE_SIDE` squared; its pixels are noise that nothing decodes.

    With 0 MiB it has one small chunk of them.
    """
    noise = random.Random(mib)
    header = struct.pack(">IIBBBBB", PICTURE_SIDE, PICTURE_SIDE, 8, 2, 0, 0, 0)
    pixels = [noise.randbytes(_CHUNK_BYTES) for _ in range(mib * _MIB // _CHUNK_BYTES)]
    chunks = [(b"IHDR", header), *((b"IDAT", each) for each in pixels or [b"little"]), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_encode_chunk(*chunk) for chunk in chunks)


def _encode_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@cache
def _build_answer(mib: int, response_format: str) -> tuple[str, bytes]:
    png = build_png(mib)
    if response_format == "png":
        return "image/png", png
    document = {"created": 1, "data": [{"b64_json": base64.b64encode(png).decode()}]}
    return "application/json", json.dumps(document).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        if self.path.startswith("/2018-06-01/runtime/"):
            self._drop_body()
            self._answer(202, "application/json", b"")
        else:
            order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            media_type, body = _build_answer(int(order["prompt"]), order["response_format"])
            self._answer(200, media_type, body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: a line a request would bury the table."""

    def _drop_body(self) -> None:
        """Read as fast as it comes: what this end costs is no part of the comparison."""
        expected = int(self.headers.get("Content-Length", sys.maxsize))
        received, end = 0, b""
        while received < expected and end != _LAST_CHUNK:
            piece = self.rfile.read1(min(_READ_BYTES, expected - received))
            if not piece:
                raise ConnectionError("the body ended early")
            received += len(piece)
            end = (end + piece[-len(_LAST_CHUNK) :])[-len(_LAST_CHUNK) :]

    def _answer(self, status: int, media_type: str, body: bytes) -> None:
        head = f"HTTP/1.1 {status} OK\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode())
        self.wfile.write(body)


def _serve() -> None:
    """Serve until standard input ends, which it does when the parent process does."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"delivery peers listening on http://127.0.0.1:{server.server_port}", flush=True)
    sys.stdin.read()
    server.shutdown()
    server.server_close()


if __name__ == "__main__":
    _serve()

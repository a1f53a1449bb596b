"""An inference backend for load: it takes its time without work, and stamps each picture.

It speaks the OpenAI-compatible images protocol, as far as the service uses it:
https://platform.openai.com/docs/api-reference/images
"""

import argparse
import json
import os
import re
import socket
import struct
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final

from imagineart.domain.sizes import Size

from load.faults import Fate, FaultRule
from load.journals import Journal, Painted
from load.pictures import picture_parts
from load.references import read_mark
from load.stamps import Stamp, digest_of_prompt, digest_of_references
from local.keep_alive_server import KeepAliveServer

MODEL: Final = "load"
ATTEMPT_SECONDS: Final = 8
"""What the service is to give one attempt, beyond which `Fate.SILENT` goes."""

SILENT_SECONDS: Final = 12.0
_GARBAGE: Final = b"no picture, though its media type says so" * 100
_REFUSALS: Final = {Fate.SERVER_ERROR: 500, Fate.AT_LIMIT: 429, Fate.OVERLOADED: 503}


@dataclass(frozen=True, slots=True)
class PaintOrder:
    """What one request asks for; `marks` are those of its references."""

    prompt: str
    size: Size
    seed: int
    marks: Sequence[bytes] = ()


def read_order(content_type: str, body: bytes) -> PaintOrder:
    """The order in a JSON body or a form. Raises ValueError and KeyError where it is none."""
    if content_type == "application/json":
        return _order(json.loads(body), ())
    boundary = content_type.partition("boundary=")[2].encode()
    fields, marks = {}, []
    for part in body.split(b"--" + boundary)[1:-1]:
        head, content = part[2:-2].split(b"\r\n\r\n", 1)
        if b"filename=" in head:
            marks.append(read_mark(content))
        else:
            fields[re.findall(rb'name="([^"]*)"', head)[0].decode()] = content.decode()
    return _order(fields, marks)


def _order(fields: dict[str, Any], marks: Sequence[bytes]) -> PaintOrder:
    width, height = map(int, str(fields["size"]).split("x"))
    return PaintOrder(str(fields["prompt"]), Size(width, height), int(fields["seed"]), marks)


class StampingStudio:
    """Numbers requests and pictures, and remembers them; for many threads."""

    def __init__(self, rule: FaultRule, journal: Journal) -> None:
        self._rule = rule
        self._journal = journal
        self._numbers = self._serials = 0
        self.turn = threading.Lock()

    def next_fate(self) -> tuple[int, Fate]:
        """The number of the next request, and its fate."""
        with self.turn:
            self._numbers += 1
            return self._numbers, self._rule.next_fate(self._numbers)

    def stamp(self, order: PaintOrder) -> Stamp:
        """The stamp of a new picture for `order`."""
        with self.turn:
            self._serials += 1
            serial = self._serials
        return Stamp(digest_of_prompt(order.prompt), digest_of_references(order.marks), order.seed, serial)

    def note(self, number: int, order: PaintOrder, fate: Fate, serial: int | None, sent: bool) -> None:
        """Write down what became of a request."""
        prompt = digest_of_prompt(order.prompt).hex()
        self._journal.note(Painted(number, prompt, fate, serial, sent))


class LoadBackend(KeepAliveServer):
    """The server, on a free port of loopback; each picture takes `seconds`."""

    # Fifty callers come at once; a connection beyond the queue would wait for a second.
    request_queue_size = 128

    def __init__(self, studio: StampingStudio, seconds: float) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.studio = studio
        self.seconds = seconds
        self.ending = threading.Event()

    @property
    def url(self) -> str:
        """Where it listens, without a path."""
        return f"http://127.0.0.1:{self.server_port}"

    def stop(self) -> None:
        self.ending.set()
        super().stop()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: LoadBackend

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        order = read_order(self.headers["Content-Type"], body)
        studio = self.server.studio
        number, fate = studio.next_fate()
        if fate in (Fate.AT_LIMIT, Fate.OVERLOADED):
            pass
        elif fate is Fate.SILENT:
            self.server.ending.wait(SILENT_SECONDS)
        else:
            self.server.ending.wait(self.server.seconds)
        stamp = studio.stamp(order) if fate in (Fate.PAINTED, Fate.CUT_OFF) else None
        sent = False
        try:
            self._answer(fate, order, stamp)
            sent = True
        finally:
            whole = stamp.serial if stamp and fate is Fate.PAINTED else None
            studio.note(number, order, fate, whole, sent)

    def _answer(self, fate: Fate, order: PaintOrder, stamp: Stamp | None) -> None:
        if stamp is not None:
            picture = b"".join(picture_parts(order.size, stamp))
            self._begin(200, "image/png", len(picture))
            self.wfile.write(memoryview(picture)[: None if fate is Fate.PAINTED else len(picture) // 2])
            self.close_connection = fate is not Fate.PAINTED
        elif fate in _REFUSALS:
            status = _REFUSALS[fate]
            content = json.dumps({"error": {"message": fate, "type": "error", "code": None}}).encode()
            self._begin(status, "application/json", len(content))
            self.wfile.write(content)
        elif fate is Fate.GARBAGE:
            self._begin(200, "image/png", len(_GARBAGE))
            self.wfile.write(_GARBAGE)
        else:
            if fate is Fate.RESET:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            self.close_connection = True

    def _begin(self, status: int, content_type: str, length: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(length))
        if status == _REFUSALS[Fate.AT_LIMIT]:
            self.send_header("Retry-After", "1")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""


def main(new_studio: Callable[[FaultRule, Journal], StampingStudio] = StampingStudio) -> None:
    """Serve until standard input ends, which it does when the parent process does."""
    options = argparse.ArgumentParser(prog="load backend", description=__doc__)
    options.add_argument("--journal", type=Path, required=True)
    options.add_argument("--seconds", type=float, required=True, help="what a picture takes")
    options.add_argument("--faults", type=float, required=True, help="share of requests that fail, 0 to 1")
    options.add_argument("--fault-seed", type=int, default=1)
    chosen = options.parse_args()
    studio = new_studio(FaultRule(chosen.faults, chosen.fault_seed), Journal(chosen.journal))
    server = LoadBackend(studio, chosen.seconds)
    serving = threading.Thread(target=server.serve_forever, args=(0.05,))
    serving.start()
    print(f"load backend listening on {server.url}", flush=True)
    while os.read(sys.stdin.fileno(), 4096):
        pass
    server.stop()
    serving.join()


if __name__ == "__main__":
    main()

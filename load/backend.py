"""An inference backend that takes its time without work, stamps every image, and fails now and then.

It speaks the images protocol of OpenAI: https://platform.openai.com/docs/api-reference/images. It takes the
webhooks of jobs as well, some of them at the second attempt.
"""

import json
import random
import socket
import time
from collections import defaultdict
from typing import Any, Final

from werkzeug import Request, Response

from load.images import make_png, read_mark
from load.media import OWN, make_media

ATTEMPT_SECONDS: Final = 20
"""What the service gives one attempt; a silent backend takes longer."""

WEBHOOKS: Final = "/webhooks/"


ENDING: Final = dict.fromkeys(("500", "503", "cut off", "garbage", "reset"), "model_error") | {
    "429": "rate_limited",
    "silent": "timeout",
}
"""Faults in place of an image, a number being a status, and what a client gets if there is no retry."""


_SECONDS: Final = {"429": 0, "503": 0, "silent": 1.5 * ATTEMPT_SECONDS}


class LoadBackend:
    """A server's state. An image takes `seconds`; `faults` is the share of requests that fail."""

    def __init__(self, seconds: float, faults: float, seed: int) -> None:
        self.seconds, self.faults, self.dice = seconds, faults, random.Random(seed)
        self.done: defaultdict[str, list[str]] = defaultdict(list)
        """What it did for each prompt: a fault, or nothing but an image."""
        self.came: defaultdict[str, list[tuple[str, Any]]] = defaultdict(list)
        """The ids and bodies of the webhooks that came at each path."""
        self.refused: list[str] = []
        """The paths that refused their first webhook."""

    @property
    def taken(self) -> int:
        """How many webhooks were taken."""
        return sum(map(len, self.came.values())) - len(self.refused)

    def respond(self, request: Request) -> Response:
        """Make an image or a file, or take a webhook; or fail."""
        fault = self.dice.choice([*ENDING]) if self.dice.random() < self.faults else ""
        if request.path.startswith(WEBHOOKS):
            return self._take(request, is_refused=bool(fault) and not self.came[request.path])
        made = make_media(request)
        if made is None:
            made = self._draw(request, fault)
        time.sleep(_SECONDS.get(fault, 0 if isinstance(made, dict) else self.seconds))
        if fault in ("reset", "silent"):
            request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        kind = "application/json" if isinstance(made, dict) else "image/png"
        whole = json.dumps(made).encode() if isinstance(made, dict) else made
        content = b"nothing" if fault == "garbage" else whole[:40] if fault else whole
        length = len(whole if fault == "cut off" else content)
        headers = {"Content-Type": kind, "Content-Length": str(length), "Retry-After": "1"}
        return Response([content], fault if fault.isdigit() else 200, headers)

    def _draw(self, request: Request, fault: str) -> bytes:
        fields = request.get_json(silent=True) or request.form
        marks = [read_mark(file.read()) for file in request.files.getlist("image")]
        width, height = map(int, fields["size"].split("x"))
        if not fields["prompt"].startswith(OWN):
            self.done[fields["prompt"]].append(fault)
        return make_png((width, height), fields["prompt"], marks, int(fields["seed"]))

    def _take(self, request: Request, *, is_refused: bool) -> Response:
        self.came[request.path].append((request.headers["webhook-id"], request.get_json()))
        self.refused += [request.path] * is_refused
        return Response(status=503 if is_refused else 204)

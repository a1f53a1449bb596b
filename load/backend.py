"""An inference backend that takes its time without work, stamps every image, and fails now and then.

It speaks the images protocol of OpenAI: https://platform.openai.com/docs/api-reference/images
"""

import random
import socket
import time
from collections import defaultdict
from enum import StrEnum
from typing import Final

from werkzeug import Request, Response

from load.images import make_png, read_mark

ATTEMPT_SECONDS: Final = 20
"""What the service gives one attempt; a silent backend takes longer."""


class Fault(StrEnum):
    """What the backend does in place of an image; a number is a status."""

    SERVER_ERROR = "500"
    AT_LIMIT = "429"
    OVERLOADED = "503"
    CUT_OFF = "cut off"
    GARBAGE = "garbage"
    SILENT = "silent"
    RESET = "reset"


ENDING: Final = dict.fromkeys(Fault, "model_error") | {
    Fault.AT_LIMIT: "rate_limited",
    Fault.SILENT: "timeout",
}
"""The error that a client gets if the service does not retry."""

_SECONDS: Final = {Fault.AT_LIMIT: 0, Fault.OVERLOADED: 0, Fault.SILENT: 1.5 * ATTEMPT_SECONDS}


class LoadBackend:
    """A server's state. An image takes `seconds`; `faults` is the share of requests that fail."""

    def __init__(self, seconds: float, faults: float, seed: int) -> None:
        self.seconds, self.faults, self.dice = seconds, faults, random.Random(seed)
        self.done: defaultdict[str, list[Fault | None]] = defaultdict(list)
        """What it did for each prompt; None stands for an image."""

    def respond(self, request: Request) -> Response:
        """Make an image, or fail."""
        fields = request.get_json(silent=True) or request.form
        marks = [read_mark(file.read()) for file in request.files.getlist("image")]
        width, height = map(int, fields["size"].split("x"))
        fault = self.dice.choice(list(Fault)) if self.dice.random() < self.faults else None
        self.done[fields["prompt"]].append(fault)
        time.sleep(_SECONDS.get(fault, self.seconds) if fault else self.seconds)
        if fault in (Fault.RESET, Fault.SILENT):
            request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        image = make_png((width, height), fields["prompt"], marks, int(fields["seed"]))
        content = b"no image" if fault is Fault.GARBAGE else image[:40] if fault else image
        length = len(image if fault is Fault.CUT_OFF else content)
        headers = {"Content-Type": "image/png", "Content-Length": str(length), "Retry-After": "1"}
        return Response([content], fault if fault and fault.isdigit() else 200, headers)

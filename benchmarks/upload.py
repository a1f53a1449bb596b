"""Four uploaded files of 1 MiB: from the proxy event to parsed parts, against FastAPI behind Mangum."""

import random
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.applications import running_applications
from benchmarks.events import build_upload
from benchmarks.measurements import Measurement

GOAL: Final = 0.20
FILES: Final = 4
FILE_BYTES: Final = 1024 * 1024
ROUNDS: Final = 3
UNCOUNTED_REQUESTS: Final = 5
COUNTED_REQUESTS: Final = 25
_HANDLERS: Final = Path(__file__).with_name("form_parsing")


def measure() -> list[Measurement]:
    """Median time of the whole handlers, which only parse, by turns in fresh environments.

    Not in one process: each would pay for collecting the other's garbage.
    """
    content = random.Random(1)
    upload = build_upload([content.randbytes(FILE_BYTES) for _ in range(FILES)])
    with running_applications() as applications:
        sides = {
            "stock": applications.naive.with_code(_HANDLERS / "stock"),
            "ours": applications.functions["edit_image"].with_code(_HANDLERS / "ours"),
        }
        milliseconds: dict[str, list[float]] = {side: [] for side in sides}
        for _ in range(ROUNDS):
            for side, application in sides.items():
                run = application.run(upload, times=UNCOUNTED_REQUESTS + COUNTED_REQUESTS)
                milliseconds[side] += [each.cpu_seconds * 1e3 for each in run.requests[UNCOUNTED_REQUESTS:]]
    return [
        Measurement(
            "upload of 4 x 1 MiB", median(milliseconds["ours"]), "ms", median(milliseconds["stock"]), GOAL
        )
    ]

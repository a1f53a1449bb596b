"""Removing metadata from a finished PNG, against what is usually done: open it and save it again."""

import io
import time
from collections.abc import Callable
from statistics import median
from typing import Final

from imagineart.domain.png import clean_png
from imagineart.domain.sizes import Size
from PIL import Image

from benchmarks.measurements import Measurement
from benchmarks.photographs import encode_png_with_metadata, paint_photograph, split_picture_data

SIDE: Final = 2048
SMALL_CHUNK_BYTES: Final = 8 * 1024
GRAIN: Final = 5.0
GOAL: Final = 0.001
BASELINE_ROUNDS: Final = 3
CLEANINGS_PER_ROUND: Final = 15


def measure() -> list[Measurement]:
    """A photograph of 4.2 megapixels, as Pillow writes it and in many small chunks, and a grainy one.

    Grain has no goal: deflate gives up on it early, so that saving it again takes a third of the time, while
    the larger file has more bytes to check.
    """
    photograph = encode_png_with_metadata(paint_photograph(SIDE, SIDE))
    grainy = encode_png_with_metadata(paint_photograph(SIDE, SIDE, noise=GRAIN))
    return [
        _compare("metadata removal, photograph", photograph, GOAL),
        _compare("metadata removal, 8 KiB chunks", split_picture_data(photograph, SMALL_CHUNK_BYTES), GOAL),
        _compare("metadata removal, grainy", grainy, goal=None),
    ]


def _compare(name: str, png: bytes, goal: float | None) -> Measurement:
    ours: list[float] = []
    baseline: list[float] = []
    for _ in range(BASELINE_ROUNDS):
        baseline.append(_time_ms(_save_again, png))
        ours += [_time_ms(_clean, png) for _ in range(CLEANINGS_PER_ROUND)]
    return Measurement(name, median(ours), "ms", median(baseline), goal)


def _clean(png: bytes) -> bytes:
    return clean_png(png, Size(SIDE, SIDE))


def _save_again(png: bytes) -> bytes:
    target = io.BytesIO()
    image = Image.open(io.BytesIO(png))
    image.info = {}
    image.save(target, "PNG", compress_level=6)
    return target.getvalue()


def _time_ms(work: Callable[[bytes], bytes], png: bytes) -> float:
    started = time.process_time()
    work(png)
    return (time.process_time() - started) * 1e3

"""Images with a stamp in every row, so that a wrong, a mixed or a damaged one is found.

Nothing is compressed: an image is as large as a photograph and costs nothing.
"""

import hashlib
import io
import random
from collections.abc import Iterable

from PIL import Image


def make_png(size: tuple[int, int], prompt: str, marks: Iterable[bytes], seed: int) -> bytes:
    """A PNG in RGB for a prompt, the marks of references, and a seed."""
    buffer = io.BytesIO()
    image = Image.frombytes("RGB", size, _row(size[0], prompt, marks, seed) * size[1])
    image.save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()


def find_fault(png: bytes, size: tuple[int, int], prompt: str, marks: Iterable[bytes], seed: int) -> str:
    """What is wrong with an image that should be `make_png` of the same; empty if it is right."""
    try:
        image = Image.open(io.BytesIO(png), formats=["PNG"])
        pixels = image.tobytes()
    except (OSError, SyntaxError, ValueError) as error:
        return f"not a whole PNG: {error}"
    is_right = image.size == size and pixels == _row(size[0], prompt, marks, seed) * size[1]
    return "" if is_right else f"an image of {image.size} instead of {size}, or for another request"


def draw_reference(mark: bytes, kind: str) -> bytes:
    """A file of the kind ``PNG`` or ``JPEG`` with a mark of 64 black (0) and white (255) blocks."""
    buffer = io.BytesIO()
    Image.frombytes("L", (8, 8), mark).resize((512, 384), Image.Resampling.NEAREST).save(buffer, kind)
    return buffer.getvalue()


def read_mark(content: bytes) -> bytes:
    """The mark of a reference file, also of one that was encoded again."""
    blocks = Image.open(io.BytesIO(content)).convert("L").resize((8, 8), Image.Resampling.BOX)
    return bytes(255 * (level > 127) for level in blocks.tobytes())


def _row(width: int, prompt: str, marks: Iterable[bytes], seed: int) -> bytes:
    stamp = hashlib.sha256(repr((prompt, [*marks], seed)).encode()).digest()
    return stamp + random.Random(width).randbytes(3 * width - len(stamp))

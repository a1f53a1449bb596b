"""Reference images that carry a mark which survives being decoded and encoded again, as JPEG too.

A mark is 32 bytes, drawn as 16 by 16 blocks in black and white.
"""

import io
from typing import Final

from PIL import Image

MARK_BYTES: Final = 32
_BLOCKS: Final = 16
_HALF_BRIGHT: Final = 128


def draw_reference(mark: bytes, kind: str, width: int, height: int) -> bytes:
    """A ``PNG`` or ``JPEG`` file with the mark in it."""
    bits = int.from_bytes(mark, "big")
    blocks = Image.new("L", (_BLOCKS, _BLOCKS))
    blocks.putdata([255 * (bits >> place & 1) for place in reversed(range(8 * MARK_BYTES))])
    drawn = blocks.resize((width, height), Image.Resampling.NEAREST).convert("RGB")
    file = io.BytesIO()
    drawn.save(file, kind)
    return file.getvalue()


def read_mark(content: bytes) -> bytes:
    """The mark of a reference file. Raises ValueError where it is no picture."""
    try:
        picture = Image.open(io.BytesIO(content)).convert("L")
    except Exception as error:
        raise ValueError("the reference is no picture") from error
    width, height = picture.size
    bits = 0
    for row in range(_BLOCKS):
        for column in range(_BLOCKS):
            centre = (
                (2 * column + 1) * width // (2 * _BLOCKS),
                (2 * row + 1) * height // (2 * _BLOCKS),
            )
            bright = picture.getpixel(centre)
            bits = bits << 1 | (isinstance(bright, int) and bright >= _HALF_BRIGHT)
    return bits.to_bytes(MARK_BYTES, "big")

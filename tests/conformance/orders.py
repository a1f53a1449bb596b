"""The orders that every contestant is given."""

from dataclasses import replace
from typing import TypeAlias

from PIL import Image

from imagineart.adapters.pictures import PillowPictureFinisher
from imagineart.domain.images import JPEG, PNG, ReferenceImage
from imagineart.domain.orders import EditOrder, GenerationOrder
from imagineart.domain.pieces import Pieces
from imagineart.domain.ports import ImageBackend
from imagineart.domain.sizes import Size, output_size
from tests.sample_pictures import encode

AMPLE_SECONDS = 30.0
SIZE = output_size("3:2", "1K")
PROMPT = "A fox in the snow,\r\nat “night” 🦊"
REFERENCE_COLOURS = ("red", "lime", "blue", "yellow")
_REFERENCE_SIZES = (Size(320, 240), Size(256, 384), Size(400, 400), Size(512, 256))
REFERENCES = tuple(
    ReferenceImage(encode(Image.new("RGB", (size.width, size.height), colour), kind.name), kind, size)
    for colour, size, kind in zip(REFERENCE_COLOURS, _REFERENCE_SIZES, (PNG, JPEG, PNG, JPEG), strict=True)
)
"""Each in a colour of its own, so that it is known again after an adapter has altered it."""

GENERATION = GenerationOrder(PROMPT, SIZE, seed=7, reasoning="low")
EDIT = EditOrder(PROMPT, SIZE, seed=7, references=REFERENCES[:1])

Order: TypeAlias = GenerationOrder | EditOrder


def answer_to(backend: ImageBackend, order: Order, seconds: float = AMPLE_SECONDS) -> Pieces:
    """What the backend answers, before anything is asked."""
    if isinstance(order, GenerationOrder):
        return backend.generate(order, deadline_seconds=seconds)
    return backend.edit(order, deadline_seconds=seconds)


def finished(backend: ImageBackend, order: Order, seconds: float = AMPLE_SECONDS) -> bytes:
    """The picture that a caller is given."""
    return b"".join(PillowPictureFinisher().finish(answer_to(backend, order, seconds), order.size))


def resized(order: Order, size: Size) -> Order:
    """The same order for another size."""
    return replace(order, size=size)

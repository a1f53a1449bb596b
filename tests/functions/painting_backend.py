"""The fault backend with replies made from the request: by default a picture in the prompt's colour."""

import hashlib
import random
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.fault_backend import Answer, Delivery, FaultBackend, RecordedRequest, picture
from tests.sample_pictures import assemble, chunk, encode, header

GENERATION_MODEL = "test-generate"
EDIT_MODEL = "test-edit"

Reply = Callable[[RecordedRequest], Answer]


def colour_of(prompt: str) -> tuple[int, int, int]:
    """The colour with which the backend fills the picture of a prompt."""
    red, green, blue = hashlib.sha256(prompt.encode()).digest()[:3]
    return red, green, blue


def picture_file(size: tuple[int, int], prompt: str = "", *, kind: str = "PNG", **options: Any) -> bytes:
    """A picture file in the prompt's colour."""
    return encode(Image.new("RGB", size, colour_of(prompt)), kind, **options)


def noise_file(width: int, height: int, *, has_alpha: bool = False, padding_bytes: int = 0) -> bytes:
    """A PNG of noise, which no compression makes smaller, of the chunks alone that make the picture.

    `padding_bytes` are added to the compressed pixels as empty blocks, which every decoder passes over.
    """
    dice = random.Random(0)
    rows = b"".join(b"\0" + dice.randbytes((4 if has_alpha else 3) * width) for _ in range(height))
    stored = zlib.compress(rows, 0)
    pixels = stored[:2] + b"\0\0\0\xff\xff" * (padding_bytes // 5) + stored[2:]
    parts = [chunk(b"IDAT", pixels[at : at + 300_000]) for at in range(0, len(pixels), 300_000)]
    return assemble(header(width, height, colour_type=6 if has_alpha else 2), *parts, chunk(b"IEND"))


def signed(png: bytes) -> bytes:
    """`png` as a backend answers it: text before, amid and after the pixels, and bytes after the end."""
    text = chunk(b"tEXt", b"Software\0a backend that signs its work")
    first_pixels_end = 33 + 12 + int.from_bytes(png[33:37], "big")
    return b"".join(
        (
            png[:33],
            text,
            png[33:first_pixels_end],
            text,
            png[first_pixels_end:-12],
            text,
            png[-12:],
            b"after the end",
        )
    )


def paint(request: RecordedRequest) -> Answer:
    """What a faultless backend answers: a PNG of the size asked for, with metadata of its own in it."""
    fields = request.fields if request.path.endswith("/edits") else request.json
    metadata = PngInfo()
    metadata.add_text("Software", "a backend that signs its work")
    painted = picture_file(request.size, fields["prompt"], pnginfo=metadata, dpi=(300, 300))
    return picture(painted + b"bytes after the end")


def never(_: RecordedRequest) -> Answer:
    """No answer while the test lasts."""
    return Answer(503, delivery=Delivery.HELD)


def cut_off(_: RecordedRequest) -> Answer:
    """No answer, and the connection is reset."""
    return Answer(delivery=Delivery.RESET)


class PaintingBackend(FaultBackend):
    """Answers every request with its `reply`, which a test may replace at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.reply: Reply = paint

    def answer(self, request: RecordedRequest) -> Answer:
        """Remember the request and let `reply` choose what to say to it."""
        self.requests.append(request)
        answer = self.reply(request)
        # A connection that the client keeps would outlive the test; a reply that wants it kept says so.
        return replace(answer, headers={"Connection": "close", **answer.headers})

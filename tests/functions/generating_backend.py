"""The fault backend with replies made from the request: by default an image in the prompt's colour."""

import hashlib
import random
import threading
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.fault_backend import Delivery, FaultBackend, RecordedRequest, Response, json_image
from tests.sample_images import assemble, chunk, encode, header

GENERATION_MODEL = "test-generate"
EDIT_MODEL = "test-edit"

Reply = Callable[[RecordedRequest], Response]


def colour_of(prompt: str) -> tuple[int, int, int]:
    """The colour with which the backend fills the image of a prompt."""
    red, green, blue = hashlib.sha256(prompt.encode()).digest()[:3]
    return red, green, blue


def image_file(size: tuple[int, int], prompt: str = "", *, kind: str = "PNG", **options: Any) -> bytes:
    """An image file in the prompt's colour."""
    return encode(Image.new("RGB", size, colour_of(prompt)), kind, **options)


@cache
def noise_file(width: int, height: int, *, has_alpha: bool = False, padding_bytes: int = 0) -> bytes:
    """A PNG of noise, which no compression makes smaller, of the chunks alone that make the image.

    `padding_bytes` are added to the compressed pixels as empty blocks, which every decoder passes over.
    """
    dice = random.Random(0)
    rows = b"".join(b"\0" + dice.randbytes((4 if has_alpha else 3) * width) for _ in range(height))
    stored = zlib.compress(rows, 0)
    pixels = stored[:2] + b"\0\0\0\xff\xff" * (padding_bytes // 5) + stored[2:]
    parts = [chunk(b"IDAT", pixels[at : at + 300_000]) for at in range(0, len(pixels), 300_000)]
    return assemble(header(width, height, colour_type=6 if has_alpha else 2), *parts, chunk(b"IEND"))


def signed(png: bytes) -> bytes:
    """`png` as some backends return it: text before, amid and after the pixels, and bytes after the end."""
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


def generated(request: RecordedRequest) -> Response:
    """What a faultless backend returns: a PNG of the requested size, with metadata of its own in it."""
    fields = request.fields if request.path.endswith("/edits") else request.json
    metadata = PngInfo()
    metadata.add_text("Software", "a backend that signs its work")
    image = image_file(request.size, fields["prompt"], pnginfo=metadata, dpi=(300, 300))
    return json_image(image + b"bytes after the end")


def always(response: Response) -> Reply:
    """The same response to every request."""
    return lambda _: response


held = always(Response(503, delivery=Delivery.HELD))
"""No response while the test lasts."""

cut_off = always(Response(delivery=Delivery.RESET))
"""No response, and the connection is reset."""


class GeneratingBackend(FaultBackend):
    """Responds to every request with its `reply`, which a test may replace at any time."""

    reply: Reply = staticmethod(generated)

    def reset(self) -> None:
        """Start anew, with no request and the faultless reply."""
        self.reply = generated
        self.requests = []
        self.released = threading.Event()

    def generate(self, request: RecordedRequest) -> Response:
        """The response of `reply`."""
        response = self.reply(request)
        # A connection that the client keeps would outlive the test; a reply that wants it kept says so.
        return replace(response, headers={"Connection": "close", **response.headers})

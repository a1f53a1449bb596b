"""The requests that every adapter is given."""

import asyncio

from PIL import Image

from imagineart.backends.model import ImageBackend
from imagineart.images.finish import finish_image
from imagineart.images.kinds import JPEG, PNG
from imagineart.images.model import ImageRequest, ReferenceImage
from imagineart.images.sizes import Size, output_size
from tests.sample_images import encode

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

GENERATION = ImageRequest(PROMPT, SIZE, seed=7)
EDIT = ImageRequest(PROMPT, SIZE, seed=7, references=REFERENCES[:1])


async def finished(backend: ImageBackend, request: ImageRequest, seconds: float = AMPLE_SECONDS) -> bytes:
    """The image that a caller gets. Raises TimeoutError where the backend takes longer."""
    async with asyncio.timeout(seconds):
        generated = await backend.generate(request)
    return await finish_image(generated.content, request)

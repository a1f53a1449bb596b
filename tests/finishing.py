"""`finish_image` for tests that are not asynchronous."""

import asyncio

from imagineart.images import finish
from imagineart.images.model import AS_PNG, Background, ImageRequest, OutputFormat
from imagineart.images.sizes import Size


def finish_image(
    content: bytes, size: Size, output: OutputFormat = AS_PNG, background: Background = "auto"
) -> bytes:
    """The finished image. Raises ModelError."""
    request = ImageRequest("a fox", size, seed=1, output_format=output, background=background)
    return asyncio.run(finish.finish_image(content, request))

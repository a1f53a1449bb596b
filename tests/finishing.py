"""`finish_image` for tests that are not asynchronous."""

import asyncio

from imagineart.images import finish
from imagineart.images.model import AS_PNG, Background, OutputFormat
from imagineart.images.sizes import Size


def finish_image(
    content: bytes, size: Size, output: OutputFormat = AS_PNG, background: Background = "auto"
) -> bytes:
    """The finished image. Raises ModelError."""
    return asyncio.run(finish.finish_image(content, size, output, background))

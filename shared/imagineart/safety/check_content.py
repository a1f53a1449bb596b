"""The check of an image's content, by a checker that gets a small JPEG of it."""

import asyncio
from typing import Final, Protocol

from imagineart.images.in_thread import in_image_thread

CHECKED_SIDE: Final = 1024
"""The pixels of the longer side of what a checker gets: Amazon Rekognition takes 5 MB."""

_QUALITY: Final = 85


class ContentChecker(Protocol):
    """Says whether an image is unsafe."""

    def is_unsafe(self, jpeg: bytes, prompt: str) -> bool:
        """Whether the image, which was made of `prompt`, should not be shown. Raises AwsCallError."""


async def check_content(checker: ContentChecker, content: bytes, prompt: str) -> bool:
    """Whether the content of an image is unsafe. Raises AwsCallError."""
    return await asyncio.to_thread(checker.is_unsafe, await in_image_thread(_small_jpeg, content), prompt)


def _small_jpeg(content: bytes) -> bytes:
    # Pillow is imported at the first check only.
    from imagineart.images.decoding import decode_image
    from imagineart.images.encoding import encode_jpeg

    pixels = decode_image(content, reduced_to=CHECKED_SIDE).pixels
    pixels.thumbnail((CHECKED_SIDE, CHECKED_SIDE))
    return encode_jpeg(pixels, _QUALITY)


class PromptChecker:
    """For machines without Amazon Rekognition: an image is unsafe where its prompt has the word ``nsfw``."""

    def is_unsafe(self, _: bytes, prompt: str) -> bool:
        """Whether the prompt has the word."""
        return "nsfw" in prompt.lower().split()

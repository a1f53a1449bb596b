"""Which shapes Stability's models on Amazon Bedrock make and take, and how a requested size fits them.

Sources: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-stability-diffusion.html and
https://docs.aws.amazon.com/bedrock/latest/userguide/stable-image-services.html
"""

import math
from fractions import Fraction
from typing import Final

from imagineart.images.sizes import Size

ASPECT_RATIOS: Final = ("16:9", "1:1", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16", "9:21")
"""What the models make from text, in 1 to 1.5 megapixels."""

_MOST_PIXELS: Final = 3 << 19
"""No size of the table lies near it: the sizes at 1K have 1.1 megapixels at most, those at 2K 4.2."""

MAX_UPSCALER_SIDE: Final = 1536
MAX_UPSCALER_PIXELS: Final = 1 << 20
"""What the upscaler takes; its result has four times as many pixels on each side.

A side of 32 pixels is the least, far from what the models make.
"""

MAX_REFERENCE_RATIO: Final = 2.5
"""The longer side of an image that is edited, or gives a style, divided by its shorter one.

Sides of 64 pixels or more, and 9,437,184 pixels in all, are far from every size that is made here.
"""

STYLE_HEIGHT: Final = 1024
_FRAME_RATIO: Final = 2.4
"""A little within what is allowed, so that no rounding leads out of it."""


def choose_aspect_ratio(size: Size) -> str:
    """The ratio out of which an image of `size` is cut with the least loss."""
    requested = Fraction(size.width, size.height)

    def kept(ratio: str) -> Fraction:
        made = Fraction(ratio.replace(":", "/"))
        return min(made / requested, requested / made)

    return max(ASPECT_RATIOS, key=kept)


def exceeds_models(size: Size) -> bool:
    """Whether `size` has more pixels than any of the models makes."""
    return size.pixels > _MOST_PIXELS


def fits_upscaler(size: Size) -> bool:
    """Whether the upscaler takes an image of `size`."""
    return max(size.width, size.height) <= MAX_UPSCALER_SIDE and size.pixels <= MAX_UPSCALER_PIXELS


def shrink_for_upscaler(size: Size) -> Size:
    """The largest size of the same shape, no larger than `size`, that the upscaler takes."""
    scale = min(
        1.0, MAX_UPSCALER_SIDE / max(size.width, size.height), math.sqrt(MAX_UPSCALER_PIXELS / size.pixels)
    )
    return Size(int(size.width * scale), int(size.height * scale))


def reference_frame(requested: Size) -> Size:
    """What the reference that is edited is brought to, for the result has the shape of what was edited.

    It contains the requested shape, within the services' limits. The image to image of SD3.5 Large documents
    none but the smallest side; the stricter limits of the services are kept for it too. What would have to be
    enlarged anyway is asked for in a size that the upscaler takes.
    """
    frame = wide_frame(requested)
    return shrink_for_upscaler(frame) if exceeds_models(requested) else frame


def wide_frame(size: Size) -> Size:
    """The smallest size with room for `size` whose ratio the services take."""
    width = max(size.width, math.ceil(size.height / _FRAME_RATIO))
    height = max(size.height, math.ceil(size.width / _FRAME_RATIO))
    return Size(width, height)


def style_frames(references: list[Size]) -> list[Size]:
    """The sizes, of one height, in which images stand side by side in one that gives a style.

    Each keeps its shape as far as all of them together stay within the services' limits.
    """
    narrowest = math.ceil(STYLE_HEIGHT / MAX_REFERENCE_RATIO)
    widest = int(STYLE_HEIGHT * MAX_REFERENCE_RATIO / len(references))
    return [
        Size(min(max(narrowest, STYLE_HEIGHT * each.width // each.height), widest), STYLE_HEIGHT)
        for each in references
    ]

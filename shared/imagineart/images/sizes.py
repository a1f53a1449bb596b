"""The exact pixel size of every aspect ratio and resolution, and the ratio nearest to an image.

2K sizes keep the ratio exactly at about 4.2 megapixels; 1K is half of 2K on each side.
"""

import itertools
import math
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height in pixels."""

    width: int
    height: int

    @property
    def pixels(self) -> int:
        """The number of pixels."""
        return self.width * self.height

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


_LANDSCAPE_2K: Final = {
    "1:1": Size(2048, 2048),
    "16:9": Size(2816, 1584),
    "4:3": Size(2368, 1776),
    "3:2": Size(2496, 1664),
    "21:9": Size(3136, 1344),
    "5:4": Size(2320, 1856),
    "3:1": Size(3552, 1184),
    "4:1": Size(4096, 1024),
}

GENERATION_ASPECT_RATIOS: Final = (
    "1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "21:9", "4:5", "5:4", "3:1", "1:3", "4:1", "1:4",
)  # fmt: skip
EDIT_ASPECT_RATIOS: Final = tuple(ratio for ratio in GENERATION_ASPECT_RATIOS if ratio not in ("4:1", "1:4"))
RESOLUTIONS: Final = ("1K", "2K")


def output_size(aspect_ratio: str, resolution: str) -> Size:
    """The pixel size of `aspect_ratio` (such as ``16:9``) at `resolution` (``1K`` or ``2K``).

    Raises KeyError for a ratio that is not in the table.
    """
    size = _size_at_2k(aspect_ratio)
    return size if resolution == "2K" else Size(size.width // 2, size.height // 2)


def ratio_and_resolution(size: Size) -> tuple[str, str]:
    """The aspect ratio and the resolution whose `output_size` is `size`; each has another.

    Raises KeyError for a size that is not in the table.
    """
    for ratio, resolution in itertools.product(GENERATION_ASPECT_RATIOS, RESOLUTIONS):
        if output_size(ratio, resolution) == size:
            return ratio, resolution
    raise KeyError(str(size))


def nearest_aspect_ratio(size: Size, allowed: tuple[str, ...] = EDIT_ASPECT_RATIOS) -> str:
    """The allowed ratio whose shape is nearest to `size`, compared on a logarithmic scale."""
    shape = math.log(size.width / size.height)
    return min(allowed, key=lambda ratio: abs(_log_ratio(ratio) - shape))


def smallest_covering(size: Size) -> tuple[str, str]:
    """The aspect ratio nearest to a size, and the lower resolution that has as many pixels both ways."""
    ratio = nearest_aspect_ratio(size, GENERATION_ASPECT_RATIOS)
    for resolution in RESOLUTIONS[:-1]:
        candidate = output_size(ratio, resolution)
        if candidate.width >= size.width and candidate.height >= size.height:
            return ratio, resolution
    return ratio, RESOLUTIONS[-1]


def _size_at_2k(aspect_ratio: str) -> Size:
    if aspect_ratio in _LANDSCAPE_2K:
        return _LANDSCAPE_2K[aspect_ratio]
    landscape = _LANDSCAPE_2K[":".join(reversed(aspect_ratio.split(":")))]
    return Size(landscape.height, landscape.width)


def _log_ratio(aspect_ratio: str) -> float:
    width, height = map(int, aspect_ratio.split(":"))
    return math.log(width / height)

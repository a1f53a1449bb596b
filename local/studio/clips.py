"""A clip: the camera moves over a scene of the painter, in and then along."""

import io
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from local.painter.draw import generate_image
from local.studio.files import FRAME_RATE, video_file

_MAX_SIDE: Final = 480
"""A clip is small, whatever is asked for: it is looked at to see that there is one."""
_ZOOM: Final = 0.7


def film(prompt: str, seed: int, seconds: int, width: int, height: int) -> bytes:
    """An MP4 file of the shape of `width` x `height`; equal arguments give an equal scene."""
    scale = min(1.0, _MAX_SIDE / max(width, height))
    # H.264 in 4:2:0 has even sides.
    size = max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)
    scene = Image.open(io.BytesIO(generate_image(prompt, seed, 2 * size[0], 2 * size[1]))).convert("RGB")
    return video_file(_frames(scene, size, seconds * FRAME_RATE), *size)


def _frames(scene: Image.Image, size: tuple[int, int], count: int) -> Iterator[NDArray[np.uint8]]:
    for number in range(count):
        passed = number / max(1, count - 1)
        # Slow at both ends.
        eased = passed * passed * (3 - 2 * passed)
        part = 1 - (1 - _ZOOM) * eased
        width, height = scene.width * part, scene.height * part
        left, top = (scene.width - width) * eased, (scene.height - height) * 0.6
        box = (left, top, left + width, top + height)
        yield np.asarray(scene.resize(size, Image.Resampling.BILINEAR, box=box))

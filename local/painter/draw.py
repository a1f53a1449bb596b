"""What the painter makes: an image from a prompt, and an edit of reference images."""

import io
import math
import zlib
from collections.abc import Sequence
from typing import Final

import numpy as np
from PIL import Image, ImageOps

from local.painter.canvas import BICUBIC, Canvas, smoothstep, to_levels
from local.painter.palette import BLACK, blend
from local.painter.scenes import draw_scene

MAX_REFERENCES: Final = 4
_PAPER: Final = (248, 246, 241)
_REFERENCE_PIXELS: Final = 800_000
_CROP: Final = 1.3


class ReferenceImageError(ValueError):
    """The reference images cannot be used; the text says why."""


def generate_image(prompt: str, seed: int, width: int, height: int, *, rich: bool = False) -> bytes:
    """A PNG of `width` x `height` pixels; equal arguments give equal bytes."""
    canvas = Canvas(width, height, prompt, seed)
    draw_scene(canvas, rich)
    return _encode(canvas.image)


def edit_image(prompt: str, seed: int, width: int, height: int, references: Sequence[bytes]) -> bytes:
    """A PNG of the first reference in the colours and the scene of the prompt, the others as prints.

    Raises ReferenceImageError.
    """
    if not 1 <= len(references) <= MAX_REFERENCES:
        raise ReferenceImageError(f"got {len(references)} files; allowed: 1 to {MAX_REFERENCES}")
    photo, *others = [_open(number, content) for number, content in enumerate(references, start=1)]
    canvas = Canvas(width, height, prompt, seed)
    palette = draw_scene(canvas)
    black, white, mid = map(to_levels, (blend(palette.near, BLACK, 0.4), palette.light, palette.sky))
    _set_in_scene(canvas, Image.blend(photo, ImageOps.colorize(photo.convert("L"), black, white, mid), 0.34))
    unit, low = canvas.unit, round(canvas.image.height - 0.33 * canvas.unit)
    for number, other in enumerate(others):
        small = ImageOps.contain(other, (unit // 4, unit // 4), BICUBIC)
        canvas.image.paste(
            ImageOps.expand(small, unit // 90, _PAPER), (round((0.03 + 0.31 * number) * unit), low)
        )
    return _encode(canvas.image)


def repaint_image(prompt: str, seed: int, width: int, height: int, references: Sequence[bytes]) -> bytes:
    """A PNG of the first file, with the scene of the prompt where the second, a mask, is transparent."""
    photo, mask = (Image.open(io.BytesIO(content)).resize((width, height)) for content in references)
    canvas, kept = Canvas(width, height, prompt, seed), photo.convert("RGB")
    draw_scene(canvas)
    kept.paste(canvas.image, mask=ImageOps.invert(mask.getchannel("A")))
    return _encode(kept)


def _open(number: int, content: bytes) -> Image.Image:
    """The image, upright, on paper where it is transparent, and small, so that its edit is a small PNG."""
    try:
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ReferenceImageError(f"file {number} cannot be decoded") from error
    opaque = Image.alpha_composite(Image.new("RGBA", image.size, (*_PAPER, 255)), image).convert("RGB")
    return ImageOps.scale(opaque, min(1.0, math.sqrt(_REFERENCE_PIXELS / (image.width * image.height))))


def _set_in_scene(canvas: Canvas, photo: Image.Image) -> None:
    """Lay the photo over the scene, cropped a little where that fits it, but for its soft edges."""
    scene, dice, ratio = canvas.image, canvas.dice("photo"), photo.width / photo.height
    size = min(scene.width, scene.height * ratio * _CROP), min(scene.height, scene.width / ratio * _CROP)
    photo = ImageOps.fit(photo, (round(size[0]), round(size[1])), BICUBIC)
    down, across = np.mgrid[-1:1:300j, -1:1:300j]
    wobble = ImageOps.fit(Image.fromarray(canvas.noise(dice, (2.2, 2.2))), (300, 300))
    kept = 1 - smoothstep(0.55, 0.97, (across**4 + down**4) ** 0.25 + 0.12 * np.asarray(wobble))
    mask = Image.fromarray((255 * kept).astype(np.uint8)).resize(photo.size, BICUBIC)
    corner = (round((scene.width - mask.width) * dice.random()), round((scene.height - mask.height) * 0.45))
    scene.paste(photo, corner, mask)


def _encode(image: Image.Image) -> bytes:
    """A PNG; matching runs alone is faster, and smaller for smooth images, than zlib's default."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
    return buffer.getvalue()

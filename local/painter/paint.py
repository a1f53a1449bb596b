"""Paints the two kinds of picture: one from words alone, one from words and reference images."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from local.painter.canvas import Canvas, encode_png, smoothstep
from local.painter.colour import Colour, mix
from local.painter.dice import roll
from local.painter.palette import Palette, choose_palette, read_words
from local.painter.sketch import Sketch
from local.painter.subjects import choose_scene

Reasoning: TypeAlias = Literal["low", "high"]

_CORNER_SHADE = 0.22
_EDIT_SCENE_UNIT = 1024
# A photograph enlarged from this many pixels stays recognisable and keeps the PNG small.
_REFERENCE_PIXELS = 800_000
_CROP_TOLERANCE = 1.3
# Small enough to travel as base64 through a 6 MB answer, however noisy the photographs are.
_EDIT_BYTES = 4_000_000
_EDIT_BYTES_PER_PIXEL = 0.9


class UnreadableReferenceError(ValueError):
    """The reference image at `index` (from 0) could not be decoded."""

    def __init__(self, index: int) -> None:
        super().__init__(f"reference image {index + 1} cannot be decoded")
        self.index = index


def paint_generation(prompt: str, seed: int, width: int, height: int, reasoning: Reasoning = "low") -> bytes:
    """PNG bytes of a picture of `width` x `height` pixels; equal arguments give equal bytes."""
    return encode_png(_paint_scene(prompt, seed, width, height, reasoning == "high"))


def paint_edit(prompt: str, seed: int, width: int, height: int, references: Sequence[bytes]) -> bytes:
    """PNG bytes of the first reference set into what the prompt describes, the others as prints in front.

    Raises `UnreadableReferenceError` for bytes that are no image.
    """
    photographs = [_open_reference(index, data) for index, data in enumerate(references)]
    palette = choose_palette(prompt)
    scale = min(1.0, _EDIT_SCENE_UNIT / min(width, height))
    scene = _paint_scene(prompt, seed, round(width * scale), round(height * scale), rich=False)
    picture = scene.resize((width, height), Image.Resampling.BICUBIC)
    _set_subject(picture, photographs[0], palette, seed)
    _lay_prints(picture, photographs[1:], seed)
    return _encode_bounded(picture)


def _paint_scene(prompt: str, seed: int, width: int, height: int, rich: bool) -> Image.Image:
    words = read_words(prompt)
    sketch = Sketch(Canvas(width, height), choose_palette(prompt), frozenset(words), prompt, seed, rich)
    choose_scene(words, seed)(sketch)
    sketch.canvas.shade_corners(_CORNER_SHADE)
    return sketch.canvas.image


def _open_reference(index: int, data: bytes) -> Image.Image:
    try:
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
        image = image.convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UnreadableReferenceError(index) from error
    paper = Image.new("RGB", image.size, (244, 243, 239))
    paper.paste(image, (0, 0), image.getchannel("A"))
    shrink = math.sqrt(_REFERENCE_PIXELS / (image.width * image.height))
    if shrink >= 1:
        return paper
    size = (max(1, round(image.width * shrink)), max(1, round(image.height * shrink)))
    return paper.resize(size, Image.Resampling.BOX)


def _grade(image: Image.Image, palette: Palette) -> Image.Image:
    shadow = mix(palette.near, (0.0, 0.0, 0.0), 0.4)
    toned = ImageOps.colorize(
        image.convert("L"), _levels(shadow), _levels(palette.light), _levels(palette.sky)
    )
    return Image.blend(image, toned, 0.34)


def _set_subject(picture: Image.Image, photograph: Image.Image, palette: Palette, seed: int) -> None:
    """Blends the photograph into the picture: all of it where the shapes agree, a part where they do not."""
    dice, ratio = roll("subject", seed), photograph.width / photograph.height
    width = min(picture.width, round(picture.height * ratio * _CROP_TOLERANCE))
    height = min(picture.height, round(picture.width / ratio * _CROP_TOLERANCE))
    left = round((picture.width - width) * float(dice.uniform(0.2, 0.8)))
    top = round((picture.height - height) * float(dice.uniform(0.3, 0.6)))
    fitted = ImageOps.fit(photograph, (width, height), Image.Resampling.BICUBIC)
    picture.paste(_grade(fitted, palette), (left, top), _fade_edges(width, height, dice))


def _fade_edges(width: int, height: int, dice: np.random.Generator) -> Image.Image:
    canvas = Canvas(width, height)
    across = (canvas.x / canvas.span - dice.uniform(0.47, 0.53)) / 0.5
    down = (canvas.y / canvas.rise - dice.uniform(0.48, 0.54)) / 0.5
    edge = (across**4 + down**4) ** 0.25 + 0.12 * canvas.noise(dice, 2.2, 2.2, 4)
    mask = canvas.soft(1 - smoothstep(0.5, 0.93, edge))
    whole = Image.new("L", (width, height))
    whole.paste(mask.image, (mask.left, mask.top))
    return whole


def _lay_prints(picture: Image.Image, photographs: Sequence[Image.Image], seed: int) -> None:
    """Lays the photographs along the bottom as slightly turned prints with a white edge and a shadow."""
    dice, unit = roll("prints", seed), min(picture.size)
    pitch = 0.3 * unit
    slack = picture.width - 0.06 * unit - pitch * len(photographs)
    left = 0.03 * unit + float(dice.choice([0.0, 1.0])) * max(0.0, slack)
    for index, photograph in enumerate(photographs):
        ratio = min(max(photograph.width / photograph.height, 0.75), 1.33)
        wide, high = 0.25 * unit * min(1.0, ratio), 0.25 * unit / max(1.0, ratio)
        sheet, shadow = _make_print(photograph, round(wide), round(high), float(dice.uniform(-6, 6)))
        x = round(left + pitch * (index + 0.5) - sheet.width / 2)
        y = round(picture.height - 0.19 * unit - sheet.height / 2 + float(dice.uniform(-0.015, 0.015)) * unit)
        drop = max(1, round(0.006 * unit))
        picture.paste((8, 8, 14), (x, y + drop), shadow)
        picture.paste(sheet, (x, y), sheet.getchannel("A"))


def _make_print(
    photograph: Image.Image, width: int, height: int, degrees: float
) -> tuple[Image.Image, Image.Image]:
    """The turned print (RGBA) and its blurred shadow (L), of one size."""
    rim, margin = max(2, width // 22), max(4, width // 10)
    sheet = Image.new("RGBA", (width + 2 * (rim + margin), height + 2 * (rim + margin)), (250, 248, 243, 0))
    frame = (margin, margin, margin + width + 2 * rim, margin + height + 2 * rim)
    ImageDraw.Draw(sheet).rectangle(frame, fill=(250, 248, 243, 255))
    fitted = ImageOps.fit(photograph, (width, height), Image.Resampling.BICUBIC)
    sheet.paste(fitted, (margin + rim, margin + rim))
    turned = sheet.rotate(degrees, Image.Resampling.BICUBIC, expand=True)
    shadow = (
        turned.getchannel("A").filter(ImageFilter.GaussianBlur(margin / 3)).point(lambda level: level * 0.55)
    )
    return turned, shadow


def _encode_bounded(picture: Image.Image) -> bytes:
    """PNG bytes within the budget; a picture too busy for it is softened until it fits."""
    budget = max(_EDIT_BYTES, _EDIT_BYTES_PER_PIXEL * picture.width * picture.height)
    data, coarseness = encode_png(picture), 2
    while len(data) > budget:
        data = encode_png(picture.reduce(coarseness).resize(picture.size, Image.Resampling.BICUBIC))
        coarseness *= 2
    return data


def _levels(colour: Colour) -> tuple[int, int, int]:
    red, green, blue = np.rint(np.array(colour) * 255).astype(int).tolist()
    return red, green, blue

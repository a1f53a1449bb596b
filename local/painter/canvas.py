"""Drawing primitives: smooth colour is computed on a coarse grid, edges are cut at full resolution.

That split is what makes a 2048x2048 picture cheap. Lengths are in units of the shorter side: x runs
from 0 to `span`, y (downwards) from 0 to `rise`, and the shorter of the two is 1.
"""

from __future__ import annotations

import io
import math
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from local.painter.colour import Colour, Field
from local.painter.dice import roll

Outline: TypeAlias = npt.NDArray[np.float64]
Paint: TypeAlias = Field | Colour

_GRID_PIXELS = 430 * 430
_FINE_MASK_PIXELS = 1_500_000


@dataclass(frozen=True, slots=True)
class Mask:
    """Coverage (mode L) of a part of the canvas whose top left corner is at (left, top) pixels."""

    image: Image.Image
    left: int
    top: int


class Canvas:
    """A picture being painted, `width` x `height` pixels."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.unit = min(width, height)
        self.span, self.rise = width / self.unit, height / self.unit
        shrink = max(1.0, math.sqrt(width * height / _GRID_PIXELS))
        self.grid_width, self.grid_height = round(width / shrink), round(height / shrink)
        self.x: Field = _centres(self.grid_width, self.span)[None, :]
        self.y: Field = _centres(self.grid_height, self.rise)[:, None]
        self.columns: Field = _centres(width, self.span)
        self.image = Image.new("RGB", (width, height))
        grid = (self.grid_height, self.grid_width, 1)
        self._dither = roll("dither").random(grid, dtype=np.float32)

    def noise(self, dice: np.random.Generator, across: float, down: float, octaves: int = 4) -> Field:
        """Smooth noise of shape (grid height, grid width), about -1..1; `across`, `down`: waves per unit."""
        total = np.zeros((self.grid_height, self.grid_width), np.float32)
        reach = 0.0
        for octave in range(octaves):
            wide, high = self.span * across * 2**octave, self.rise * down * 2**octave
            knots = dice.uniform(-1, 1, (math.ceil(high) + 3, math.ceil(wide) + 3)).astype(np.float32)
            layer = Image.fromarray(knots).resize(
                (self.grid_width, self.grid_height), Image.Resampling.BICUBIC, (1, 1, 1 + wide, 1 + high)
            )
            total += np.asarray(layer) * 0.5**octave
            reach += 0.5**octave
        return np.asarray(total * np.float32(1.5 / reach))

    def curve(
        self, dice: np.random.Generator, waves: float, octaves: int = 4, roughness: float = 0.5
    ) -> Field:
        """Smooth noise along the width, one value in about -1..1 for each pixel column."""
        total = np.zeros(self.width, np.float32)
        for octave in range(octaves):
            at = self.columns * (waves * 2**octave)
            knots = dice.uniform(-1, 1, math.ceil(self.span * waves * 2**octave) + 4).astype(np.float32)
            total += _through(knots, at) * roughness**octave
        return total

    def to_grid(self, edge: Field) -> Field:
        """A full-width curve on the coarse grid, shape (1, grid width)."""
        return np.asarray(np.interp(self.x[0], self.columns, edge), np.float32)[None, :]

    def flat(self, colour: Colour) -> Field:
        """A colour field of one colour."""
        return np.full((self.grid_height, self.grid_width, 3), colour, np.float32)

    def below(self, edge: Field, until: Field | None = None) -> Mask:
        """Everything under a curve given per pixel column, with its edge anti-aliased along its slope.

        A layer that will be painted over under another curve need only reach `until` that curve.
        """
        pixels = edge * self.unit
        bottom = self.height if until is None else math.ceil(float(np.max(until)) * self.unit) + 2
        top = min(max(math.floor(float(np.min(pixels))) - 1, 0), self.height - 1)
        bottom = min(max(bottom, top + 1), self.height)
        end = min(max(math.ceil(float(np.max(pixels))) + 2, top + 1), bottom)
        sharpness = 1 / np.sqrt(1 + np.gradient(pixels) ** 2)
        rows = np.arange(top, end, dtype=np.float32)[:, None] + 0.5
        coverage = np.full((bottom - top, self.width), 255, np.uint8)
        coverage[: end - top] = (np.clip((rows - pixels) * sharpness + 0.5, 0, 1) * 255 + 0.5).astype(
            np.uint8
        )
        return Mask(Image.fromarray(coverage), 0, top)

    def shapes(self, outlines: Iterable[Outline]) -> Mask:
        """The union of filled polygons, anti-aliased; each outline has shape (points, 2)."""
        pixels = [outline * self.unit for outline in outlines]
        if not pixels:
            return Mask(Image.new("L", (1, 1)), 0, 0)
        lows = np.min([outline.min(axis=0) for outline in pixels], axis=0)
        highs = np.max([outline.max(axis=0) for outline in pixels], axis=0)
        left, right = _clip_range(lows[0], highs[0], self.width)
        top, bottom = _clip_range(lows[1], highs[1], self.height)
        wide, high = right - left, bottom - top
        samples = 4 if wide * high < _FINE_MASK_PIXELS else 2
        sheet = Image.new("L", (wide * samples, high * samples))
        pen = ImageDraw.Draw(sheet)
        for outline in pixels:
            pen.polygon(((outline - (left, top)) * samples - 0.5).ravel().tolist(), fill=255)
        return Mask(sheet.reduce(samples), left, top)

    def soft(self, strength: Field) -> Mask:
        """A mask without edges, from a (grid height, grid width) field of 0..1."""
        coarse = (np.clip(strength, 0, 1) * 255 + self._dither[..., 0] * 0.99).astype(np.uint8)
        rows, columns = np.flatnonzero(coarse.any(axis=1)), np.flatnonzero(coarse.any(axis=0))
        if not len(rows):
            return Mask(Image.new("L", (1, 1)), 0, 0)
        # Most glows and shadows are local: only the part they reach is enlarged.
        across, down = self.width / self.grid_width, self.height / self.grid_height
        left, right = _clip_range((columns[0] - 2) * across, (columns[-1] + 3) * across, self.width)
        top, bottom = _clip_range((rows[0] - 2) * down, (rows[-1] + 3) * down, self.height)
        box = (left / across, top / down, right / across, bottom / down)
        fine = Image.fromarray(coarse).resize((right - left, bottom - top), Image.Resampling.BICUBIC, box)
        return Mask(fine, left, top)

    def blurred(self, mask: Mask, radius: float) -> Mask:
        """The mask with its edges softened over about `radius` units."""
        wide, high = mask.image.size
        coarseness = max(1, round(radius * self.unit))
        soft = mask.image.reduce(coarseness).resize((wide, high), Image.Resampling.BICUBIC)
        return Mask(soft, mask.left, mask.top)

    def fill(self, field: Field) -> None:
        """Paints the whole canvas."""
        self.image = self._enlarge(field, (0, 0, self.width, self.height))

    def cover(self, paint: Paint, mask: Mask, opacity: float = 1.0) -> None:
        """Paints a colour, or a colour field, through a mask."""
        coverage = mask.image if opacity >= 1 else mask.image.point(lambda level: level * opacity)
        wide, high = mask.image.size
        area = (mask.left, mask.top, mask.left + wide, mask.top + high)
        if isinstance(paint, tuple):
            red, green, blue = (round(255 * level) for level in paint)
            self.image.paste((red, green, blue), area, coverage)
        else:
            self.image.paste(self._enlarge(paint, area), area, coverage)

    def mirror(self, level: float, ripple: Field, opacity: float = 1.0) -> None:
        """Reflects what lies above `level` into what lies below; `ripple` (on the grid) bends it."""
        line = round(level * self.unit)
        depth = self.height - line
        half = self.image.reduce(2)
        pixels = np.asarray(half)
        rows, columns = pixels.shape[:2]
        waves = Image.fromarray(ripple).resize((columns, rows), Image.Resampling.BILINEAR)
        below = np.arange(line // 2, rows)
        stretch = min(1.0, line / max(depth, 1))
        source = line / 2 - 1 - (below - line / 2) * stretch
        bent = source[:, None] + np.asarray(waves)[below] * self.unit / 2
        index = np.clip(bent, 0, line // 2 - 1).astype(np.int32)
        image = Image.fromarray(np.take_along_axis(pixels, index[..., None], axis=0))
        area = (0, line, self.width, self.height)
        reflected = image.resize((self.width, depth), Image.Resampling.BICUBIC)
        self.image.paste(Image.blend(self.image.crop(area), reflected, opacity), area)

    def shade_corners(self, strength: float) -> None:
        """Darkens the corners a little, which draws the eye inwards."""
        across = (self.x / self.span * 2 - 1) ** 2
        down = (self.y / self.rise * 2 - 1) ** 2
        self.cover(
            (0.02, 0.02, 0.04), self.soft(strength * np.clip((across + down - 0.5) / 1.5, 0, 1) ** 1.5)
        )

    def _enlarge(self, field: Field, area: tuple[int, int, int, int]) -> Image.Image:
        # Half a level of noise before rounding hides the bands that a smooth gradient has in 8 bits.
        coarse = (np.clip(field, 0, 1) * 254 + self._dither).astype(np.uint8)
        across, down = self.grid_width / self.width, self.grid_height / self.height
        left, top, right, bottom = area
        return Image.fromarray(coarse).resize(
            (right - left, bottom - top),
            Image.Resampling.BICUBIC,
            (left * across, top * down, right * across, bottom * down),
        )


def encode_png(image: Image.Image) -> bytes:
    """PNG bytes; run-length matching is both faster and smaller than zlib's default on smooth pictures."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
    return buffer.getvalue()


def lerp(first: Field, second: Field | Colour, share: Field | float) -> Field:
    """`first` moved towards `second`, pixel by pixel; `share` 0..1 of shape (h, w) or a number."""
    weight = np.asarray(share, np.float32)
    return first + (np.asarray(second, np.float32) - first) * (weight[..., None] if weight.ndim else weight)


def smoothstep(low: float, high: float, value: Field) -> Field:
    """0 below `low`, 1 above `high`, an S between them."""
    share = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(share * share * (3 - 2 * share))


def ellipse(x: float, y: float, wide: float, high: float, start: float = 0.0, end: float = 1.0) -> Outline:
    """An ellipse with half axes `wide` and `high`, cut at `start` and `end` (turns from the right)."""
    points = 12 + int(240 * max(wide, high) ** 0.7)
    angle = np.linspace(start, end, points) * 2 * np.pi
    return np.stack([x + wide * np.cos(angle), y + high * np.sin(angle)], axis=-1)


def rectangle(left: float, top: float, right: float, bottom: float) -> Outline:
    """An upright rectangle."""
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def stroke(points: Sequence[Sequence[float]] | Outline, thickness: float, taper: float = 0.0) -> Outline:
    """A line as an outline; `taper` 0..1 thins it towards both ends."""
    path = np.asarray(points, np.float64)
    along = np.gradient(path, axis=0)
    normal = np.stack([-along[:, 1], along[:, 0]], axis=-1) / np.linalg.norm(along, axis=1, keepdims=True)
    shape = 1 - taper * np.abs(np.linspace(-1, 1, len(path))) ** 2
    offset = normal * (thickness / 2 * shape)[:, None]
    return np.concatenate([path + offset, (path - offset)[::-1]])


def _centres(count: int, extent: float) -> Field:
    return ((np.arange(count, dtype=np.float32) + 0.5) * (extent / count)).astype(np.float32)


def _clip_range(low: float, high: float, limit: int) -> tuple[int, int]:
    start = min(max(math.floor(low) - 1, 0), limit - 1)
    return start, min(max(math.ceil(high) + 2, start + 1), limit)


def _through(knots: Field, at: Field) -> Field:
    """The Catmull-Rom spline through `knots`, which are one apart and start at -1."""
    whole = np.floor(at).astype(np.int32)
    part = at - whole
    a, b, c, d = (knots[np.minimum(whole + offset, len(knots) - 1)] for offset in range(4))
    bend = (2 * a - 5 * b + 4 * c - d) * part**2 + (3 * (b - c) + d - a) * part**3
    return np.asarray(b + 0.5 * ((c - a) * part + bend), np.float32)

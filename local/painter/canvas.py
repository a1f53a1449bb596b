"""Drawing: soft colour is computed on a coarse grid and enlarged, edges are drawn at the full size.

Lengths are in units of the shorter side, to the right and downwards. An outline has the shape (corners, 2).
"""

import math
from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw

from local.painter.palette import Field, read_words, roll

Dice: TypeAlias = np.random.Generator
BICUBIC = Image.Resampling.BICUBIC
_GRID_PIXELS = 430 * 430
_SAMPLES = 3


class Canvas:
    """An image of `width` x `height` pixels that is being drawn for a prompt, without words to avoid."""

    def __init__(self, width: int, height: int, prompt: str, seed: int, avoided: str = "") -> None:
        self._seed, self.avoided = seed, set(read_words(avoided))
        kept = [word for word in prompt.split() if self.avoided.isdisjoint(read_words(word))]
        self.prompt = " ".join(kept) if self.avoided else prompt
        self.image = Image.new("RGB", (width, height))
        self.unit = min(width, height)
        self.span, self.rise = width / self.unit, height / self.unit
        shrink = max(1.0, math.sqrt(width * height / _GRID_PIXELS))
        self.grid = (round(width / shrink), round(height / shrink))
        down, across = np.mgrid[: self.grid[1], : self.grid[0]].astype(np.float32) + np.float32(0.5)
        self.x, self.y = across * (self.span / self.grid[0]), down * (self.rise / self.grid[1])
        self.columns = (np.arange(width) + 0.5) / self.unit
        # Noise of half a level before rounding hides the bands of smooth gradients.
        self._dither = roll("dither").random((self.grid[1], self.grid[0], 1), dtype=np.float32)

    def dice(self, *names: str) -> Dice:
        """Chance for a part of the image, which depends on the seed and on nothing else but the names."""
        return roll(self._seed, *names)

    def noise(self, dice: Dice, waves: tuple[float, float], octaves: int = 4, width: int = 0) -> Field:
        """Smooth noise, about -1 to 1, `waves` per unit across and down, on the grid or a row."""
        size = (width, 1) if width else self.grid
        total: Field = np.zeros(1, np.float32)
        for octave in range(octaves):
            wide, high = self.span * waves[0] * 2**octave, self.rise * waves[1] * 2**octave
            knots = dice.uniform(-1, 1, (math.ceil(high) + 3, math.ceil(wide) + 3)).astype(np.float32)
            layer = Image.fromarray(knots).resize(size, BICUBIC, (1, 1, 1 + wide, 1 + high))
            total = total + np.asarray(layer) * np.float32(0.75 * 0.5**octave)
        return total

    def curve(self, dice: Dice, waves: float, octaves: int = 5) -> Field:
        """Smooth noise along the width, about -1 to 1, a value for each of `columns`."""
        return np.asarray(self.noise(dice, (waves, 0.001), octaves, self.image.width)[0])

    def below_on_grid(self, curve: Field) -> Field:
        """How far below a curve of `columns` each point of the grid is."""
        return np.asarray(self.y - np.interp(self.x[0], self.columns, curve))

    def glow(self, paint: Field, strength: Field) -> None:
        """Cover with a colour, or with colours on the grid; `strength` on the grid is 0 to 1."""
        mask = (np.clip(strength, 0, 1) * 254 + self._dither[..., 0]).astype(np.uint8)
        self._paste(paint, Image.fromarray(mask).resize(self.image.size, BICUBIC), (0, 0))

    def below(self, edge: Field, paint: Field) -> None:
        """Cover what is below a curve of `columns`."""
        corners = [(99, edge[-1]), (99, 99), (-1, 99), (-1, edge[0])]
        self.shapes([np.concatenate([np.stack([self.columns, edge], axis=-1), corners])], paint)

    def shapes(self, outlines: Iterable[Field], paint: Field, opacity: float = 1.0) -> None:
        """Cover polygons, with smooth edges."""
        pixels, size = [outline * self.unit for outline in outlines], np.array(self.image.size)
        corners = np.concatenate(pixels or [np.zeros((1, 2))])
        start = np.clip(np.floor(corners.min(axis=0)), 0, size - 1).astype(int)
        end = np.clip(np.ceil(corners.max(axis=0)), start + 1, size).astype(int)
        sheet = Image.new("L", tuple((end - start) * _SAMPLES))
        pen = ImageDraw.Draw(sheet)
        for outline in pixels:
            pen.polygon(((outline - start) * _SAMPLES - 0.5).ravel().tolist(), fill=round(255 * opacity))
        self._paste(paint, sheet.reduce(_SAMPLES), (int(start[0]), int(start[1])))

    def mirror(self, level: float, ripple: Field) -> None:
        """Reflect what is above `level` below it; `ripple` on the grid bends the rows."""
        line, pixels = round(level * self.unit), np.asarray(self.image)
        waves = np.asarray(Image.fromarray(ripple).resize(self.image.size, BICUBIC))
        away = np.arange(len(pixels) - line)[:, None] * min(1.0, line / (len(pixels) - line))
        rows = np.clip(line - 1 - away + waves[line:] * self.unit, 0, line - 1).astype(np.int32)
        self.image.paste(Image.fromarray(np.take_along_axis(pixels, rows[..., None], axis=0)), (0, line))

    def _paste(self, paint: Field, mask: Image.Image, corner: tuple[int, int]) -> None:
        if paint.ndim == 1:
            return self.image.paste(to_levels(paint), corner, mask)
        levels = Image.fromarray((np.clip(paint, 0, 1) * 254 + self._dither).astype(np.uint8))
        ends, scale = np.add(corner, mask.size), np.divide(self.grid, self.image.size)
        box = (*(corner * scale), *(ends * scale))
        return self.image.paste(levels.resize(mask.size, BICUBIC, box), corner, mask)


def to_levels(colour: Field) -> tuple[int, ...]:
    """A colour in 8 bits a channel."""
    return tuple(np.rint(colour * 255).astype(int).tolist())


def smoothstep(low: float, high: float, value: Field) -> Field:
    """0 at `low`, 1 at `high`, an S between them."""
    share: Field = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(share * share * (3 - 2 * share))


def ellipses(places: Iterable[Iterable[float]]) -> list[Field]:
    """The outlines of ellipses, each given by its centre and its two half axes."""
    angle = np.linspace(0, 2 * np.pi, 90)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return [circle * (wide, high) + (x, y) for x, y, wide, high in places]


def rectangle(left: float, top: float, right: float, bottom: float) -> Field:
    """The outline of an upright rectangle."""
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])

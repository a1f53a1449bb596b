"""Rolling hills and a field of flowers that grows towards the viewer."""

from __future__ import annotations

import numpy as np

from local.painter.canvas import Outline, ellipse, lerp, smoothstep, stroke
from local.painter.colour import Field, adjust, mix
from local.painter.scenes.sky import fly_birds, paint_sky, place_sun
from local.painter.sketch import Sketch

_ROUND = ellipse(0.0, 0.0, 1.0, 1.0)[::14]


def paint(sketch: Sketch) -> None:
    """Sky, far hills with round trees, then rank after rank of blossoms."""
    canvas, palette, dice = sketch.canvas, sketch.palette, sketch.layout("meadow")
    horizon = canvas.rise * float(dice.uniform(0.46, 0.54))
    sun = place_sun(sketch, horizon, 0.45)
    paint_sky(sketch, horizon, sun)
    hills = 4 if sketch.rich else 3
    for hill in range(hills):
        depth = hill / hills
        edge = (
            horizon
            + 0.05 * depth
            - (0.11 - 0.05 * depth)
            * (0.5 + canvas.curve(sketch.layout(f"hill {hill}"), 0.9 + 0.4 * depth, 3, 0.4))
        )
        colour = mix(mix(palette.far, palette.horizon, 0.5 * (1 - depth)), palette.near, 0.35 * depth)
        below = canvas.y - canvas.to_grid(edge)
        body = lerp(
            canvas.flat(colour),
            mix(palette.horizon, palette.light, 0.4),
            (0.6 - 0.4 * depth) * smoothstep(0.0, 0.16, below),
        )
        body = lerp(body, palette.light, 0.35 * np.exp(-np.abs(below) / 0.012))
        if hill:
            canvas.cover(adjust(colour, lightness=-0.07), canvas.shapes(_grow_trees(sketch, edge, hill)))
        canvas.cover(body, canvas.below(edge))
    field = (horizon + 0.075 + 0.03 * canvas.curve(dice, 0.8, 2, 0.4)).astype(np.float32)
    _paint_field(sketch, field)
    if sketch.rich:
        fly_birds(sketch, horizon, 7)


def _grow_trees(sketch: Sketch, edge: Field, hill: int) -> list[Outline]:
    canvas, dice = sketch.canvas, sketch.layout(f"copse {hill}")
    crowns: list[Outline] = []
    for _ in range(int(5 * canvas.span)):
        middle = float(dice.uniform(0, canvas.span))
        for _ in range(int(dice.integers(2, 6))):
            x = middle + float(dice.normal(0, 0.02))
            size = float(dice.uniform(0.008, 0.02)) * (0.7 + 0.25 * hill)
            y = float(np.interp(x, canvas.columns, edge)) - 0.6 * size
            crowns.append(ellipse(x, y, size * 0.85, size * 1.1))
    return crowns


def _paint_field(sketch: Sketch, edge: Field) -> None:
    canvas, palette = sketch.canvas, sketch.palette
    below = np.clip((canvas.y - canvas.to_grid(edge)) / (canvas.rise - canvas.to_grid(edge)), 0, 1)
    grass = mix(palette.far, palette.near, 0.45)
    tufts = canvas.noise(sketch.detail("tufts"), 5, 14, 4)
    body = lerp(canvas.flat(mix(grass, palette.accent, 0.35)), mix(grass, palette.near, 0.55), below**0.7)
    body = lerp(body, palette.light, 0.22 * np.exp(-below / 0.06) + np.clip(0.12 * tufts, 0, 1) * (1 - below))
    body = lerp(body, palette.near, np.clip(-0.3 * tufts, 0, 1))
    canvas.cover(body, canvas.below(edge))
    ranks = 12 if sketch.rich else 9
    for rank in range(ranks):
        depth = ((rank + 0.5) / ranks) ** 1.7
        _plant_rank(sketch, edge, rank, depth)


def _plant_rank(sketch: Sketch, edge: Field, rank: int, depth: float) -> None:
    canvas, palette, dice = sketch.canvas, sketch.palette, sketch.layout(f"flowers {rank}")
    # A panorama has fewer and larger flowers, or its field would be mere texture.
    count = int(canvas.span**0.6 * (170 - 155 * depth**0.42) * (1.15 if sketch.rich else 0.9))
    size = (0.0035 + 0.034 * depth) * max(1.0, canvas.span) ** 0.3
    blooms: tuple[list[Outline], list[Outline]] = ([], [])
    shaded: tuple[list[Outline], list[Outline]] = ([], [])
    folds: list[Outline] = []
    hearts: list[Outline] = []
    stems: list[Outline] = []
    for place in range(count):
        x = canvas.span * (place + float(dice.uniform(-0.3, 0.7))) / count
        top = float(np.interp(x, canvas.columns, edge))
        y = top + (canvas.rise - top) * (depth * 1.02 + float(dice.normal(0, 0.018 + 0.03 * depth)))
        radius = size * float(dice.uniform(0.65, 1.15))
        kind = 0 if dice.random() < 0.82 else 1
        if depth > 0.1:
            sway = float(dice.uniform(-0.6, 0.6)) * radius
            path = [(x, y), (x + 0.4 * sway, y + 2 * radius), (x + sway, y + 5 * radius)]
            stems.append(stroke(path, 0.12 * radius + 0.0006))
        if depth < 0.12:
            blooms[kind].append(_petal(x, y, radius, radius * 0.7))
            continue
        shaded[kind].append(_petal(x, y + 0.1 * radius, radius, 0.74 * radius))
        blooms[kind].extend(
            _petal(x + side * 0.4 * radius, y - 0.1 * radius, 0.6 * radius, 0.56 * radius) for side in (-1, 1)
        )
        folds.append(_petal(x, y + 0.22 * radius, 0.62 * radius, 0.4 * radius))
        hearts.append(_petal(x, y - 0.06 * radius, 0.2 * radius, 0.12 * radius))
    canvas.cover(mix(palette.near, palette.far, 0.35), canvas.shapes(stems), 0.85)
    haze = 0.3 * (1 - depth) ** 2
    petals = (mix(palette.accent, palette.horizon, haze), mix(palette.second, palette.light, 0.3))
    for colour, lit, dim in zip(petals, blooms, shaded, strict=True):
        canvas.cover(mix(colour, palette.near, 0.3), canvas.shapes(dim))
        canvas.cover(colour, canvas.shapes(lit))
    canvas.cover(mix(palette.near, palette.accent, 0.1), canvas.shapes(hearts))
    canvas.cover(mix(palette.accent, palette.light, 0.3), canvas.shapes(folds), 0.55)


def _petal(x: float, y: float, wide: float, high: float) -> Outline:
    return _ROUND * (wide, high) + (x, y)

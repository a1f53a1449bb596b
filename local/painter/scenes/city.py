"""A skyline across the water, its windows lit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from local.painter.canvas import Outline, lerp, rectangle, smoothstep
from local.painter.colour import adjust, mix, to_polar
from local.painter.scenes.sky import fly_birds, paint_sky, place_sun
from local.painter.sketch import Sketch


@dataclass(frozen=True, slots=True)
class _Building:
    left: float
    right: float
    top: float
    crown: int


def paint(sketch: Sketch) -> None:
    """Three or four ranks of towers against the sky, mirrored in the harbour."""
    canvas, palette, dice = sketch.canvas, sketch.palette, sketch.layout("city")
    quay = canvas.rise * float(dice.uniform(0.68, 0.76))
    sun = place_sun(sketch, quay, 0.5)
    sky = paint_sky(sketch, quay, sun, 0.8)
    ranks = 4 if sketch.rich else 3
    for rank in range(ranks):
        depth = rank / (ranks - 1)
        buildings = _plan_rank(sketch, quay, rank, depth)
        colour = mix(mix(palette.far, palette.horizon, 0.35), palette.near, depth**0.8)
        haze = smoothstep(quay - 0.42, quay + 0.02, canvas.y) * (0.75 - 0.6 * depth)
        body = lerp(lerp(canvas.flat(colour), sky, 0.35 * (1 - depth)), palette.horizon, haze)
        canvas.cover(body, canvas.shapes(outline for each in buildings for outline in _outlines(each, quay)))
        if depth > 0.3:
            _light_windows(sketch, buildings, quay, rank, depth)
    _paint_harbour(sketch, quay)
    if sketch.rich:
        fly_birds(sketch, quay, 7)


def _plan_rank(sketch: Sketch, quay: float, rank: int, depth: float) -> list[_Building]:
    canvas, dice = sketch.canvas, sketch.layout(f"towers {rank}")
    centre = float(sketch.layout("downtown").uniform(0.35, 0.65)) * canvas.span + float(
        dice.uniform(-0.1, 0.1)
    )
    tallest = min(quay * 0.72, 0.9) * (1 - 0.42 * depth)
    buildings = []
    at = -float(dice.uniform(0, 0.05))
    while at < canvas.span:
        wide = float(dice.uniform(0.035, 0.085)) * (0.8 + 0.5 * depth)
        swell = float(np.exp(-(((at - centre) / (0.24 + 0.2 * canvas.span * 0.6)) ** 2)))
        high = tallest * (0.16 + 0.74 * swell * float(dice.uniform(0.45, 1.1)) + float(dice.uniform(0, 0.12)))
        buildings.append(_Building(at, at + wide, quay - high, int(dice.integers(0, 7))))
        at += wide + float(dice.choice([0.0, 0.002, 0.012]))
    return buildings


def _outlines(building: _Building, quay: float) -> list[Outline]:
    left, right, top = building.left, building.right, building.top
    wide, middle = right - left, (left + right) / 2
    shapes = [rectangle(left, top, right, quay + 0.005)]
    if building.crown == 1:
        shapes.append(rectangle(left + 0.18 * wide, top - 0.3 * wide, right - 0.18 * wide, top))
        shapes.append(rectangle(left + 0.36 * wide, top - 0.6 * wide, right - 0.36 * wide, top))
    elif building.crown == 2:
        shapes.append(np.array([(left, top), (right, top), (right, top - 0.5 * wide)]))
    elif building.crown == 3:
        shapes.append(
            np.array([(left + 0.2 * wide, top), (right - 0.2 * wide, top), (middle, top - 0.9 * wide)])
        )
    if building.crown in (1, 3, 4):
        shapes.append(rectangle(middle - 0.0011, top - 1.5 * wide, middle + 0.0011, top))
    if building.crown == 5:
        shapes.append(rectangle(left + 0.2 * wide, top - 0.12 * wide, left + 0.5 * wide, top))
    return shapes


def _light_windows(sketch: Sketch, buildings: list[_Building], quay: float, rank: int, depth: float) -> None:
    canvas, palette, dice = sketch.canvas, sketch.palette, sketch.layout(f"windows {rank}")
    dusk = to_polar(palette.sky)[0] < 0.62
    share = (0.4 if dusk else 0.16) * (1.25 if sketch.rich else 1.0)
    pitch_x, pitch_y = 0.0085 + 0.003 * depth, 0.0125 + 0.004 * depth
    panes: tuple[list[Outline], list[Outline]] = ([], [])
    for building in buildings:
        columns = int((building.right - building.left - 0.008) / pitch_x)
        rows = int((quay - building.top - 0.02) / pitch_y)
        if columns < 1 or rows < 1:
            continue
        margin = (building.right - building.left - columns * pitch_x) / 2 + 0.25 * pitch_x
        lit = dice.random((rows, columns)) < share * dice.uniform(0.3, 1.5)
        warm = dice.random((rows, columns)) < 0.72
        for row, column in np.argwhere(lit).tolist():
            x, y = building.left + margin + column * pitch_x, building.top + 0.01 + row * pitch_y
            pane = rectangle(x, y, x + 0.5 * pitch_x, y + 0.5 * pitch_y)
            panes[0 if warm[row, column] else 1].append(pane)
    strength = (0.9 if dusk else 0.6) * (0.45 + 0.55 * depth)
    canvas.cover(mix(palette.light, palette.accent, 0.4), canvas.shapes(panes[0]), strength)
    canvas.cover(mix(palette.second, palette.light, 0.1), canvas.shapes(panes[1]), strength)
    if dusk and sketch.rich:
        _hang_signs(sketch, buildings, dice)


def _hang_signs(sketch: Sketch, buildings: list[_Building], dice: np.random.Generator) -> None:
    canvas = sketch.canvas
    for colour in (sketch.palette.accent, sketch.palette.second):
        chosen = [building for building in buildings if dice.random() < 0.22]
        signs = [
            rectangle(
                each.left - 0.003,
                each.top + 0.02,
                each.left + 0.003,
                each.top + 0.02 + dice.uniform(0.05, 0.12),
            )
            for each in chosen
        ]
        halo = np.zeros((canvas.grid_height, canvas.grid_width), np.float32)
        for sign in signs:
            x, y = sign.mean(axis=0)
            halo += np.exp(-(((canvas.x - x) / 0.022) ** 2) - ((canvas.y - y) / 0.06) ** 2)
        canvas.cover(colour, canvas.soft(0.4 * halo))
        canvas.cover(adjust(colour, lightness=0.08), canvas.shapes(signs), 0.95)


def _paint_harbour(sketch: Sketch, quay: float) -> None:
    canvas, palette = sketch.canvas, sketch.palette
    away = np.clip((canvas.y - quay) / (canvas.rise - quay), 0, 1)
    chop = canvas.noise(sketch.detail("chop"), 5, 42, 3)
    canvas.mirror(quay, 0.055 * chop * (0.15 + away))
    under = canvas.y >= quay
    canvas.cover(mix(palette.near, palette.zenith, 0.5), canvas.soft(under * (0.22 + 0.5 * away)))
    streaks = smoothstep(0.35, 0.95, canvas.noise(sketch.detail("streaks"), 1.6, 30, 2))
    canvas.cover(palette.horizon, canvas.soft(under * 0.35 * streaks * (1 - 0.6 * away)))
    edge = rectangle(0, quay - 0.004, canvas.span, quay + 0.005)
    canvas.cover(adjust(palette.near, lightness=-0.04), canvas.shapes([edge]))

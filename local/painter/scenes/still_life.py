"""Vessels, spheres and an arch on a plinth, in soft window light."""

from __future__ import annotations

import numpy as np

from local.painter.canvas import Outline, ellipse, lerp, rectangle, smoothstep, stroke
from local.painter.colour import Colour, Field, mix, ramp
from local.painter.sketch import Sketch


def paint(sketch: Sketch) -> None:
    """A wall with light on it, a shelf, an arch, and a row of simple solids with their shadows."""
    canvas, palette, dice = sketch.canvas, sketch.palette, sketch.layout("still life")
    shelf = canvas.rise * float(dice.uniform(0.62, 0.68)) + 0.06
    from_left = bool(dice.random() < 0.5)
    _paint_room(sketch, shelf, from_left)
    middle = canvas.span / 2
    spread = min(canvas.span * 0.5, 1.35)
    _paint_arch(sketch, middle + float(dice.uniform(-0.25, 0.25)) * min(spread, 0.85), shelf, from_left)
    kinds = list(
        dice.permutation(
            ["vase", "sphere", "cylinder", "vase", "cone", "sphere", "sphere", "vase", "cylinder", "cone"]
        )
    )
    count = min(9, 2 + round(2.7 * spread) + round(canvas.span))
    tones = [
        palette.accent,
        palette.second,
        palette.far,
        palette.sky,
        mix(palette.accent, palette.light, 0.4),
        palette.zenith,
    ]
    places = np.linspace(-1, 1, count) * spread * 0.78 + dice.uniform(-0.04, 0.04, count)
    if sketch.rich:
        _cast_foliage(sketch, shelf, from_left)
    for place in dice.permutation(count).tolist():
        x = middle + float(places[place])
        size = float(dice.uniform(0.8, 1.2)) * (1.15 - 0.35 * abs(float(places[place])) / spread)
        foot = shelf + float(dice.uniform(0.02, 0.1))
        _paint_solid(sketch, kinds[place], x, foot, 0.105 * size, tones[place % len(tones)], from_left, place)
    if sketch.rich:
        _scatter_berries(sketch, middle, spread, shelf, from_left)


def _paint_room(sketch: Sketch, shelf: float, from_left: bool) -> None:
    canvas, palette = sketch.canvas, sketch.palette
    across = canvas.x / canvas.span if from_left else 1 - canvas.x / canvas.span
    plaster = canvas.noise(sketch.detail("plaster"), 2.2, 2.2, 4)
    wall_light = mix(palette.horizon, palette.light, 0.45)
    wall = ramp(
        [wall_light, mix(palette.horizon, palette.sky, 0.35), mix(palette.sky, palette.far, 0.6)],
        across * 0.8 + 0.12 * canvas.y + 0.035 * plaster,
    )
    lean = across * canvas.span - 0.55 * (canvas.rise - canvas.y)
    window = smoothstep(-0.12, -0.04, lean) * smoothstep(0.62, 0.54, lean)
    bars = 1 - 0.8 * np.exp(-(((lean - 0.25) / 0.02) ** 2))
    canvas.fill(lerp(wall, mix(palette.light, (1, 1, 1), 0.3), 0.5 * window * bars))
    away = np.clip((canvas.y - shelf) / (canvas.rise - shelf), 0, 1)
    top = mix(palette.second, palette.light, 0.4)
    table = ramp(
        [mix(top, palette.horizon, 0.3), top, mix(top, palette.far, 0.5)], 0.25 + 0.5 * away + 0.3 * across
    )
    edge = (canvas.columns * 0 + shelf - 0.02).astype(np.float32)
    canvas.cover(table, canvas.below(edge))


def _paint_arch(sketch: Sketch, x: float, shelf: float, from_left: bool) -> None:
    canvas, palette = sketch.canvas, sketch.palette
    wide = 0.27
    high = min(0.5, shelf - 0.3)
    tone = mix(palette.far, palette.horizon, 0.45)
    across = (canvas.x - x) / wide * (1 if from_left else -1)
    face = ramp(
        [mix(tone, palette.light, 0.45), tone, mix(tone, palette.near, 0.3)],
        0.5 + 0.4 * across + 0.15 * canvas.y,
    )
    slab = [
        ellipse(x, shelf - high, wide, wide, 0.5, 1.0),
        rectangle(x - wide, shelf - high, x + wide, shelf),
    ]
    _cast_shadow(sketch, x, shelf, wide, 0.5, from_left)
    canvas.cover(face, canvas.shapes(slab))
    inner = 0.6 * wide
    hole = [
        ellipse(x, shelf - high, inner, inner, 0.5, 1.0),
        rectangle(x - inner, shelf - high, x + inner, shelf),
    ]
    depth = ramp(
        [mix(tone, palette.near, 0.55), mix(tone, palette.near, 0.25)], 0.5 + 0.5 * across + 0 * canvas.y
    )
    canvas.cover(depth, canvas.shapes(hole))
    shift = 0.075 * (1 if from_left else -1)
    back = [outline * (0.86, 1) + (0.14 * x + shift * 0.3, 0.012) for outline in hole]
    canvas.cover(mix(palette.sky, palette.zenith, 0.35), canvas.shapes(back))


def _paint_solid(
    sketch: Sketch, kind: str, x: float, foot: float, size: float, tone: Colour, from_left: bool, index: int
) -> None:
    canvas, palette = sketch.canvas, sketch.palette
    _cast_shadow(sketch, x, foot, size, 1.0, from_left)
    across = (canvas.x - x) / size * (1 if from_left else -1)
    if kind == "sphere":
        size *= 0.8
        middle = foot - size
        sight = np.clip(1 - ((canvas.x - x) / size) ** 2 - ((canvas.y - middle) / size) ** 2, 0, 1)
        light = 0.45 * np.sqrt(sight) - 0.5 * across * 0.8 - 0.55 * (canvas.y - middle) / size
        body = _shade(sketch, tone, 0.3 + 0.62 * light)
        canvas.cover(body, canvas.shapes([ellipse(x, middle, size, size)]))
        return
    body = _shade(sketch, tone, 0.5 - 0.45 * across - 0.35 * np.clip(across + 0.5, None, 0) + 0 * canvas.y)
    outlines = _profile(sketch, kind, x, foot, size, index)
    if kind == "vase":
        _paint_twigs(sketch, x, float(np.min(outlines[0][:, 1])), size, index)
    canvas.cover(body, canvas.shapes(outlines))
    if kind != "cone":
        top = float(np.min(outlines[0][:, 1]))
        mouth = float(np.ptp(outlines[0][outlines[0][:, 1] < top + 0.002][:, 0])) / 2
        lip = ellipse(x, top, mouth, mouth * 0.22)
        canvas.cover(mix(tone, palette.light, 0.5), canvas.shapes([lip]))
        if kind == "vase":
            canvas.cover(
                mix(tone, palette.near, 0.7),
                canvas.shapes([ellipse(x, top + 0.001, mouth * 0.84, mouth * 0.16)]),
            )


def _profile(sketch: Sketch, kind: str, x: float, foot: float, size: float, index: int) -> list[Outline]:
    dice = sketch.layout(f"profile {index}")
    along = np.linspace(0, 1, 80)
    if kind == "cylinder":
        half, high = np.full(80, size * 0.62), size * float(dice.uniform(1.4, 2.4))
    elif kind == "cone":
        half, high = size * 0.95 * along, size * float(dice.uniform(2.0, 2.8))
    else:
        knots = [
            dice.uniform(0.3, 0.5),
            dice.uniform(0.2, 0.4),
            dice.uniform(0.75, 1.0),
            dice.uniform(0.7, 1.0),
            dice.uniform(0.4, 0.6),
        ]
        at = np.linspace(0, 1, 5)
        smooth = np.polyfit(at, knots, 4)
        half, high = (
            size * np.clip(np.polyval(smooth, along), 0.16, 1.1),
            size * float(dice.uniform(2.5, 3.6)),
        )
    wall = foot - high * (1 - along)
    sides = np.concatenate([np.stack([x - half, wall], -1), np.stack([x + half, wall], -1)[::-1]])
    return [sides, ellipse(x, foot, float(half[-1]), float(half[-1]) * 0.2)]


def _scatter_berries(sketch: Sketch, middle: float, spread: float, shelf: float, from_left: bool) -> None:
    canvas, palette, dice = sketch.canvas, sketch.palette, sketch.layout("berries")
    ripe = mix(palette.accent, palette.near, 0.15)
    for _ in range(3):
        x = middle + float(dice.uniform(-0.75, 0.75)) * spread
        for _ in range(int(dice.integers(2, 5))):
            at, size = x + float(dice.uniform(-0.07, 0.07)), float(dice.uniform(0.016, 0.026))
            foot = shelf + min(float(dice.uniform(0.12, 0.2)), canvas.rise - shelf - 0.02)
            _cast_shadow(sketch, at, foot, size, 1.0, from_left)
            sight = np.clip(1 - ((canvas.x - at) / size) ** 2 - ((canvas.y - foot + size) / size) ** 2, 0, 1)
            slant = (canvas.x - at) / size * (1 if from_left else -1)
            light = 0.3 + 0.3 * np.sqrt(sight) - 0.25 * slant - 0.3 * (canvas.y - foot + size) / size
            canvas.cover(_shade(sketch, ripe, light), canvas.shapes([ellipse(at, foot - size, size, size)]))


def _cast_foliage(sketch: Sketch, shelf: float, from_left: bool) -> None:
    """The shadow on the wall of a plant that stands outside the picture."""
    canvas, palette, dice = sketch.canvas, sketch.palette, sketch.layout("foliage")
    corner = 0.0 if from_left else canvas.span
    outlines: list[Outline] = []
    for _ in range(4):
        reach = float(dice.uniform(0.45, 0.8))
        start = (corner, float(dice.uniform(-0.1, 0.5)) * shelf)
        tip = (corner + (reach if from_left else -reach), start[1] + float(dice.uniform(-0.1, 0.3)))
        outlines += _grow_branch(start, tip, 0.075)
    canvas.cover(mix(palette.far, palette.near, 0.3), canvas.blurred(canvas.shapes(outlines), 0.008), 0.2)


def _paint_twigs(sketch: Sketch, x: float, top: float, size: float, index: int) -> None:
    canvas, palette, dice = sketch.canvas, sketch.palette, sketch.layout(f"twigs {index}")
    if dice.random() < 0.35:
        return
    outlines: list[Outline] = []
    for _ in range(5 if sketch.rich else 3):
        lean, tall = float(dice.uniform(-0.6, 0.6)), size * float(dice.uniform(1.6, 2.8))
        outlines += _grow_branch((x, top + 0.02), (x + lean * tall, top - 0.9 * tall), size * 0.17)
    canvas.cover(
        mix(mix(palette.far, palette.near, 0.6), palette.accent, 0.15), canvas.shapes(outlines), 0.95
    )


def _grow_branch(start: tuple[float, float], tip: tuple[float, float], leaf: float) -> list[Outline]:
    """A bent stem with leaves in pairs, each `leaf` long in half."""
    along = np.linspace(0, 1, 24)
    across, down = tip[0] - start[0], tip[1] - start[1]
    path = np.stack([start[0] + across * along**1.8, start[1] + down * along], axis=-1)
    outlines = [stroke(path, 0.06 * leaf + 0.0025, 0.2)]
    blade = ellipse(leaf * 0.95, 0, leaf, leaf * 0.32)
    for knot in range(6, 24, 3):
        heading = float(np.arctan2(*(path[knot] - path[knot - 1])[::-1]))
        for turn in (-0.8, 0.8):
            angle = heading + turn
            spin = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
            outlines.append(blade @ spin + path[knot])
    return outlines


def _shade(sketch: Sketch, tone: Colour, light: Field) -> Field:
    palette = sketch.palette
    return ramp(
        [
            mix(tone, palette.near, 0.75),
            mix(tone, palette.near, 0.3),
            tone,
            mix(tone, palette.light, 0.5),
            mix(tone, (1, 1, 1), 0.6),
        ],
        light,
    )


def _cast_shadow(
    sketch: Sketch, x: float, foot: float, size: float, strength: float, from_left: bool
) -> None:
    canvas, palette = sketch.canvas, sketch.palette
    toward = (canvas.x - x) * (1 if from_left else -1)
    down = (canvas.y - foot - 0.18 * np.clip(toward, 0, None)) / (0.2 * size)
    reach = np.where(toward < 0, toward / size, toward / (3.2 * size))
    shadow = np.exp(-((reach**2 + down**2) ** 0.9)) * 0.55 * strength
    contact = np.exp(-(((canvas.x - x) / (0.8 * size)) ** 2 + ((canvas.y - foot) / (0.1 * size)) ** 2)) * 0.5
    canvas.cover(mix(palette.near, palette.far, 0.2), canvas.soft(np.clip(shadow + contact, 0, 0.85)))

"""Ridges behind ridges, with mist between them and sometimes a lake in front."""

from __future__ import annotations

import numpy as np

from local.painter.canvas import Outline, lerp, smoothstep
from local.painter.colour import Field, adjust, mix
from local.painter.scenes.sky import fly_birds, paint_sky, place_sun
from local.painter.scenes.trees import pine
from local.painter.sketch import Sketch


def paint(sketch: Sketch) -> None:
    """Sky, a snowy massif, misty ridges, pines; a lake that mirrors them for every other seed."""
    canvas, palette, dice = sketch.canvas, sketch.palette, sketch.layout("mountains")
    lake = dice.random() < 0.55 or sketch.says("lake water reflection river")
    horizon = canvas.rise * (float(dice.uniform(0.6, 0.66)) if lake else float(dice.uniform(0.5, 0.58)))
    sun = place_sun(sketch, horizon, 0.55)
    sky = paint_sky(sketch, horizon, sun)
    ridges = 6 if sketch.rich else 4
    top = 0.5 * min(1.0, horizon)
    depths = np.linspace(0, 1, ridges)
    spread = 0.34 * top if lake else canvas.rise - horizon + 0.1 * top
    start = horizon - 0.34 * top if lake else horizon - 0.2 * top
    edges = [
        start
        + depth * spread * (1 if lake else 0.94)
        - (0.3 - 0.12 * depth)
        * top
        * (0.6 + canvas.curve(sketch.layout(f"ridge {step}"), 1.3 + depth, 6, 0.47))
        for step, depth in enumerate(depths)
    ]
    _paint_massif(sketch, horizon - 0.3 * top, top, sky, edges[0])
    for step, (depth, edge) in enumerate(zip(depths, edges, strict=True)):
        colour = mix(palette.far, palette.near, float(depth) ** 1.2 * (0.75 if lake else 1))
        body = _mist(sketch, canvas.y - canvas.to_grid(edge), colour, 0.75 * (1 - float(depth)) + 0.1, 0.22)
        canvas.cover(body, canvas.below(edge, edges[step + 1] if step + 1 < ridges else None))
        if depth > 0.6:
            _plant_pines(sketch, edge, step, float(depth), adjust(colour, lightness=-0.04))
    if lake:
        _paint_lake(sketch, horizon)
    if sketch.rich:
        fly_birds(sketch, horizon, 9)


def _mist(
    sketch: Sketch, depth: Field, colour: tuple[float, float, float], strength: float, reach: float
) -> Field:
    canvas, palette = sketch.canvas, sketch.palette
    wisps = canvas.noise(sketch.detail("wisps"), 1.5, 4, 3)
    rising = smoothstep(0.0, reach, depth + 0.05 * wisps)
    return lerp(canvas.flat(colour), mix(palette.horizon, palette.sky, 0.25), strength * rising)


def _paint_massif(sketch: Sketch, base: float, top: float, sky: Field, until: Field) -> None:
    canvas, palette = sketch.canvas, sketch.palette
    dice = sketch.layout("massif")
    peak = float(dice.uniform(0.28, 0.72)) * canvas.span
    bell = np.exp(-((np.abs(canvas.columns - peak) / (0.36 * max(1.0, canvas.span * 0.7))) ** 1.4))
    jagged = 1 - np.abs(canvas.curve(dice, 2.1, 7, 0.54))
    edge = (base - top * (0.12 + 0.72 * bell + 0.36 * jagged * (0.3 + 0.7 * bell) - 0.14)).astype(np.float32)
    depth = (canvas.y - canvas.to_grid(edge)) / top
    # Ribs run down from the crest: stretched noise whose slope decides which faces catch the light.
    ribs = np.abs(canvas.noise(dice, 3.2, 1.9, 4))
    slope = (np.roll(ribs, -2, axis=1) - ribs) * canvas.grid_width / canvas.span
    broad = (
        np.gradient(canvas.to_grid(_smooth(edge, canvas.width // 24))[0])[None, :]
        * canvas.grid_width
        / canvas.span
    )
    facing = 0.5 + 0.5 * np.tanh(0.075 * slope - 1.5 * broad * (1 if dice.random() < 0.5 else -1))
    stone = lerp(
        canvas.flat(mix(palette.far, palette.near, 0.4)), mix(palette.far, palette.horizon, 0.3), facing
    )
    snow = smoothstep(0.16, -0.06, depth - 0.34 + 0.75 * ribs)
    white = mix(palette.light, (1.0, 1.0, 1.0), 0.5)
    drift = lerp(canvas.flat(mix(mix(palette.far, palette.sky, 0.5), white, 0.3)), white, facing)
    body = lerp(lerp(stone, drift, 0.95 * snow), sky, 0.18)
    haze = smoothstep(0.1, 0.85, depth)
    canvas.cover(lerp(body, mix(palette.horizon, palette.sky, 0.3), 0.9 * haze), canvas.below(edge, until))


def _smooth(curve: Field, width: int) -> Field:
    padded = np.pad(curve, width, mode="edge")
    return np.convolve(padded, np.ones(2 * width + 1) / (2 * width + 1), mode="valid").astype(np.float32)


def _plant_pines(
    sketch: Sketch, edge: Field, step: int, depth: float, colour: tuple[float, float, float]
) -> None:
    canvas, dice = sketch.canvas, sketch.layout(f"pines {step}")
    trees: list[Outline] = []
    for _ in range(int((46 if sketch.rich else 30) * canvas.span)):
        x = float(dice.uniform(-0.02, 1.02)) * canvas.span
        ground = float(np.interp(x, canvas.columns, edge))
        tall = float(dice.uniform(0.35, 1.0)) * (0.05 + 0.055 * depth**3) * depth
        trees.append(pine(x, ground + 0.12 * tall, tall, dice))
    canvas.cover(colour, canvas.shapes(trees))


def _paint_lake(sketch: Sketch, horizon: float) -> None:
    canvas, palette = sketch.canvas, sketch.palette
    away = np.clip((canvas.y - horizon) / (canvas.rise - horizon), 0, 1)
    calm = canvas.noise(sketch.detail("ripples"), 2.5, 34, 3)
    canvas.mirror(horizon, 0.012 * calm * (0.15 + away), 1.0)
    water = lerp(canvas.flat(palette.sky), palette.near, 0.25 + 0.75 * away)
    shore = smoothstep(0.035, 0.0, away)
    band = 0.3 * smoothstep(0.25, 0.8, canvas.noise(sketch.detail("breeze"), 0.8, 12, 2))
    canvas.cover(water, canvas.soft((canvas.y >= horizon) * np.clip(0.2 + 0.55 * away, 0, 1)))
    canvas.cover(
        palette.horizon, canvas.soft((canvas.y >= horizon) * (0.55 * shore + band * (1 - away) * 0.8))
    )

"""A planet and its moons before a nebula."""

from __future__ import annotations

import numpy as np

from local.painter.canvas import ellipse, lerp, smoothstep
from local.painter.colour import mix, ramp
from local.painter.scenes.sky import distance_to, scatter_stars
from local.painter.sketch import Sketch


def paint(sketch: Sketch) -> None:
    """Clouds of light, stars, a banded planet, rings for two seeds in three, one or two moons."""
    canvas, dice = sketch.canvas, sketch.layout("cosmos")
    _paint_nebula(sketch)
    scatter_stars(sketch, canvas.rise)
    x = canvas.span * float(dice.choice([0.36, 0.42, 0.58, 0.64]))
    y = canvas.rise * float(dice.uniform(0.45, 0.58))
    radius = float(dice.uniform(0.2, 0.28))
    ringed, tilt = bool(dice.random() < 0.65), float(dice.uniform(-0.45, 0.45))
    for moon in range(3 if sketch.rich else 1):
        angle, far = float(dice.uniform(0, 2 * np.pi)), radius * float(dice.uniform(1.7, 2.4))
        _paint_globe(
            sketch,
            x + far * np.cos(angle),
            y + 0.75 * far * np.sin(angle),
            radius * float(dice.uniform(0.08, 0.17)),
            moon + 1,
        )
    if ringed:
        _paint_rings(sketch, x, y, radius, tilt, 0.5, 1.0)
    _paint_globe(sketch, x, y, radius, 0)
    if ringed:
        _paint_rings(sketch, x, y, radius, tilt, 0.0, 0.5)


def _paint_nebula(sketch: Sketch) -> None:
    canvas, palette, dice = sketch.canvas, sketch.palette, sketch.detail("nebula")
    octaves = 6 if sketch.rich else 5
    gas, dust = canvas.noise(dice, 1.1, 1.1, octaves), canvas.noise(dice, 1.6, 1.6, octaves)
    lean = float(sketch.layout("band").uniform(-0.8, 0.8))
    band = np.exp(
        -(
            ((canvas.y - canvas.rise / 2 + lean * (canvas.x - canvas.span / 2) * 0.5 + 0.16 * dust) / 0.36)
            ** 2
        )
    )
    glow = smoothstep(-0.5, 0.85, gas + 0.5 * band - 0.15)
    deep = mix(palette.near, (0.01, 0.01, 0.03), 0.55)
    sky = ramp(
        [deep, mix(deep, palette.zenith, 0.8), palette.sky, palette.horizon, palette.accent],
        0.14 + 0.95 * glow * (0.35 + 0.65 * band),
    )
    sky = lerp(sky, palette.light, 0.5 * smoothstep(0.75, 1.15, glow * band + 0.3 * gas))
    canvas.fill(lerp(sky, deep, 0.75 * smoothstep(0.2, 0.85, dust) * band))


def _paint_globe(sketch: Sketch, x: float, y: float, radius: float, index: int) -> None:
    canvas, palette, dice = sketch.canvas, sketch.palette, sketch.layout(f"globe {index}")
    if not index:
        halo = distance_to(canvas, x, y) / radius
        canvas.cover(
            palette.second, canvas.soft(0.45 * np.exp(-((np.clip(halo - 1, 0, None) / 0.16) ** 1.2)))
        )
    across, down = (canvas.x - x) / radius, (canvas.y - y) / radius
    sight = np.sqrt(np.clip(1 - across**2 - down**2, 0, 1))
    light = np.clip(0.5 * sight - 0.62 * across - 0.5 * down, 0, 1)
    swirl = canvas.noise(dice, 2.2, 6, 4)
    bands = 0.5 + 0.32 * np.sin(down * (7 if index == 0 else 2) + 0.3 * across + 1.3 * swirl) + 0.12 * swirl
    tones = [palette.zenith, palette.accent, palette.second, mix(palette.accent, palette.light, 0.6)]
    skin = ramp(tones if index == 0 else tones[::-1], bands)
    body = lerp(
        np.zeros_like(skin) + np.array(palette.near, np.float32) * 0.6, skin, np.clip(1.25 * light**0.8, 0, 1)
    )
    body = lerp(body, palette.light, 0.4 * light**3 + 0.3 * light * (1 - sight) ** 3)
    canvas.cover(body, canvas.shapes([ellipse(x, y, radius, radius)]))


def _paint_rings(
    sketch: Sketch, x: float, y: float, radius: float, tilt: float, start: float, end: float
) -> None:
    canvas, palette, dice = sketch.canvas, sketch.palette, sketch.layout("rings")
    spin = np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
    for _ in range(16 if sketch.rich else 9):
        inner = radius * float(dice.uniform(1.3, 2.05))
        outer = inner + radius * float(dice.uniform(0.03, 0.13))
        arcs = [ellipse(0, 0, reach, reach * 0.24, start, end) for reach in (outer, inner)]
        ring = np.concatenate([arcs[0], arcs[1][::-1]]) @ spin + (x, y)
        tone = mix(palette.second, palette.light, float(dice.uniform(0, 0.8)))
        canvas.cover(tone, canvas.shapes([ring]), float(dice.uniform(0.2, 0.6)))

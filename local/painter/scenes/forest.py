"""Pines standing in layers of mist, lit from behind."""

from __future__ import annotations

import numpy as np

from local.painter.canvas import Outline, ellipse, lerp, smoothstep
from local.painter.colour import Field, adjust, mix, ramp
from local.painter.scenes.sky import Sun, distance_to, fly_birds, is_dark, paint_sun, scatter_stars
from local.painter.scenes.trees import pine
from local.painter.sketch import Sketch


def paint(sketch: Sketch) -> None:
    """A glowing clearing, ranks of trees that darken towards the viewer, a dark frame in front."""
    canvas, palette, dice = sketch.canvas, sketch.palette, sketch.layout("forest")
    glade = float(dice.uniform(0.36, 0.64)) * canvas.span
    sun = Sun(glade, canvas.rise * float(dice.uniform(0.26, 0.36)), 0.06)
    glow = np.exp(-((distance_to(canvas, sun.x, sun.y, 1.2) / 0.5) ** 1.4))
    haze = canvas.noise(sketch.detail("haze"), 1.4, 2, 3)
    air = ramp([palette.zenith, palette.sky, palette.horizon], canvas.y / canvas.rise * 1.15 + 0.08 * haze)
    canvas.fill(lerp(air, mix(palette.horizon, palette.light, 0.7), 0.8 * glow))
    if is_dark(sketch):
        scatter_stars(sketch, canvas.rise * 0.6)
    paint_sun(sketch, sun)
    ranks = 6 if sketch.rich else 4
    edges = [_ground(sketch, rank, rank / (ranks - 1)) for rank in range(ranks)]
    for rank, edge in enumerate(edges):
        depth = rank / (ranks - 1)
        _paint_rank(sketch, edge, rank, depth, glade, glow, edges[rank + 1] if rank + 1 < ranks else None)
        if sketch.rich and rank == ranks - 3:
            _cast_rays(sketch, sun)
    if sketch.rich:
        _grow_grass(sketch, edges[-1])
        fly_birds(sketch, canvas.rise * 0.5, 6)
        _scatter_sparks(sketch)


def _ground(sketch: Sketch, rank: int, depth: float) -> Field:
    canvas = sketch.canvas
    rolling = canvas.curve(sketch.layout(f"ground {rank}"), 0.9, 4, 0.45)
    return (canvas.rise * (0.56 + 0.36 * depth) - 0.055 * rolling).astype(np.float32)


def _paint_rank(
    sketch: Sketch, edge: Field, rank: int, depth: float, glade: float, glow: Field, until: Field | None
) -> None:
    canvas, palette, dice = sketch.canvas, sketch.palette, sketch.layout(f"rank {rank}")
    tall = min(canvas.rise, 1.35) * (0.2 + 0.44 * depth**1.3)
    count = int((34 - 20 * depth) * canvas.span * (1.5 if sketch.rich else 1))
    trees: list[Outline] = []
    for _ in range(count):
        x = float(dice.uniform(-0.05, 1.05)) * canvas.span
        # Trees thin out and shrink around the clearing, most of all those in front.
        openness = float(np.exp(-(((x - glade) / (0.3 + 0.12 * depth)) ** 2)))
        if dice.random() < openness * (0.3 + 0.65 * depth):
            continue
        size = tall * float(dice.uniform(0.6, 1.1)) * (1 - 0.55 * openness)
        foot = float(np.interp(x, canvas.columns, edge)) + 0.1 * size
        trees.append(pine(x, foot, size, dice, 9 + int(6 * depth)))
    colour = mix(palette.far, palette.near, depth**0.9)
    colour = mix(colour, palette.horizon, 0.55 * (1 - depth) ** 1.2)
    mist = mix(palette.horizon, palette.light, 0.35)
    rise = canvas.y - canvas.to_grid(edge)
    wisps = canvas.noise(sketch.detail(f"mist {rank}"), 1.6, 3.5, 3)
    fog = smoothstep(-0.3 - 0.2 * depth, 0.12, rise + 0.07 * wisps) * (0.85 - 0.6 * depth) + 0.28 * glow * (
        1 - depth
    )
    body = lerp(canvas.flat(colour), mist, np.clip(fog, 0, 1))
    canvas.cover(body, canvas.shapes(trees))
    canvas.cover(body, canvas.below(edge, until))


def _cast_rays(sketch: Sketch, sun: Sun) -> None:
    canvas, dice = sketch.canvas, sketch.layout("rays")
    angle = np.arctan2(canvas.x - sun.x, canvas.y - sun.y)
    beams = sum(np.cos(angle * dice.uniform(9, 34) + dice.uniform(0, 6)) for _ in range(4))
    reach = distance_to(canvas, sun.x, sun.y)
    fade = np.exp(-((reach / 0.75) ** 2)) * smoothstep(0.05, 0.25, reach) * (canvas.y > sun.y)
    rays = smoothstep(0.2, 2.6, np.asarray(beams, np.float32)) * fade
    canvas.cover(mix(sketch.palette.light, sketch.palette.horizon, 0.2), canvas.soft(0.5 * rays))


def _grow_grass(sketch: Sketch, edge: Field) -> None:
    canvas, dice = sketch.canvas, sketch.layout("grass")
    blades: list[Outline] = []
    for _ in range(int(190 * canvas.span)):
        x, tall = float(dice.uniform(0, canvas.span)), float(dice.uniform(0.012, 0.04))
        foot = float(np.interp(x, canvas.columns, edge)) + 0.004
        lean = float(dice.uniform(-0.5, 0.5)) * tall
        blades.append(
            np.array(
                [
                    (x - 0.0016, foot),
                    (x + 0.3 * lean, foot - 0.6 * tall),
                    (x + lean, foot - tall),
                    (x + 0.0016, foot),
                ]
            )
        )
    canvas.cover(mix(sketch.palette.near, sketch.palette.far, 0.25), canvas.shapes(blades))


def _scatter_sparks(sketch: Sketch) -> None:
    canvas, dice = sketch.canvas, sketch.layout("sparks")
    sparks: list[Outline] = []
    for _ in range(int(46 * canvas.span)):
        x, y = dice.uniform(0, canvas.span), canvas.rise * dice.uniform(0.5, 0.95)
        radius = float(dice.uniform(0.0012, 0.0032))
        sparks.append(ellipse(float(x), float(y), radius, radius))
    canvas.cover(adjust(sketch.palette.light, chroma=1.3), canvas.shapes(sparks), 0.75)

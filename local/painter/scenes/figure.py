"""A figure against a great disc of light: a bust for people, a sitting cat or dog for animals."""

from __future__ import annotations

import numpy as np

from local.painter.canvas import Outline, ellipse, lerp, smoothstep, stroke
from local.painter.colour import mix, ramp
from local.painter.scenes.bokeh import paint_bokeh
from local.painter.sketch import Sketch


def paint(sketch: Sketch) -> None:
    """Blurred lights, the disc, the figure with one lit edge, and drapery below."""
    canvas, palette, dice = sketch.canvas, sketch.palette, sketch.layout("figure")
    x = canvas.span * 0.5 + float(dice.uniform(-0.06, 0.06)) * canvas.span
    ground = canvas.rise / 2 + 0.42
    paint_bokeh(sketch, canvas.rise * 0.85)
    radius = 0.34
    near = np.hypot(canvas.x - x, canvas.y - ground + 0.48)
    canvas.cover(palette.horizon, canvas.soft(0.6 * np.exp(-((near / (1.35 * radius)) ** 4))))
    disc = ramp(
        [palette.accent, palette.horizon, palette.light], (ground - 0.1 - canvas.y) / 0.75 + 0 * canvas.x
    )
    canvas.cover(disc, canvas.shapes([ellipse(x, ground - 0.48, radius, radius)]), 0.95)
    if sketch.rich:
        rings = [
            stroke(ellipse(x, ground - 0.48, radius + 0.03 * ring, radius + 0.03 * ring), 0.0022)
            for ring in range(1, 5)
        ]
        canvas.cover(palette.light, canvas.shapes(rings), 0.4)
    side = float(dice.choice([-1, 1]))
    pet = sketch.says("cat kitten dog puppy fox animal pet")
    outlines = _sit(x, ground, side, sketch.says("dog puppy")) if pet else _pose(x, ground, side)
    canvas.cover(
        mix(palette.light, (1, 1, 1), 0.3),
        canvas.shapes([outline - (0.0045 * side, 0.003) for outline in outlines]),
    )
    across = (canvas.x - x) * side
    dark, warm = mix(palette.near, palette.zenith, 0.25), mix(palette.accent, palette.near, 0.3)
    body = ramp(
        [warm, mix(warm, dark, 0.7), dark, palette.near],
        0.42 + 1.3 * across + 0.4 * (canvas.y - ground + 0.35),
    )
    canvas.cover(body, canvas.shapes(outlines))
    if pet:
        eyes = [
            ellipse(x + side * 0.005 + offset, ground - 0.465, 0.012, 0.008) for offset in (-0.034, 0.034)
        ]
        canvas.cover(palette.light, canvas.shapes(eyes))
    _drape(sketch, ground)


def _pose(x: float, ground: float, side: float) -> list[Outline]:
    """Head in three-quarter view with gathered hair, neck and shoulders."""
    across = np.linspace(-1, 1, 120)
    slope = 0.2 * np.abs(across) ** 2.2 - 0.03 * np.exp(-((across / 0.22) ** 2))
    shoulders = np.stack([x + 0.34 * across, ground - 0.2 + slope], axis=-1)
    trunk = np.concatenate([shoulders, [(x + 0.36, ground + 0.6), (x - 0.36, ground + 0.6)]])
    turn = np.linspace(0, 1, 40)
    hollow = 0.062 + 0.06 * (2 * turn - 0.75).clip(0, None) ** 2
    down = ground - 0.36 + 0.2 * turn
    neck = np.concatenate([np.stack([x - hollow, down], -1), np.stack([x + hollow, down], -1)[::-1]])
    angle = np.linspace(0, 2 * np.pi, 120)
    jaw = 1 - 0.2 * np.clip(np.sin(angle), 0, 1) ** 2
    head = np.stack(
        [x + 0.112 * jaw * np.cos(angle) - 0.012 * side, ground - 0.46 + 0.15 * np.sin(angle)], axis=-1
    )
    hair = ellipse(x + 0.012 * side, ground - 0.51, 0.128, 0.118)
    knot = ellipse(x + 0.085 * side, ground - 0.625, 0.058, 0.055)
    nape = ellipse(x + 0.06 * side, ground - 0.43, 0.075, 0.1)
    return [trunk, neck, head, hair, knot, nape]


def _sit(x: float, ground: float, side: float, drooping: bool) -> list[Outline]:
    """A cat with upright ears, or a dog with drooping ones: round haunches, a curling tail."""
    turn = np.linspace(0, 1, 80)
    half = 0.062 + 0.12 * smoothstep(0.0, 0.75, turn.astype(np.float32)) + 0.015 * np.sin(turn * np.pi)
    down = ground - 0.38 + 0.4 * turn
    body = np.concatenate([np.stack([x - half, down], -1), np.stack([x + half, down], -1)[::-1]])
    head = ellipse(x, ground - 0.45, 0.098, 0.084)
    ears = [
        np.array(
            [(x + s * 0.092, ground - 0.47), (x + s * 0.084, ground - 0.592), (x + s * 0.018, ground - 0.52)]
        )
        for s in (-1, 1)
    ]
    if drooping:
        ears = [ellipse(x + s * 0.098, ground - 0.455, 0.03, 0.068) for s in (-1, 1)]
    curl = np.linspace(0, 1, 60)
    tail = np.stack([x + side * (0.12 + 0.2 * np.sin(curl * 2.6)), ground - 0.01 - 0.3 * curl**1.5], axis=-1)
    return [body, head, *ears, stroke(tail, 0.04, 0.35), ellipse(x, ground, 0.2, 0.06)]


def _drape(sketch: Sketch, ground: float) -> None:
    canvas, palette, dice = sketch.canvas, sketch.palette, sketch.layout("drapery")
    folds = 5 if sketch.rich else 3
    stops = [palette.accent, mix(palette.accent, palette.zenith, 0.5), palette.zenith, palette.near]
    for fold in range(folds):
        share = fold / folds
        edge = (
            ground
            - 0.05
            + share * max(0.2, 0.8 * (canvas.rise - ground))
            + 0.055 * canvas.curve(dice, 1.0, 2, 0.4)
        )
        depth = canvas.y - canvas.to_grid(edge.astype(np.float32))
        canvas.cover(
            (0.0, 0.0, 0.0), canvas.soft(0.35 * np.exp(np.minimum(depth, 0.02) / 0.03) * (depth < 0.02))
        )
        body = ramp(stops, share * 0.8 + 0.6 * np.clip(depth, 0, 1) + 0 * canvas.x)
        body = lerp(body, palette.light, 0.45 * np.exp(-np.abs(depth) / 0.022))
        canvas.cover(body, canvas.below(edge.astype(np.float32)))

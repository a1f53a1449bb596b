"""Dunes with one bright and one shaded flank."""

from __future__ import annotations

import numpy as np

from local.painter.canvas import lerp, smoothstep
from local.painter.colour import Field, adjust, mix
from local.painter.scenes.sky import fly_birds, paint_sky, place_sun
from local.painter.sketch import Sketch


def paint(sketch: Sketch) -> None:
    """A wide sky and overlapping dunes, each cut by the winding line of its crest."""
    canvas, dice = sketch.canvas, sketch.layout("dunes")
    horizon = canvas.rise * float(dice.uniform(0.48, 0.56))
    sun = place_sun(sketch, horizon, 0.4)
    paint_sky(sketch, horizon, sun, 0.7)
    count = 6 if sketch.rich else 4
    lit_left = sun.x < canvas.span / 2
    depths = [step / (count - 1) for step in range(count)]
    plans = [_plan_dune(sketch, horizon, step, depth) for step, depth in enumerate(depths)]
    for step, (depth, (edge, crest)) in enumerate(zip(depths, plans, strict=True)):
        _paint_dune(
            sketch, edge, crest, step, depth, lit_left, plans[step + 1][0] if step + 1 < count else None
        )
    if sketch.rich:
        fly_birds(sketch, horizon, 6)


def _plan_dune(sketch: Sketch, horizon: float, step: int, depth: float) -> tuple[Field, float]:
    canvas, dice = sketch.canvas, sketch.layout(f"dune {step}")
    crest = (float(dice.uniform(0.12, 0.42)) + 0.46 * (step % 2)) * canvas.span
    base = horizon + (canvas.rise - horizon) * (0.04 + 0.66 * depth**1.15)
    high = min(canvas.rise - horizon, 0.6) * (0.14 + 0.4 * depth)
    breadth = (0.28 + 0.5 * depth) * max(0.8, canvas.span * 0.62)
    offset = (canvas.columns - crest) / breadth
    # The windward flank is long and gentle, the lee flank short and steep.
    hill = np.where(
        offset < 0, np.exp(-(np.abs(offset / 1.25) ** 1.3)), np.exp(-(np.abs(offset / 0.95) ** 1.25))
    )
    roll = 0.16 * canvas.curve(dice, 0.9, 2, 0.4)
    return (base - high * (hill + roll)).astype(np.float32), crest


def _paint_dune(
    sketch: Sketch, edge: Field, crest: float, step: int, depth: float, lit_left: bool, until: Field | None
) -> None:
    canvas, palette, dice = sketch.canvas, sketch.palette, sketch.layout(f"crest {step}")
    below = canvas.y - canvas.to_grid(edge)
    sand = mix(mix(palette.far, palette.second, 0.35), palette.accent, 0.12 + 0.12 * depth)
    bright, shade = mix(sand, palette.light, 0.42), mix(sand, palette.near, 0.5 + 0.2 * depth)
    reach = 0.25 + 0.4 * depth
    sweep, phase = float(dice.uniform(0.16, 0.26)), float(dice.uniform(0, 1))
    fall = np.clip(below, 0, None) / reach
    line = crest + sweep * reach * (np.sin(fall * 3.4 + phase) - np.sin(phase)) + 0.35 * reach * fall
    side = (canvas.x - line) if lit_left else (line - canvas.x)
    dark = smoothstep(-0.004, 0.012 + 0.05 * depth, side) * (
        0.92 - 0.45 * smoothstep(0, 0.5 + 0.4 * depth, side)
    )
    ripple = np.sin(below * 190 + 9 * canvas.noise(dice, 1.6, 2.2, 2) + canvas.x * 30)
    texture = 0.1 * ripple * smoothstep(0.4, 1, np.full_like(ripple, depth)) * (1 - 0.7 * dark)
    body = lerp(canvas.flat(bright), sand, smoothstep(0, 0.5 * reach, below))
    body = lerp(body, shade, np.clip(dark + (texture if sketch.rich else 0.5 * texture), 0, 1))
    haze = mix(palette.horizon, palette.light, 0.3)
    body = lerp(
        body,
        haze,
        np.clip(0.62 * (1 - depth) ** 1.5 + 0.25 * smoothstep(0.1, 0.6, below) * (1 - depth), 0, 1),
    )
    canvas.cover(body, canvas.below(edge, until))
    if step == 0:
        canvas.cover(adjust(haze, lightness=0.02), canvas.soft(0.4 * np.exp(-((below / 0.05) ** 2))))

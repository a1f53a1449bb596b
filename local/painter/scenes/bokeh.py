"""A backdrop out of focus: a dim room and the discs its lamps make in a wide-open lens."""

from __future__ import annotations

import numpy as np

from local.painter.canvas import Outline, ellipse, lerp
from local.painter.colour import mix, ramp
from local.painter.sketch import Sketch


def paint_bokeh(sketch: Sketch, floor: float) -> None:
    """Fills the canvas and hangs blurred lights above `floor`."""
    canvas, palette, dice = sketch.canvas, sketch.palette, sketch.layout("bokeh")
    murk = canvas.noise(sketch.detail("murk"), 0.9, 0.9, 2)
    room = ramp(
        [palette.near, palette.zenith, mix(palette.zenith, palette.sky, 0.7)],
        canvas.y / floor * 0.8 + 0.2 * murk,
    )
    for _ in range(3):
        x, y = dice.uniform(0.1, 0.9) * canvas.span, dice.uniform(0.1, 0.8) * floor
        near = np.hypot(canvas.x - x, canvas.y - y) / dice.uniform(0.25, 0.5)
        room = lerp(
            room, mix(palette.sky, palette.horizon, float(dice.uniform(0.2, 0.8))), 0.5 * np.exp(-(near**2))
        )
    canvas.fill(room)
    tints = [
        palette.sky,
        palette.horizon,
        mix(palette.accent, palette.horizon, 0.3),
        palette.light,
        palette.second,
    ]
    for group in range(10 if sketch.rich else 6):
        tint = tints[group % len(tints)]
        discs: list[Outline] = []
        for _ in range(int(4 * canvas.span) + 1):
            size = float(dice.uniform(0.018, 0.075))
            discs.append(
                ellipse(float(dice.uniform(0, canvas.span)), floor * float(dice.beta(1.6, 1.5)), size, size)
            )
        opacity = float(dice.uniform(0.1, 0.3))
        canvas.cover(tint, canvas.shapes(discs), opacity)
        rims = [
            np.concatenate([disc, (disc - disc.mean(axis=0))[::-1] * 0.95 + disc.mean(axis=0)])
            for disc in discs[::2]
        ]
        canvas.cover(mix(tint, palette.light, 0.5), canvas.shapes(rims), opacity)

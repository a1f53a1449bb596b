"""Flowing silk: overlapping waves of colour, for prompts about nothing in particular."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from local.painter.canvas import Canvas, Outline, lerp, stroke
from local.painter.colour import Colour, Field, mix, ramp
from local.painter.sketch import Sketch


def paint(sketch: Sketch) -> None:
    """Waves across the picture; down it, where the picture is tall."""
    canvas = sketch.canvas
    if canvas.rise <= 1.15:
        _paint_across(sketch)
        return
    sideways = replace(sketch, canvas=Canvas(canvas.height, canvas.width))
    _paint_across(sideways)
    canvas.image = sideways.canvas.image.transpose(Image.Transpose.ROTATE_90)


def _paint_across(sketch: Sketch) -> None:
    canvas, palette, dice = sketch.canvas, sketch.palette, sketch.layout("ribbons")
    stops = [palette.near, palette.zenith, palette.sky, palette.accent, palette.horizon, palette.light]
    if dice.random() < 0.5:
        stops.reverse()
    slope = float(dice.uniform(-0.4, 0.4)) / canvas.span
    glow = np.hypot(canvas.x - canvas.span * dice.uniform(0.2, 0.8), canvas.y - 0.2)
    backdrop = ramp(stops[:3], canvas.y * 0.6 + 0.12 * canvas.noise(dice, 0.8, 0.8, 2))
    canvas.fill(lerp(backdrop, palette.light, 0.3 * np.exp(-((glow / 0.5) ** 2))))
    count = 10 if sketch.rich else 7
    shared = canvas.curve(dice, 0.62, 2, 0.4)
    edges = []
    for step in range(count):
        share = step / (count - 1)
        own = canvas.curve(sketch.layout(f"ribbon {step}"), 0.85, 2, 0.3)
        centre = 0.12 + 0.8 * share + slope * (canvas.columns - canvas.span / 2)
        edges.append((centre + 0.24 * shared * (1.1 - 0.5 * share) + 0.1 * own).astype(np.float32))
    for step, edge in enumerate(edges):
        _paint_ribbon(
            sketch, edge, stops, (step + 0.6) / count, edges[step + 1] if step + 1 < count else None
        )
        if sketch.rich and step % 2:
            _draw_threads(sketch, edge, edges[min(step + 1, count - 1)])


def _paint_ribbon(
    sketch: Sketch, edge: Field, stops: list[Colour], share: float, until: Field | None
) -> None:
    canvas, palette = sketch.canvas, sketch.palette
    depth = canvas.y - canvas.to_grid(edge)
    canvas.cover(
        mix(palette.near, (0, 0, 0), 0.3),
        canvas.soft(0.42 * np.exp(np.minimum(depth, 0.02) / 0.035) * (depth < 0.02)),
    )
    drift = 0.16 * (canvas.x / canvas.span - 0.5) + 0.3 * np.clip(depth, 0, 1)
    body = ramp(stops, share + drift)
    body = lerp(
        body,
        palette.light,
        np.clip(0.42 * np.exp(-np.abs(depth) / 0.03) + 0.16 * np.exp(-np.abs(depth) / 0.12), 0, 1),
    )
    body = lerp(body, palette.near, 0.2 * np.clip(depth / 0.35, 0, 1))
    canvas.cover(body, canvas.below(edge, until))


def _draw_threads(sketch: Sketch, upper: Field, lower: Field) -> None:
    canvas = sketch.canvas
    stride = max(1, canvas.width // 160)
    across = canvas.columns[::stride]
    threads: list[Outline] = []
    for share in np.linspace(0.08, 0.75, 7):
        path = upper + (np.maximum(lower, upper + 0.03) - upper) * share
        threads.append(stroke(np.stack([across, path[::stride]], axis=-1), 0.0012))
    canvas.cover(mix(sketch.palette.light, (1, 1, 1), 0.3), canvas.shapes(threads), 0.28)

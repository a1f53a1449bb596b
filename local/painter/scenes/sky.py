"""Skies, suns, stars and birds: the air above every landscape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from local.painter.canvas import Canvas, ellipse, lerp, smoothstep, stroke
from local.painter.colour import Field, adjust, mix, ramp, to_polar
from local.painter.sketch import Sketch


@dataclass(frozen=True, slots=True)
class Sun:
    """A sun or moon; lengths in canvas units."""

    x: float
    y: float
    radius: float


def is_dark(sketch: Sketch) -> bool:
    """Whether the palette's upper sky is that of a night."""
    return to_polar(sketch.palette.zenith)[0] < 0.3


def place_sun(sketch: Sketch, horizon: float, height: float = 0.36) -> Sun:
    """Puts the sun off the centre, about `height` of the sky above the horizon."""
    dice, canvas = sketch.layout("sun"), sketch.canvas
    across = float(dice.choice([0.32, 0.38, 0.62, 0.68]) + dice.uniform(-0.04, 0.04))
    lift = height * float(dice.uniform(0.75, 1.25))
    radius = float(dice.uniform(0.05, 0.085)) * min(1.0, 0.6 + horizon / 2)
    return Sun(across * canvas.span, horizon * (1 - lift), radius)


def distance_to(canvas: Canvas, x: float, y: float, stretch: float = 1.0) -> Field:
    """Distance of every grid point from a point; `stretch` > 1 makes the circles wide."""
    return np.asarray(np.hypot((canvas.x - x) / stretch, canvas.y - y), np.float32)


def paint_sky(sketch: Sketch, horizon: float, sun: Sun | None, clouds: float = 1.0) -> Field:
    """Paints gradient, glow, clouds and sun; returns the sky's colours, which haze and water borrow."""
    canvas, palette = sketch.canvas, sketch.palette
    haze = canvas.noise(sketch.detail("haze"), 1.2, 1.6, 2)
    height = canvas.y / horizon + 0.05 * haze
    sky = ramp([palette.zenith, palette.zenith, palette.sky, palette.horizon], 0.12 + 0.88 * height)
    glow = np.zeros_like(height)
    if sun:
        near = distance_to(canvas, sun.x, sun.y, 1.25)
        glow = 0.62 * np.exp(-((near / 0.36) ** 1.3)) + 0.3 * np.exp(-((near / 0.12) ** 1.5))
        sky = lerp(sky, mix(palette.horizon, palette.light, 0.75), glow)
    for layer in range(3 if sketch.rich else 2):
        sky = _add_clouds(sketch, sky, horizon, glow, layer, clouds)
    canvas.fill(sky)
    if is_dark(sketch):
        scatter_stars(sketch, horizon)
    if sun:
        paint_sun(sketch, sun)
    return sky


def paint_sun(sketch: Sketch, sun: Sun) -> None:
    """A crisp disc inside its halo."""
    canvas, light = sketch.canvas, sketch.palette.light
    near = distance_to(canvas, sun.x, sun.y)
    canvas.cover(light, canvas.soft(0.55 * np.exp(-((near / (1.9 * sun.radius)) ** 2))))
    canvas.cover(mix(light, (1, 1, 1), 0.45), canvas.shapes([ellipse(sun.x, sun.y, sun.radius, sun.radius)]))


def scatter_stars(sketch: Sketch, horizon: float) -> None:
    """Stars in three brightnesses, fewer towards the horizon."""
    canvas, dice = sketch.canvas, sketch.layout("stars")
    count = int((170 if sketch.rich else 80) * canvas.span * horizon)
    for opacity, size in ((0.3, 0.0011), (0.6, 0.0014), (0.95, 0.0021)):
        across = dice.random(count) * canvas.span
        down = dice.random(count) ** 1.6 * horizon * 0.9
        sizes = size * dice.uniform(0.7, 1.3, count)
        dots = [ellipse(x, y, r, r) for x, y, r in zip(across, down, sizes, strict=True)]
        canvas.cover(mix(sketch.palette.second, (1, 1, 1), 0.7), canvas.shapes(dots), opacity)
        count //= 3


def fly_birds(sketch: Sketch, horizon: float, count: int) -> None:
    """A loose flock of small gliding birds."""
    canvas, dice = sketch.canvas, sketch.layout("birds")
    centre = np.array([dice.uniform(0.25, 0.75) * canvas.span, dice.uniform(0.3, 0.55) * horizon])
    birds = []
    for _ in range(count):
        at = centre + dice.normal(0, 1, 2) * (0.11, 0.05)
        size, tilt = dice.uniform(0.009, 0.02), dice.uniform(-0.25, 0.25)
        wing = np.linspace(-1, 1, 21)
        lift = -np.abs(np.sin(np.abs(wing) * 2.2)) * 0.38 + np.abs(wing) * 0.1
        path = np.stack([wing, lift + wing * tilt], axis=-1) * size + at
        birds.append(stroke(path, size * 0.16, 0.85))
    canvas.cover(adjust(sketch.palette.near, lightness=-0.05), canvas.shapes(birds), 0.85)


def _add_clouds(sketch: Sketch, sky: Field, horizon: float, glow: Field, layer: int, amount: float) -> Field:
    canvas, palette = sketch.canvas, sketch.palette
    dice = sketch.detail(f"clouds {layer}")
    scale = 1.1 + 0.9 * layer
    bulk = canvas.noise(dice, scale, scale * 4.2, 5 if sketch.rich else 4)
    height = canvas.y / horizon
    # Clouds gather in bands and thin out at the zenith and in the haze of the horizon.
    band = np.exp(-(((height - dice.uniform(0.3, 0.75)) / 0.3) ** 2))
    density = smoothstep(0.02, 0.75, bulk + 0.25 * band - 0.12) * band
    shift = canvas.grid_height // 90 + 1
    above = np.pad(bulk, ((shift, 0), (0, 0)), mode="edge")[:-shift]
    rim = np.clip(above - bulk, -1, 1)
    lit = np.clip(0.45 + 1.6 * rim + 0.8 * glow, 0, 1)
    body = ramp([mix(palette.sky, palette.far, 0.35), palette.horizon, palette.light], lit)
    return lerp(sky, body, amount * 0.62 * density)

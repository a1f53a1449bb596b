"""Open water under a low sun: swell, a path of glints, headlands, a sail, a beach."""

from __future__ import annotations

import numpy as np

from local.painter.canvas import Outline, ellipse, lerp, smoothstep, stroke
from local.painter.colour import Field, adjust, mix, ramp
from local.painter.scenes.sky import Sun, fly_birds, paint_sky, place_sun
from local.painter.sketch import Sketch


def paint(sketch: Sketch) -> None:
    """Sky and water; a beach for one seed in two, a sailing boat for one in two."""
    canvas, dice = sketch.canvas, sketch.layout("sea")
    horizon = canvas.rise * float(dice.uniform(0.46, 0.56))
    sun = place_sun(sketch, horizon, 0.24)
    beach = dice.random() < 0.5 or sketch.says("beach sand shore coast tropical")
    boat = dice.random() < 0.5 or sketch.says("boat sail sailing ship yacht")
    paint_sky(sketch, horizon, sun)
    _paint_headland(sketch, horizon)
    _paint_water(sketch, horizon, sun)
    _scatter_glints(sketch, horizon, sun)
    if boat:
        _paint_boat(sketch, horizon)
    if beach:
        _paint_beach(sketch, horizon)
    if sketch.rich:
        fly_birds(sketch, horizon, 8)


def _paint_headland(sketch: Sketch, horizon: float) -> None:
    canvas, palette = sketch.canvas, sketch.palette
    for step in range(3 if sketch.rich else 2):
        dice = sketch.layout(f"headland {step}")
        from_left = (step % 2 == 0) == (sketch.layout("side").random() < 0.5)
        reach = float(dice.uniform(0.3, 0.6)) * canvas.span * (0.8 if step else 1)
        across = canvas.columns if from_left else canvas.span - canvas.columns
        fall = np.clip(1 - across / reach, 0, 1) ** 0.75
        rough = 0.75 + 0.35 * canvas.curve(dice, 2.5, 6, 0.5)
        edge = (horizon + 0.004 - 0.13 * min(1.0, horizon) * fall * rough * (1 - 0.2 * step)).astype(
            np.float32
        )
        colour = mix(palette.far, palette.horizon, 0.62 - 0.3 * step)
        body = lerp(canvas.flat(colour), palette.horizon, 0.7 * smoothstep(horizon - 0.1, horizon, canvas.y))
        canvas.cover(body, canvas.below(edge))


def _paint_water(sketch: Sketch, horizon: float, sun: Sun) -> None:
    canvas, palette = sketch.canvas, sketch.palette
    away = np.clip((canvas.y - horizon) / (canvas.rise - horizon), 0, 1)
    near = mix(palette.near, palette.far, 0.35)
    water = ramp(
        [mix(palette.horizon, palette.sky, 0.35), palette.far, mix(palette.far, near, 0.6), near], away**0.7
    )
    swell = _swell(sketch, horizon)
    crest = np.clip(swell, -1, 1) * (0.25 + 0.75 * away)
    water = lerp(water, palette.horizon, np.clip(0.42 * crest, 0, 1))
    water = lerp(water, palette.near, np.clip(-0.5 * crest, 0, 1))
    width = 0.05 + 0.3 * away
    path = np.exp(-(((canvas.x - sun.x) / width) ** 2)) * (0.62 - 0.34 * away) * (0.8 + 0.5 * crest)
    water = lerp(water, palette.light, np.clip(path, 0, 1))
    line = canvas.columns * 0 + horizon
    canvas.cover(water, canvas.below(line.astype(np.float32)))


def _swell(sketch: Sketch, horizon: float) -> Field:
    """Waves in perspective: long near the viewer, fine and flat towards the horizon."""
    canvas, dice = sketch.canvas, sketch.layout("swell")
    distance = 0.16 / (np.clip(canvas.y - horizon, 0, None) + 0.035)
    bend = canvas.noise(dice, 1.6, 3.0, 3)
    total = np.zeros_like(distance + canvas.x)
    for wave in range(4):
        pitch, slant = dice.uniform(14, 40), dice.uniform(-3, 3)
        total = total + np.sin(distance * pitch + canvas.x * slant + 2.4 * bend + wave * 1.7)
    detail = canvas.noise(dice, 3, 22, 3)
    return np.asarray(0.36 * total + 0.5 * detail, np.float32)


def _scatter_glints(sketch: Sketch, horizon: float, sun: Sun) -> None:
    canvas, dice = sketch.canvas, sketch.layout("glints")
    count = 520 if sketch.rich else 260
    away = dice.random(count) ** 1.7
    down = horizon + 0.004 + away * (canvas.rise - horizon) * 0.92
    across = sun.x + dice.normal(0, 1, count) * (0.022 + 0.13 * away)
    sizes = (0.004 + 0.034 * away) * dice.uniform(0.4, 1.3, count)
    glints = [ellipse(x, y, r, 0.0009 + 0.055 * r) for x, y, r in zip(across, down, sizes, strict=True)]
    canvas.cover(mix(sketch.palette.light, (1, 1, 1), 0.3), canvas.shapes(glints), 0.72)


def _paint_boat(sketch: Sketch, horizon: float) -> None:
    canvas, palette, dice = sketch.canvas, sketch.palette, sketch.layout("boat")
    size = float(dice.uniform(0.05, 0.085))
    x, y = float(dice.choice([0.2, 0.27, 0.74, 0.8])) * canvas.span, horizon + 0.45 * size
    bow = float(dice.choice([-1, 1]))

    def place(*points: tuple[float, float]) -> Outline:
        return np.array([(x + bow * size * a, y - size * b) for a, b in points])

    hull = mix(palette.near, (0.0, 0.0, 0.0), 0.25)
    shadow = [
        ellipse(x, y + size * (0.1 + 0.16 * row), size * (0.75 - 0.12 * row), size * 0.035)
        for row in range(5)
    ]
    canvas.cover(hull, canvas.shapes(shadow), 0.3)
    main = place((-0.04, 2.0), (-0.04, 0.26), (-0.66, 0.26), (-0.42, 1.0))
    jib = place((0.02, 1.75), (0.05, 0.3), (0.72, 0.28), (0.32, 0.9))
    canvas.cover(mix(palette.light, (1.0, 1.0, 1.0), 0.35), canvas.shapes([main]))
    canvas.cover(mix(palette.light, palette.accent, 0.4), canvas.shapes([jib]))
    deck = place((-0.78, 0.2), (0.86, 0.24), (0.55, -0.04), (-0.6, -0.04))
    canvas.cover(hull, canvas.shapes([deck, stroke(place((-0.01, 0.2), (-0.01, 2.04)), 0.03 * size)]))


def _paint_beach(sketch: Sketch, horizon: float) -> None:
    canvas, palette, dice = sketch.canvas, sketch.palette, sketch.layout("beach")
    depth = canvas.rise - horizon
    slant = float(dice.choice([-1, 1])) * 0.16
    lean = slant * (canvas.columns / canvas.span - 0.5)
    wave = 0.05 * canvas.curve(dice, 1.1, 3, 0.4)
    shore = canvas.rise - depth * (0.36 + lean + wave)
    sand = mix(mix(palette.second, palette.horizon, 0.5), palette.far, 0.07)
    wet = mix(sand, palette.far, 0.5)
    surf_edge = (shore - depth * (0.075 + 0.05 * canvas.curve(dice, 2.0, 4, 0.5))).astype(np.float32)
    shallow = mix(palette.far, palette.light, 0.45)
    lift = canvas.y - canvas.to_grid(surf_edge)
    canvas.cover(shallow, canvas.soft(0.6 * smoothstep(-0.2 * depth, 0.02, lift)))
    foam = mix(palette.light, (1.0, 1.0, 1.0), 0.55)
    canvas.cover(foam, canvas.below(surf_edge), 0.85)
    for step, colour in enumerate((shallow, foam, wet)):
        edge = surf_edge + depth * (
            0.018 + 0.05 * step + 0.022 * canvas.curve(sketch.layout(f"foam {step}"), 4, 4, 0.6)
        )
        grain = canvas.noise(dice, 3, 9, 3)
        body = canvas.flat(colour)
        if colour is wet:
            dry = smoothstep(0.02, 0.3 * depth, canvas.y - canvas.to_grid(edge) + 0.02 * grain)
            body = lerp(
                lerp(body, sand, dry),
                adjust(sand, lightness=-0.14),
                0.4 * smoothstep(0.55, 1.0, lift / depth / 0.5) + 0.05 * grain,
            )
        canvas.cover(body, canvas.below(edge.astype(np.float32)), 1.0 if colour is not shallow else 0.75)

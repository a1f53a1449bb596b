"""A steaming bowl, or a cup, on a table by lamplight."""

from __future__ import annotations

import numpy as np

from local.painter.canvas import Outline, ellipse, lerp, smoothstep, stroke
from local.painter.colour import Colour, adjust, colour_from_hex, mix, ramp
from local.painter.scenes.bokeh import paint_bokeh
from local.painter.sketch import Sketch


def paint(sketch: Sketch) -> None:
    """Blurred lights, a table that catches them, the bowl, what is in it, and its steam."""
    canvas, dice = sketch.canvas, sketch.layout("table")
    cup = sketch.says("coffee tea cup mug cocoa espresso latte")
    edge = canvas.rise * 0.5 + 0.06
    x = canvas.span / 2 + float(dice.uniform(-0.08, 0.08)) * canvas.span
    size = float(dice.uniform(0.31, 0.35)) * (0.72 if cup else 1.0)
    rim = edge + 0.045 + 0.05 * (canvas.rise - 1)
    paint_bokeh(sketch, edge + 0.05)
    _paint_board(sketch, edge, x)
    _paint_vessel(sketch, x, rim, size, deep=1.0 if cup else 0.72, cup=cup)
    _fill_vessel(sketch, x, rim, size, cup)
    _raise_steam(sketch, x, rim, size)


def _paint_board(sketch: Sketch, edge: float, x: float) -> None:
    canvas, palette = sketch.canvas, sketch.palette
    away = np.clip((canvas.y - edge) / (canvas.rise - edge), 0, 1)
    wood = mix(palette.zenith, palette.sky, 0.45)
    board = ramp([mix(wood, palette.horizon, 0.6), wood, mix(wood, palette.near, 0.75)], away**0.75)
    grain = canvas.noise(sketch.layout("grain"), 1.2, 36, 4 if sketch.rich else 3)
    board = lerp(board, palette.near, np.clip(0.3 * grain, 0, 0.3) * (0.3 + 0.7 * away))
    pool = np.exp(-(((canvas.x - x) / 0.62) ** 2) - ((canvas.y - edge - 0.12) / 0.2) ** 2)
    board = lerp(board, palette.light, 0.3 * pool)
    canvas.cover(board, canvas.soft(smoothstep(edge - 0.012, edge + 0.012, canvas.y) + 0 * canvas.x))


def _paint_vessel(sketch: Sketch, x: float, rim: float, size: float, deep: float, cup: bool) -> None:
    canvas, palette = sketch.canvas, sketch.palette
    glaze = mix(palette.second, palette.accent, 0.12) if cup else mix(palette.accent, palette.near, 0.28)
    foot = rim + size * deep
    shadow = np.exp(
        -(
            (((canvas.x - x - 0.06) / (1.15 * size)) ** 2 + ((canvas.y - foot + 0.01) / (0.2 * size)) ** 2)
            ** 1.2
        )
    )
    canvas.cover(mix(palette.near, (0, 0, 0), 0.5), canvas.soft(0.75 * shadow))
    narrow = 0.7 if cup else 0.42
    turn = np.linspace(0, 1, 60)
    half = size * (1 - 0.3 * turn**3 if cup else narrow + (1 - narrow) * np.cos(turn * np.pi / 2) ** 0.55)
    wall = rim + size * deep * turn
    outline = np.concatenate([np.stack([x - half, wall], -1), np.stack([x + half, wall], -1)[::-1]])
    base = ellipse(x, foot, size * narrow, size * narrow * 0.2)
    across = (canvas.x - x) / size
    lit = 0.5 - 0.42 * across + 0 * canvas.y - 0.28 * (canvas.y - rim) / (size * deep)
    body = ramp([mix(glaze, palette.near, 0.85), glaze, mix(glaze, palette.light, 0.55)], lit)
    gleam = np.exp(-(((across + 0.55 - 0.2 * (canvas.y - rim) / size) / 0.085) ** 2)) * smoothstep(
        0.75, 0.1, (canvas.y - rim) / size + 0 * across
    )
    bounce = np.exp(-(((across - 0.82) / 0.12) ** 2))
    body = lerp(lerp(body, palette.light, 0.5 * gleam), palette.horizon, 0.25 * bounce)
    parts = [outline, base]
    if cup:
        ring = ellipse(x + size * 1.05, rim + size * 0.46, size * 0.36, size * 0.3)
        canvas.cover(body, canvas.shapes([stroke(ring, size * 0.13)]))
    canvas.cover(body, canvas.shapes(parts))
    if not cup:
        bands = [
            _arc(x, rim + size * (0.17 + 0.05 * row), size * (0.985 - 0.03 * row), 0.05 * size, 0.013)
            for row in range(2)
        ]
        canvas.cover(mix(palette.second, palette.light, 0.4), canvas.shapes(bands), 0.75)
    canvas.cover(mix(glaze, palette.light, 0.6), canvas.shapes([ellipse(x, rim, size, size * 0.25)]))
    inside = ramp(
        [mix(glaze, palette.near, 0.7), mix(glaze, palette.horizon, 0.4)], 0.5 + 0.5 * across + 0 * canvas.y
    )
    canvas.cover(inside, canvas.shapes([ellipse(x, rim + 0.004, size * 0.96, size * 0.225)]))


def _fill_vessel(sketch: Sketch, x: float, rim: float, size: float, cup: bool) -> None:
    canvas, palette, dice = sketch.canvas, sketch.palette, sketch.layout("meal")
    level = rim + 0.045 * size
    broth = mix(colour_from_hex("4a2410" if cup else "b8691f"), palette.accent, 0.25)
    across = (canvas.x - x) / size
    liquid = ramp(
        [mix(broth, palette.near, 0.45), broth, mix(broth, palette.light, 0.5)],
        0.5 - 0.5 * across + 0 * canvas.y,
    )
    canvas.cover(liquid, canvas.shapes([ellipse(x, level, size * 0.9, size * 0.19)]))
    if cup:
        swirl = [
            _arc(x, level - size * 0.04, size * (0.55 - 0.16 * ring), size * (0.1 - 0.03 * ring), 0.008)
            for ring in range(3)
        ]
        canvas.cover(mix(palette.light, broth, 0.25), canvas.shapes(swirl), 0.6)
        return
    noodles: list[Outline] = []
    for strand in range(34 if sketch.rich else 22):
        bend = np.linspace(0, 1, 40)
        start, length = dice.uniform(-0.62, 0.1), dice.uniform(0.35, 0.8)
        wave = 0.05 * np.sin(bend * dice.uniform(3, 7) + dice.uniform(0, 6)) + dice.uniform(-0.085, 0.1)
        across_strand = np.clip(start + length * bend, -0.78, 0.78)
        wave = np.clip(wave, -0.16, 0.16) * np.sqrt(1 - across_strand**2)
        noodles.append(
            stroke(np.stack([x + size * across_strand, level + size * wave], -1), 0.019 * size, 0.3)
        )
        if strand % 2:
            tone = mix(colour_from_hex("f3d58a"), palette.light, float(dice.uniform(0.1, 0.5)))
            canvas.cover(
                mix(tone, broth, 0.5), canvas.shapes([line - (0, -0.008 * size) for line in noodles]), 0.8
            )
            canvas.cover(tone, canvas.shapes(noodles))
            noodles = []
    _add_toppings(sketch, x, level, size)
    for offset in (0.0, 0.075):
        stick = np.linspace(
            (x - 0.25 * size, level - 0.34 * size + offset * size),
            (x + 1.32 * size, level - 0.03 * size + offset * size * 0.2),
            20,
        )
        canvas.cover(palette.near, canvas.shapes([stroke(stick - (0, -0.025 * size), 0.034 * size)]), 0.4)
        canvas.cover(
            mix(colour_from_hex("6b3420"), palette.light, 0.15 + offset),
            canvas.shapes([stroke(stick, 0.034 * size)]),
        )


def _add_toppings(sketch: Sketch, x: float, level: float, size: float) -> None:
    canvas, palette, dice = sketch.canvas, sketch.palette, sketch.layout("toppings")
    side = float(dice.choice([-1, 1]))

    def disc(across: float, down: float, wide: float, colour: Colour) -> None:
        canvas.cover(
            colour,
            canvas.shapes([ellipse(x + across * size, level + down * size, wide * size, 0.56 * wide * size)]),
        )

    for across in (0.3 * side, 0.52 * side):
        disc(across, 0.025, 0.175, adjust(palette.near, lightness=0.06))
        disc(across, 0.0, 0.17, mix(colour_from_hex("fff3dc"), palette.light, 0.3))
        disc(across - 0.01, -0.004, 0.1, colour_from_hex("f08a1c"))
        disc(across - 0.025, -0.016, 0.045, colour_from_hex("ffc45e"))
    greens = mix(colour_from_hex("6fa644"), palette.light, 0.15)
    for _ in range(16 if sketch.rich else 9):
        spot = (-side * float(dice.uniform(0.0, 0.55)), float(dice.uniform(-0.09, 0.09)))
        disc(*spot, 0.034, greens)
        disc(*spot, 0.016, mix(greens, palette.near, 0.5))


def _raise_steam(sketch: Sketch, x: float, rim: float, size: float) -> None:
    canvas, dice = sketch.canvas, sketch.detail("steam")
    up = np.clip((rim + 0.06 * size - canvas.y) / (0.5 + 0.25 * min(canvas.rise, 1.5)), 0, None)
    total = np.zeros((canvas.grid_height, canvas.grid_width), np.float32)
    for _ in range(6 if sketch.rich else 4):
        sway = 0.09 * up * np.sin(up * dice.uniform(5, 10) + dice.uniform(0, 6))
        centre = x + size * dice.uniform(-0.55, 0.55) + sway
        width = 0.016 + 0.09 * up
        shape = np.exp(-(((canvas.x - centre) / width) ** 2)) * smoothstep(0, 0.12, up) * np.exp(-1.9 * up)
        total += shape * dice.uniform(0.3, 0.6)
    curl = 0.65 + 0.5 * canvas.noise(dice, 3.5, 2.2, 3)
    canvas.cover(mix(sketch.palette.light, (1, 1, 1), 0.4), canvas.soft(0.95 * total * curl))


def _arc(x: float, y: float, wide: float, high: float, thickness: float) -> Outline:
    return stroke(ellipse(x, y, wide, high, 0.02, 0.48), thickness * 0.6, 0.7)

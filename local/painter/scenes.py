"""Four scenes: mountains by a lake, the sea, a city by the water, and waves of colour; and noise.

The seed alone decides where things are, so that a seed keeps its composition when the words change.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from local.painter.canvas import Canvas, ellipses, rectangle, smoothstep
from local.painter.palette import BLACK, WHITE, Field, Palette, blend, choose_palette, ramp, read_words


def draw_scene(canvas: Canvas, rich: bool = False) -> Palette:
    """Draw what the prompt asks for, else what the seed chooses. Returns its colours."""
    palette, said = choose_palette(canvas.prompt), set(read_words(canvas.prompt))
    if "noise" in said:
        canvas.image.frombytes(canvas.dice("noise").bytes(canvas.image.width * canvas.image.height * 3))
        return palette
    asked = [scene for words, scene in _SCENES.items() if said.intersection(read_words(words))]
    scene = (asked or [*_SCENES.values()])[0 if asked else canvas.dice("scene").integers(len(_SCENES))]
    scene(canvas, palette, rich)
    return palette


def draw_mountains(canvas: Canvas, palette: Palette, rich: bool) -> None:
    """A snowy range, ridges with mist between them, and a lake that mirrors them."""
    dice = canvas.dice("mountains")
    shore = canvas.rise * dice.uniform(0.6, 0.68)
    high, haze = 0.5 * min(1.0, shore), blend(palette.horizon, palette.sky, 0.25)
    _draw_sky(canvas, palette, rich, shore, 0.55)
    for depth in np.linspace(0, 1, 6 if rich else 4):
        jagged, smooth = np.abs(canvas.curve(dice, 1.1, 7)) ** 0.8, canvas.curve(dice, 1.3 + depth)
        rough = 0.55 + smooth if depth else 2.5 - 3 * jagged
        edge = shore - 0.28 * high * (1 - depth) - (0.3 - 0.17 * depth) * high * rough
        under, colour = canvas.below_on_grid(edge), blend(palette.far, palette.near, 0.8 * depth**1.2)
        body = blend(colour, haze, (0.8 * (1 - depth) + 0.1) * smoothstep(0, 0.22, under))
        if not depth:
            # Snow is bright where the ribs of the range turn to the light.
            ribs = np.abs(canvas.noise(dice, (3.2, 1.9)))
            facing = np.tanh(0.075 * (np.roll(ribs, -2, axis=1) - ribs) * canvas.grid[0] / canvas.span)
            snow = smoothstep(0.2, -0.05, under / high - 0.25 + 0.6 * ribs)
            body = blend(body, blend(palette.light, WHITE, 0.5), snow * (0.6 + 0.4 * facing))
        canvas.below(edge, body)
    _mirror_in_water(canvas, palette, shore, 0.012)


def draw_sea(canvas: Canvas, palette: Palette, rich: bool) -> None:
    """Open water below a low sun, with a path of glints and a sailing boat."""
    dice = canvas.dice("sea")
    horizon = canvas.rise * dice.uniform(0.46, 0.56)
    sun_x = _draw_sky(canvas, palette, rich, horizon, 0.24)
    away = np.clip((canvas.y - horizon) / (canvas.rise - horizon), 0, 1)
    swell, bend = 0.5 * canvas.noise(dice, (3, 22), 3), 2.4 * canvas.noise(dice, (1.6, 3), 3)
    for _ in range(4):
        pitch = dice.uniform(2.2, 6.4) / (np.clip(canvas.y - horizon, 0, None) + 0.035)
        swell += 0.36 * np.sin(pitch + canvas.x * dice.uniform(-3, 3) + bend + dice.uniform(0, 6))
    crest = np.clip(swell, -1, 1) * (0.25 + 0.75 * away)
    shades = [blend(palette.horizon, palette.sky, 0.35), palette.far, blend(palette.near, palette.far, 0.35)]
    water = blend(blend(ramp(shades, away**0.7), palette.horizon, 0.42 * crest), palette.near, -0.5 * crest)
    path = np.exp(-(((canvas.x - sun_x) / (0.05 + 0.3 * away)) ** 2)) * (0.62 - 0.34 * away)
    canvas.below(canvas.columns * 0 + horizon, blend(water, palette.light, path * (0.8 + 0.5 * crest)))
    distance = dice.random(520 if rich else 260) ** 1.7
    across = sun_x + dice.normal(0, 1, distance.size) * (0.022 + 0.13 * distance)
    down = horizon + 0.004 + distance * (canvas.rise - horizon) * 0.92
    wide = (0.004 + 0.034 * distance) * dice.uniform(0.4, 1.3, distance.size)
    glints = np.stack([across, down, wide, 0.0009 + 0.055 * wide], axis=-1)
    canvas.shapes(ellipses(glints), blend(palette.light, WHITE, 0.3), 0.72)
    if "boat" not in canvas.avoided:
        _draw_boat(canvas, palette, horizon)


def draw_city(canvas: Canvas, palette: Palette, rich: bool) -> None:
    """Ranks of towers with lit windows against the sky, tallest in the centre, mirrored in the harbour."""
    dice = canvas.dice("city")
    quay, centre = canvas.rise * dice.uniform(0.68, 0.76), canvas.span * dice.uniform(0.35, 0.65)
    _draw_sky(canvas, palette, rich, quay, 0.5)
    for depth in np.linspace(0, 1, 4 if rich else 3):
        tallest, left, towers = min(quay * 0.72, 0.9) * (1 - 0.42 * depth), -dice.uniform(0, 0.05), []
        while left < canvas.span:
            right = left + dice.uniform(0.035, 0.085) * (0.8 + 0.5 * depth)
            near = np.exp(-(((left - centre) / (0.24 + 0.12 * canvas.span)) ** 2))
            top = quay - tallest * (0.16 + 0.74 * near * dice.uniform(0.45, 1.1) + dice.uniform(0, 0.12))
            towers.append(rectangle(left, top, right, quay + 0.005))
            left = right + dice.choice([0.0, 0.002, 0.012])
        colour = blend(blend(palette.far, palette.horizon, 0.35), palette.near, depth**0.8)
        haze = smoothstep(quay - 0.42, quay + 0.02, canvas.y) * (0.75 - 0.6 * depth)
        canvas.shapes(towers, blend(colour, palette.horizon, haze))
        if depth > 0.3:
            _light_windows(canvas, palette, towers, depth)
    _mirror_in_water(canvas, palette, quay, 0.05)


def draw_waves(canvas: Canvas, palette: Palette, rich: bool) -> None:
    """Overlapping waves of colour with light on their edges."""
    dice = canvas.dice("waves")
    colours = [palette.near, palette.zenith, palette.sky, palette.accent, palette.horizon, palette.light]
    colours = colours[:: dice.choice([-1, 1])]
    canvas.glow(ramp(colours[:3], canvas.y * 0.6), canvas.y + 1)
    shared, slope = canvas.curve(dice, 0.62, 2), dice.uniform(-0.5, 0.5)
    for share in np.linspace(0, 1, 10 if rich else 7):
        bend = 0.3 * shared * (1.1 - 0.5 * share) + 0.1 * canvas.curve(dice, 0.85, 2)
        edge = canvas.rise * (0.12 + 0.8 * share) + slope * (canvas.columns / canvas.span - 0.5) + bend
        depth = canvas.below_on_grid(edge)
        canvas.glow(blend(palette.near, BLACK, 0.3), 0.42 * np.exp(np.minimum(depth, 0.02) / 0.035))
        lit = 0.42 * np.exp(-np.abs(depth) / 0.03) + 0.16 * np.exp(-np.abs(depth) / 0.12)
        body = blend(ramp(colours, share + 0.16 * canvas.x / canvas.span + 0.3 * depth), palette.light, lit)
        canvas.below(edge, blend(body, palette.near, 0.57 * depth))


_SCENES: Final[dict[str, Callable[[Canvas, Palette, bool], None]]] = {
    "city skyline town street building skyscraper downtown tower bridge cyberpunk": draw_city,
    "sea ocean beach shore coast wave harbor harbour sail sailing boat ship island lighthouse": draw_sea,
    "mountain alps peak hill valley lake forest tree field garden river fox deer": draw_mountains,
    "abstract silk ribbon wallpaper gradient texture pattern portrait logo": draw_waves,
}


def _draw_sky(canvas: Canvas, palette: Palette, rich: bool, horizon: float, sun_height: float) -> float:
    """Gradient, stars, clouds and a sun or moon. Returns how far to the right that is."""
    dice = canvas.dice("sky")
    sun_x = float(canvas.span * (dice.choice([0.32, 0.38, 0.62, 0.68]) + dice.uniform(-0.04, 0.04)))
    sun_y, radius = horizon * (1 - sun_height * dice.uniform(0.75, 1.25)), dice.uniform(0.045, 0.075)
    near = np.hypot((canvas.x - sun_x) / 1.25, canvas.y - sun_y)
    lit = 0.62 * np.exp(-((near / 0.36) ** 1.3)) + 0.3 * np.exp(-((near / 0.12) ** 1.5))
    sky = ramp([palette.zenith, palette.zenith, palette.sky, palette.horizon], 0.1 + 0.9 * canvas.y / horizon)
    canvas.glow(blend(sky, blend(palette.horizon, palette.light, 0.75), lit), canvas.y + 1)
    if palette.zenith.mean() < 0.3 and "star" not in canvas.avoided:
        places = dice.random((int(200 * canvas.span * horizon), 3)) * (canvas.span, horizon * 0.9, 0.0022)
        canvas.shapes(ellipses(places[:, [0, 1, 2, 2]]), blend(palette.light, WHITE, 0.7), 0.8)
    shades = [blend(palette.sky, palette.far, 0.35), palette.horizon, palette.light]
    for layer in range(0 if "cloud" in canvas.avoided else 3 if rich else 2):
        # The clouds alone depend on every word of the prompt.
        drift = canvas.dice(f"clouds {layer}", canvas.prompt)
        bulk = canvas.noise(drift, (1.1 + 0.9 * layer, 4.6 + 3.8 * layer), 5)
        band = np.exp(-(((canvas.y / horizon - drift.uniform(0.3, 0.75)) / 0.3) ** 2))
        rim = np.roll(bulk, canvas.grid[1] // 90 + 1, axis=0) - bulk
        cover = 0.62 * smoothstep(0.02, 0.75, bulk + 0.25 * band - 0.12) * band
        canvas.glow(ramp(shades, 0.45 + 1.6 * rim + 0.8 * lit), cover)
    canvas.glow(palette.light, 0.55 * np.exp(-((near / (1.9 * radius)) ** 2)))
    canvas.shapes(ellipses([(sun_x, sun_y, radius, radius)]), blend(palette.light, WHITE, 0.45))
    return sun_x


def _mirror_in_water(canvas: Canvas, palette: Palette, shore: float, roughness: float) -> None:
    """What is above the shore, mirrored and bent, darker towards the viewer."""
    dice = canvas.dice("water")
    away, water = np.clip((canvas.y - shore) / (canvas.rise - shore), 0, 1), canvas.y >= shore
    canvas.mirror(shore, roughness * canvas.noise(dice, (3, 38), 3) * (0.15 + away))
    canvas.glow(blend(palette.near, palette.zenith, 0.5), water * (0.16 + 0.5 * away))
    streaks = 0.3 * smoothstep(0.3, 0.9, canvas.noise(dice, (1, 20), 2)) * (1 - away)
    canvas.glow(palette.horizon, water * (0.5 * smoothstep(0.035, 0, away) + streaks))


def _draw_boat(canvas: Canvas, palette: Palette, horizon: float) -> None:
    dice = canvas.dice("boat")
    size, left = dice.uniform(0.055, 0.085), canvas.span * dice.choice([0.2, 0.27, 0.74, 0.8])
    sail, hull = blend(palette.light, WHITE, 0.35), blend(palette.near, BLACK, 0.25)
    for paint, corners in [
        (sail, [(-0.04, 2.0), (-0.04, 0.26), (-0.66, 0.26), (-0.42, 1.0)]),
        (blend(sail, palette.accent, 0.4), [(0.02, 1.75), (0.05, 0.3), (0.72, 0.28), (0.32, 0.9)]),
        (hull, [(-0.02, 0.2), (0.01, 0.2), (0.0, 2.04), (-0.02, 2.04)]),
        (hull, [(-0.78, 0.2), (0.86, 0.24), (0.55, -0.04), (-0.6, -0.04)]),
    ]:
        canvas.shapes([np.array(corners) * (size, -size) + (left, horizon + 0.45 * size)], paint)


def _light_windows(canvas: Canvas, palette: Palette, towers: list[Field], depth: float) -> None:
    dice, panes, share = canvas.dice(f"windows {depth:.2f}"), [], 0.45 if palette.sky.mean() < 0.55 else 0.18
    pitch = np.array([0.0085 + 0.003 * depth, 0.0125 + 0.004 * depth])
    for tower in towers:
        corner, room = tower[0] + (0.005, 0.01), tower[2] - tower[0] - (0.008, 0.02)
        lit = dice.random(np.maximum(room / pitch, 0).astype(int)) < share * dice.uniform(0.3, 1.5)
        panes += [rectangle(*place, *(place + 0.5 * pitch)) for place in corner + np.argwhere(lit) * pitch]
    for number, paint in enumerate((blend(palette.light, palette.accent, 0.3), palette.accent)):
        canvas.shapes(panes[number::2], paint, 0.4 + 0.5 * depth)

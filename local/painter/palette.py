"""Finds the colours of a picture in the words of its prompt."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from local.painter.colour import Colour, adjust, colour_from_hex, from_polar, mix, to_polar
from local.painter.dice import roll


@dataclass(frozen=True, slots=True)
class Palette:
    """Eight colours by the part they play, from the top of the sky to the smallest detail."""

    zenith: Colour
    sky: Colour
    horizon: Colour
    light: Colour
    far: Colour
    near: Colour
    accent: Colour
    second: Colour


# "A red poppy field" speaks of one colour, "blue and navy" of two.
_SAME_COLOUR = 0.16
_SKY = ("zenith", "sky", "horizon", "light")
_LAND = ("far", "near", "accent", "second")
_SLOTS = tuple(field.name for field in fields(Palette))


def _palette(text: str) -> Palette:
    return Palette(*(colour_from_hex(digits) for digits in text.split()))


# What a mood says about the light, in the order of Palette's fields.
_LIGHTS = {
    "day": _palette("3f86c6 86bfe0 e6f1ea fff8df 7fa6b4 1f4249 e9a648 f3ead2"),
    "dawn": _palette("5b7fb0 b9b3cf f7cdbb fff0cf 9d93b3 39395c f29b85 ffd9a8"),
    "sunset": _palette("33305f a0507f f58a62 ffdf9a 8c4a72 1f1838 ff7a4f ffc46b"),
    "golden": _palette("6b86a0 e0b878 f8d894 fff3c8 b98a52 3b2a1c f0a830 ffe0a0"),
    "night": _palette("0b1230 1d2f5c 4a6596 f3efd8 2a3d68 070b1c ffce73 9fc3ff"),
    "neon": _palette("120a33 3b1470 c22a8f ff9ae2 42208a 0a0620 19e3e6 ff3fa8"),
    "storm": _palette("2d3a48 5d6f7f aab6b8 e9ecdf 5f717c 1a2329 d9b45f c3ced0"),
    "tungsten": _palette("1d1310 57321d b87638 ffd591 6b4022 140c09 ff9f3c ffe1ad"),
    "aurora": _palette("081528 123f56 2f9a86 c8ffd8 1f4a63 050d18 6effb0 a98bff"),
    "mist": _palette("7f97a3 b4c4c8 e3e8e2 fbfaf0 a3b5b8 33474d d98f6a eadfca"),
    "pastel": _palette("9db8e0 d3c3e6 fbd9d4 fff4e0 b6b0d8 55517f f5a9a3 bfe3d0"),
}
# What a mood says about the matter in the picture.
_MATTERS = {
    "ocean": _palette("2f7fc0 7fc4de e2f3ec fff6dc 3f94b5 0b3b5c f4b860 bfe8e4"),
    "forest": _palette("5f9a94 a9ccb4 e9efc9 fffbd8 6a9c7c 12342b e3b04b c9dd9a"),
    "snow": _palette("5d86b5 a9c8e2 eaf2f6 fffaf0 a9c1d9 33506f e88f7a ffffff"),
    "desert": _palette("5f8fae c9c3a8 f6d9a8 fff1cc d99a5b 7a3b22 e2703a f7c98b"),
    "rose": _palette("8c6fa8 dba4bd fbd0cb fff1e6 c47f9d 4f2145 e8537a ffc2c7"),
    "autumn": _palette("6f8fa3 d3b38a f7d39a fff0cb b8693a 3d1d17 e2682a f2b544"),
    "spring": _palette("6fb0d8 b4dcd8 f0f3d8 fffbe6 8dbf86 27523c f28fb0 f7e08a"),
    "lavender": _palette("6a66a8 ab9bd0 ecd3e2 fff3e4 8b7bb8 352a5c b58be8 f6c7a8"),
    "tropical": _palette("1f8fc4 62cbd6 dff5dc fff7cf 2aa89a 0c4a4a ff8a5c ffd95e"),
    "cosmos": _palette("070818 1b1a4a 5a3a8c ffe9cf 2c2a66 04040f ff8f6b 7fd0ff"),
    "ember": _palette("1c0f18 5f1f2a d2552f ffd08a 6b2430 12080d ff6a2a ffb347"),
    "cream": _palette("b9a58f dcc9b0 f3e6d2 fffaf0 c79f80 5a3d30 c8694a 7f9a86"),
    "ink": _palette("3c4650 8e979c dfe0da fbf8ee 808a8f 15191d c23b2e cfc8b6"),
}

_LIGHT_WORDS = {
    "day": "day daylight noon sunny summer clear",
    "dawn": "dawn sunrise morning",
    "sunset": "sunset dusk evening twilight",
    "golden": "sunlight sunlit harvest",
    "night": "night midnight moon moonlight moonlit dark starry stars",
    "neon": "neon cyberpunk synthwave vaporwave futuristic",
    "storm": "storm stormy rain rainy thunder cloudy gloomy",
    "tungsten": "tungsten warm candle candlelight lamp lantern cozy cosy cinematic",
    "aurora": "aurora northern",
    "mist": "mist misty fog foggy haze hazy calm quiet",
    "pastel": "pastel soft dreamy gentle",
}
_MATTER_WORDS = {
    "ocean": "ocean sea lake river water wave island harbor harbour sail boat",
    "forest": "forest wood woods tree pine jungle moss leaf garden grass meadow field",
    "snow": "snow snowy winter ice icy glacier arctic frost frozen",
    "desert": "desert dune sand sahara canyon savanna",
    "rose": "blossom sakura cherry romantic valentine",
    "autumn": "autumn fall october maple pumpkin",
    "spring": "spring april flower floral bloom blooming tulip daisy",
    "lavender": "wisteria iris",
    "tropical": "beach tropical palm lagoon paradise hawaii",
    "cosmos": "space cosmos galaxy planet nebula universe astronaut",
    "ember": "fire ember flame volcano lava dragon",
    "cream": "coffee tea bread kitchen pottery ceramic wooden",
    "ink": "monochrome ink noir charcoal minimal",
}
_COLOUR_WORDS = {
    "red": "d6282f", "crimson": "b8142f", "scarlet": "e2321f", "poppy": "e0362c", "ruby": "b3123f",
    "orange": "f28a24", "amber": "f5a623", "copper": "b86b3c", "bronze": "a8743a", "rust": "a8482a",
    "yellow": "f5d033", "lemon": "f7e34a", "sunflower": "f4bd22", "gold": "e0aa3a", "golden": "e0aa3a",
    "green": "3f9a4f", "emerald": "16936a", "olive": "7d8638", "lime": "9ad236", "mint": "8fdcb8",
    "sage": "93a98a", "teal": "178a8a", "turquoise": "2fbfb5", "cyan": "27c4dd", "aqua": "4fd0cf",
    "blue": "2b6fd0", "navy": "1a2f66", "azure": "3f97ea", "cobalt": "1f4fb8", "sapphire": "1d4fb0",
    "indigo": "40369a", "violet": "7a3fc0", "purple": "7c3aa8", "lavender": "a593dc", "lilac": "c0a0dc",
    "magenta": "cf2d95", "pink": "f08db0", "rose": "e2607f", "coral": "f8775f", "salmon": "f59a83",
    "peach": "fabd92", "burgundy": "741d38", "wine": "6f1f3a", "brown": "80543a", "chocolate": "5c3826",
    "beige": "dcc9a9", "cream": "f3e7cd", "ivory": "f5f0df", "silver": "b4bcc4", "grey": "8a8f94",
    "gray": "8a8f94", "white": "f4f4f1", "black": "1c1c20",
}  # fmt: skip


def read_words(prompt: str) -> tuple[str, ...]:
    """The prompt's words in order, lower case, each followed by its likely singular."""
    words: list[str] = []
    for word in re.findall(r"[^\W\d_]+", prompt.lower().replace("depth of field", "")):
        words.append(word)
        words += [
            word.removesuffix(plural) + singular
            for plural, singular in (("s", ""), ("es", ""), ("ies", "y"), ("ves", "f"))
            if len(word) > 3 and word.endswith(plural)
        ]
    return tuple(words)


def choose_palette(prompt: str) -> Palette:
    """Colours for a prompt: its moods first, then its colour words; without either, the text picks."""
    words = read_words(prompt)
    light = _first_match(words, _LIGHT_WORDS)
    matter = _first_match(words, _MATTER_WORDS)
    colours = _find_colours(words)
    dice = roll("palette", " ".join(prompt.split()).lower())
    palette = _blend_moods(light, matter) or _pick_palette(dice.random(), plain=bool(colours))
    if colours:
        palette = _tint(palette, colours[:3], 0.55 if matter and len(colours) == 1 else 1.0)
    return _turn(palette, float(dice.uniform(-7, 7)))


def _find_colours(words: Sequence[str]) -> list[Colour]:
    colours: list[Colour] = []
    for word in words:
        colour = colour_from_hex(_COLOUR_WORDS[word]) if word in _COLOUR_WORDS else None
        if colour and all(math.dist(colour, other) > _SAME_COLOUR for other in colours):
            colours.append(colour)
    return colours


def _first_match(words: Sequence[str], vocabulary: dict[str, str]) -> str | None:
    names = {word: name for name, known in vocabulary.items() for word in known.split()}
    return next((names[word] for word in words if word in names), None)


def _blend_moods(light: str | None, matter: str | None) -> Palette | None:
    if light and matter:
        lit, solid = _LIGHTS[light], _MATTERS[matter]
        land = {slot: mix(getattr(solid, slot), getattr(lit, slot), 0.45) for slot in _LAND}
        sky = {slot: mix(getattr(lit, slot), getattr(solid, slot), 0.12) for slot in _SKY}
        return Palette(**sky, **land)
    if light:
        return _LIGHTS[light]
    return _MATTERS[matter] if matter else None


def _pick_palette(share: float, plain: bool) -> Palette:
    if plain:
        return _LIGHTS["day"]
    choices = [*_LIGHTS.values(), *_MATTERS.values()]
    return choices[int(share * len(choices))]


def _tint(palette: Palette, colours: Sequence[Colour], sky_share: float) -> Palette:
    sky, horizon, land = (*colours, *colours, *colours)[:3]
    accent = colours[-1]
    if len(colours) == 2:
        # The darker of two colours carries the land, the lighter one the light.
        land, horizon = sorted(colours, key=lambda colour: to_polar(colour)[0])
        accent = horizon
    horizon_drift = 14.0 if len(colours) == 1 else 0.0
    governing = {
        "zenith": (sky, -horizon_drift, 0.9 * sky_share),
        "sky": (sky, 0.0, 0.9 * sky_share),
        "horizon": (horizon, horizon_drift, 0.85 * sky_share),
        "light": (horizon, horizon_drift, 0.5 * sky_share),
        "far": (land, -horizon_drift / 2, 0.9),
        "near": (land, -horizon_drift, 0.9),
        "accent": (accent, 0.0, 1.0),
        "second": (horizon, horizon_drift, 0.8),
    }
    return Palette(**{slot: _lean(getattr(palette, slot), *governing[slot]) for slot in _SLOTS})


def _lean(colour: Colour, target: Colour, hue_drift: float, share: float) -> Colour:
    """Gives a slot the target's hue while it keeps most of its own lightness, so that light stays light."""
    level, _, _ = to_polar(colour)
    target_level, chroma, hue = to_polar(adjust(target, hue_degrees=hue_drift))
    # Very light and very dark colours cannot be as vivid as those between.
    vividness = min(1.0, 0.5 + 2.6 * min(level, 1.0 - level))
    aimed = from_polar(level + 0.5 * (target_level - level), chroma * vividness, hue)
    return mix(colour, aimed, share)


def _turn(palette: Palette, hue_degrees: float) -> Palette:
    turned = {slot: adjust(getattr(palette, slot), hue_degrees=hue_degrees) for slot in _SLOTS}
    return replace(palette, **turned)

"""The colours of an image, from the words of its prompt; a colour is an sRGB triple of 0 to 1."""

import colorsys
import hashlib
import re
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Field: TypeAlias = npt.NDArray[np.floating[Any]]
WHITE, BLACK = np.ones(3), np.zeros(3)


class Palette(NamedTuple):
    """Colours by the part they play, from the top of the sky to the smallest detail."""

    zenith: Field
    sky: Field
    horizon: Field
    light: Field
    far: Field
    near: Field
    accent: Field


# The words that ask for a mood, and its colours in the order of Palette.
_MOODS: Final = {
    "day noon sunny summer clear": "3f86c6 86bfe0 e6f1ea fff8df 7fa6b4 1f4249 e9a648",
    "dawn sunrise morning": "5b7fb0 b9b3cf f7cdbb fff0cf 9d93b3 39395c f29b85",
    "sunset dusk evening twilight": "33305f a0507f f58a62 ffdf9a 8c4a72 1f1838 ff7a4f",
    "golden sunlight warm candle tungsten": "6b86a0 e0b878 f8d894 fff3c8 b98a52 3b2a1c f0a830",
    "night midnight moon dark star space galaxy": "0b1230 1d2f5c 4a6596 f3efd8 2a3d68 070b1c ffce73",
    "neon cyberpunk synthwave futuristic": "120a33 3b1470 c22a8f ff9ae2 42208a 0a0620 19e3e6",
    "storm rain thunder cloudy gloomy": "2d3a48 5d6f7f aab6b8 e9ecdf 5f717c 1a2329 d9b45f",
    "mist fog haze calm snow snowy winter ice": "5d86b5 a9c8e2 eaf2f6 fffaf0 a9c1d9 33506f e88f7a",
    "forest tree jungle meadow garden field": "5f9a94 a9ccb4 e9efc9 fffbd8 6a9c7c 12342b e3b04b",
    "desert dune sand autumn maple fire": "5f8fae c9c3a8 f6d9a8 fff1cc d99a5b 7a3b22 e2703a",
    "blossom rose spring flower pastel soft": "8c8fc8 dbb4cd fbd9d0 fff4e8 c48fab 5a2b52 e8647f",
    "aurora northern emerald": "081528 123f56 2f9a86 c8ffd8 1f4a63 050d18 6effb0",
}
_COLOURS: Final = {
    "red": "d6322b", "orange": "f58220", "gold": "e6b422", "yellow": "f7d23e", "green": "3a9a4d",
    "teal": "178a8a", "turquoise": "2fbfb5", "blue": "2b6fd0", "navy": "1a2f66", "violet": "7a3fc0",
    "purple": "7c3aa8", "magenta": "cf2d95", "pink": "f08db0", "brown": "80543a", "grey": "8a8f94",
}  # fmt: skip


def roll(*names: object) -> np.random.Generator:
    """Random numbers that depend on the names alone: the same on every machine and in every run."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(repr(names).encode()).digest()))


def read_words(text: str) -> list[str]:
    """The words of a text in order, in lower case and without a plural's s."""
    return [word.removesuffix("s") for word in re.findall(r"[^\W\d_]+", text.lower())]


def choose_palette(prompt: str) -> Palette:
    """The mood of the first word that names one, else one by chance, tinted by the words for colours."""
    words = read_words(prompt)
    moods = {word: text for known, text in _MOODS.items() for word in read_words(known)}
    asked = [moods[word] for word in words if word in moods]
    chance = [*_MOODS.values()][int(roll("mood", *words).integers(len(_MOODS)))]
    palette = Palette(*map(_read_colour, (asked[0] if asked else chance).split()))
    tints = [_read_colour(_COLOURS[word]) for word in dict.fromkeys(words) if word in _COLOURS]
    slots = dict.fromkeys(("zenith", "sky", "far", "near"), tints[0]) if tints else {}
    if len(tints) > 1 or (tints and not asked):
        slots |= {"horizon": tints[len(tints) // 2], "accent": tints[-1]}
    return palette._replace(**{name: _tint(getattr(palette, name), tint) for name, tint in slots.items()})


def blend(first: Field, second: Field, share: Field | float) -> Field:
    """`first` moved towards `second` by a share of 0 to 1; colours, or fields of them on a grid."""
    weight = np.clip(np.asarray(share, np.float32), 0, 1)
    return first + (second - first) * (weight[..., None] if weight.ndim else weight)


def ramp(colours: list[Field], position: Field) -> Field:
    """Colours along an even gradient: `position` (0 to 1) of shape (h, w) gives (h, w, 3)."""
    stops = np.linspace(0, 1, len(colours))
    return np.stack([np.interp(position, stops, channel) for channel in np.array(colours).T], axis=-1)


def _read_colour(digits: str) -> Field:
    return np.array([int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)])


def _tint(colour: Field, tint: Field) -> Field:
    """The hue of the tint with most of the colour's lightness, so that light stays light."""
    _, light, vividness = colorsys.rgb_to_hls(*colour)
    hue, tint_light, tint_vividness = colorsys.rgb_to_hls(*tint)
    mixed = 0.65 * light + 0.35 * tint_light, 0.3 * vividness + 0.6 * tint_vividness
    return np.array(colorsys.hls_to_rgb(hue, *mixed))

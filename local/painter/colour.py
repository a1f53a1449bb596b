"""Colour arithmetic in OKLab, where equal steps look equal and mixtures stay clean.

Colours are sRGB triples in 0..1. Formulas: https://bottosson.github.io/posts/oklab/
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Colour: TypeAlias = tuple[float, float, float]
Field: TypeAlias = npt.NDArray[np.floating[Any]]

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_FROM_LMS = np.linalg.inv(_TO_LMS)
_FROM_LAB = np.linalg.inv(_TO_LAB)
_RAMP_STEPS = 1024


def colour_from_hex(text: str) -> Colour:
    """`"#d9657a"` or `"d9657a"` as a colour."""
    digits = text.removeprefix("#")
    red, green, blue = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
    return red, green, blue


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """The colour `share` of the way from `first` to `second`."""
    lab = (1 - share) * _to_oklab(first) + share * _to_oklab(second)
    return _to_colour(_from_oklab(lab))


def adjust(
    colour: Colour, *, lightness: float = 0.0, chroma: float = 1.0, hue_degrees: float = 0.0
) -> Colour:
    """The colour made lighter by `lightness` (-1..1), `chroma` times as vivid and turned in hue."""
    level, strength, angle = to_polar(colour)
    return from_polar(level + lightness, strength * chroma, angle + math.radians(hue_degrees))


def to_polar(colour: Colour) -> tuple[float, float, float]:
    """Lightness (0..1), chroma (0..about 0.3) and hue angle (radians)."""
    level, a, b = _to_oklab(colour)
    return float(level), math.hypot(a, b), math.atan2(b, a)


def from_polar(lightness: float, chroma: float, hue: float) -> Colour:
    """The inverse of `to_polar`; colours outside sRGB are clipped."""
    level = min(max(lightness, 0.0), 1.0)
    lab = np.array([level, chroma * math.cos(hue), chroma * math.sin(hue)])
    return _to_colour(_from_oklab(lab))


def ramp(colours: Sequence[Colour], position: Field) -> Field:
    """Colours along an evenly spaced gradient; `position` 0..1 of shape (h, w) gives (h, w, 3)."""
    stops = np.linspace(0, 1, len(colours))
    steps = np.linspace(0, 1, _RAMP_STEPS)
    lab = np.stack([np.interp(steps, stops, channel) for channel in _to_oklab(np.array(colours)).T], axis=-1)
    table = _from_oklab(lab).astype(np.float32)
    return table[(np.clip(position, 0, 1) * (_RAMP_STEPS - 1)).astype(np.int32)]


def _to_oklab(colour: Sequence[float] | npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    encoded = np.asarray(colour, dtype=np.float64)
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return np.asarray(np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T)


def _from_oklab(lab: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    linear = np.clip((lab @ _FROM_LAB.T) ** 3 @ _FROM_LMS.T, 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def _to_colour(values: npt.NDArray[np.float64]) -> Colour:
    red, green, blue = values.tolist()
    return red, green, blue

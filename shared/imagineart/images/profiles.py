"""Colour profiles for images that say otherwise than by a profile which colours their numbers mean.

Sources: PNG 3rd edition 4.3 and 11.3.2; H.273 tables 2 and 3; ICC.1:2001-04; BT.2100 for PQ and HLG.
"""

import math
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Final, TypeAlias

from imagineart.images.png import COLOUR_CHUNKS, Png

MAX_PROFILE_BYTES: Final = 4 * 1024 * 1024
"""A larger profile is ignored."""

Vector: TypeAlias = tuple[float, float, float]
Curve: TypeAlias = Callable[[float], float]
"""From the number of a sample to light, both from 0 to 1."""

_D65: Final = (0.3127, 0.3290)
_C: Final = (0.310, 0.316)
_SRGB_PRIMARIES: Final = (_D65, (0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
_PRIMARIES: Final[Mapping[int, Sequence[tuple[float, float]]]] = {
    4: (_C, (0.67, 0.33), (0.21, 0.71), (0.14, 0.08)),
    5: (_D65, (0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
    6: (_D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    7: (_D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    8: (_C, (0.681, 0.319), (0.243, 0.692), (0.145, 0.049)),
    9: (_D65, (0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    11: ((0.314, 0.351), (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    12: (_D65, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    22: (_D65, (0.630, 0.340), (0.295, 0.605), (0.155, 0.077)),
}
"""White, red, green and blue by the code of H.273; what is not here is taken for sRGB's."""

_D50: Final = (0.9642, 1.0, 0.8249)
_BRADFORD: Final = ((0.8951, -0.7502, 0.0389), (0.2664, 1.7135, -0.0685), (-0.1614, 0.0367, 1.0296))
"""Columns."""

_HDR_WHITE_NITS: Final = 203.0
_HDR_PEAK_NITS: Final = 1000.0
_KNEE: Final = 0.5
"""Light up to this part of white is kept as it is; what is brighter is compressed."""

_PNG_UNIT: Final = 100_000
"""What gAMA and cHRM write for 1."""

_SRGB_GAMA: Final = 45_455
_SAME_GAMMA: Final = 0.05
"""A gAMA so near to that of sRGB, relative to it, stands for its curve, as for libpng."""

_DISPLAY_GAMMA: Final = 2.2
"""What a display of a wide gamut does to the numbers that H.273 calls sRGB's or television's curve."""


def png_profile(png: Png) -> bytes | None:
    """An ICC profile of the colours of a PNG, or None where they are sRGB or nothing says what they are."""
    kind = next((each for each in COLOUR_CHUNKS if each in png.chunks), None)
    data = png.data(kind) if kind else b""
    match kind:
        case b"cICP" if len(data) == 4:
            return coded_profile(primaries=data[0], transfer=data[1])
        case b"iCCP":
            return _embedded_profile(data)
        case b"gAMA" | b"cHRM":
            return _measured_profile(png.data(b"gAMA"), png.data(b"cHRM"))
    return None


@cache
def coded_profile(*, primaries: int, transfer: int) -> bytes | None:
    """An ICC profile of colours that are described by code points of H.273, or None where they are sRGB."""
    if primaries not in _PRIMARIES and transfer not in _CURVES:
        return None
    return _build_profile(
        _PRIMARIES.get(primaries, _SRGB_PRIMARIES), _CURVES.get(transfer, _power(_DISPLAY_GAMMA))
    )


def _embedded_profile(data: bytes) -> bytes | None:
    """What iCCP contains: a name, the compression method, a compressed profile."""
    compressed = data.partition(b"\0")[2][1:]
    try:
        profile = zlib.decompressobj().decompress(compressed, MAX_PROFILE_BYTES)
    except zlib.error:
        return None
    return profile or None


def _measured_profile(gama: bytes, chrm: bytes) -> bytes | None:
    """From gAMA and cHRM, each empty where the file has none."""
    gamma = int.from_bytes(gama, "big") or _SRGB_GAMA
    primaries: Sequence[tuple[float, float]] = _SRGB_PRIMARIES
    if len(chrm) == 32:
        numbers = [each / _PNG_UNIT for each in struct.unpack(">8I", chrm)]
        primaries = list(zip(numbers[::2], numbers[1::2], strict=True))
    is_srgb = all(math.dist(*pair) < 0.002 for pair in zip(primaries, _SRGB_PRIMARIES, strict=True))
    if is_srgb and abs(gamma / _SRGB_GAMA - 1) < _SAME_GAMMA:
        return None
    return _build_profile(primaries, _power(_PNG_UNIT / gamma))


def _power(exponent: float) -> Curve:
    return lambda level: level**exponent


def _pq_curve(level: float) -> float:
    root = level ** (32 / 2523)
    light = max(root - 0.8359375, 0.0) / (18.8515625 - 18.6875 * root)
    return _tone_mapped(10_000 * light ** (8192 / 1305))


def _hlg_curve(level: float) -> float:
    light = level**2 / 3 if level <= 0.5 else (math.exp((level - 0.55991073) / 0.17883277) + 0.28466892) / 12
    return _tone_mapped(_HDR_PEAK_NITS * light**1.2)


def _tone_mapped(nits: float) -> float:
    """Light relative to white, its highlights compressed so that the peak becomes white."""
    light = nits / _HDR_WHITE_NITS
    if light <= _KNEE:
        return light
    over, peak = ((each - _KNEE) / (1 - _KNEE) for each in (light, _HDR_PEAK_NITS / _HDR_WHITE_NITS))
    return min(1.0, _KNEE + (1 - _KNEE) * over * (1 + over / peak**2) / (1 + over))


_CURVES: Final[Mapping[int, Curve]] = {
    4: _power(2.2),
    5: _power(2.8),
    8: _power(1.0),
    16: _pq_curve,
    17: _power(2.6),
    18: _hlg_curve,
}
"""By the code of H.273; what is not here is the curve of sRGB, or is shown with it."""


def _build_profile(primaries: Sequence[tuple[float, float]], curve: Curve) -> bytes | None:
    """A display profile of white, red, green and blue; None where there is none with these."""
    try:
        white, *colours = [(x / y, 1.0, (1 - x - y) / y) for x, y in primaries]
        amounts = _solve(colours, white)
        columns = [
            _adapt(_scale(colour, amount), white) for colour, amount in zip(colours, amounts, strict=True)
        ]
        levels = [round(65_535 * curve(number / 255)) for number in range(256)]
        return _assemble([_xyz(_D50), *map(_xyz, columns)], struct.pack(">4s4xI256H", b"curv", 256, *levels))
    except (ArithmeticError, struct.error):
        return None


def _assemble(colours: Sequence[bytes], curve: bytes) -> bytes:
    """ICC.1:2001-04, clause 6. The three curves are one."""
    tags = [*zip((b"wtpt", b"rXYZ", b"gXYZ", b"bXYZ"), colours, strict=True), (b"rTRC", curve)]
    offset, table, body = 128 + 4 + 12 * 7, struct.pack(">I", 7), b""
    for name, data in tags:
        table += struct.pack(">4sII", name, offset + len(body), len(data))
        body += data
    for name in (b"gTRC", b"bTRC"):
        table += struct.pack(">4sII", name, offset + len(body) - len(curve), len(curve))
    head = struct.pack(">I4xI12s12x4s28x", offset + len(body), 0x02100000, b"mntrRGB XYZ ", b"acsp")
    return (head + _xyz(_D50)[8:]).ljust(128, b"\0") + table + body


def _xyz(value: Vector) -> bytes:
    return struct.pack(">4s4x3i", b"XYZ ", *(round(each * 65_536) for each in value))


def _adapt(colour: Vector, white: Vector) -> Vector:
    """`colour` as it looks under D50 when `white` is white, after Bradford."""
    cones = zip(_apply(_BRADFORD, colour), _apply(_BRADFORD, white), _apply(_BRADFORD, _D50), strict=True)
    first, second, third = (seen * target / source for seen, source, target in cones)
    return _solve(_BRADFORD, (first, second, third))


def _apply(columns: Sequence[Vector], vector: Vector) -> Vector:
    first, second, third = (
        sum(column[row] * part for column, part in zip(columns, vector, strict=True)) for row in range(3)
    )
    return first, second, third


def _scale(vector: Vector, factor: float) -> Vector:
    return vector[0] * factor, vector[1] * factor, vector[2] * factor


def _solve(columns: Sequence[Vector], target: Vector) -> Vector:
    """The amounts of the columns whose sum is `target`, by Cramer's rule."""
    a, b, c = columns
    whole = _determinant(a, b, c)
    return (
        _determinant(target, b, c) / whole,
        _determinant(a, target, c) / whole,
        _determinant(a, b, target) / whole,
    )


def _determinant(a: Vector, b: Vector, c: Vector) -> float:
    return (
        a[0] * (b[1] * c[2] - b[2] * c[1])
        - b[0] * (a[1] * c[2] - a[2] * c[1])
        + c[0] * (a[1] * b[2] - a[2] * b[1])
    )

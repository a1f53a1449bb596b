"""PNGs that cost nothing to make: parts that are ready for every size, and the stamp between them.

A picture is rows of noise and of black in such a part that it is as large as a photograph. Every stripe of it
begins with the stamp, so that a picture into which a piece of another one slipped is found out as well.
Source: Portable Network Graphics (PNG) Specification, Third Edition, https://www.w3.org/TR/png-3/
"""

import random
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from imagineart.domain.sizes import Size

from load.stamps import STAMP_BYTES, Stamp

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
ROWS_PER_STRIPE: Final = 16
NOISE_SHARE: Final = 0.45
"""Of the rows: a 2K picture has 5.7 MB then. Photographs have 5 to 9 MB."""

_CHANNELS: Final = 3
_ZLIB_HEADER: Final = b"\x78\x01"
_LAST_BLOCK: Final = b"\x01\x00\x00\xff\xff"
_ADLER_BASE: Final = 65_521
_HEADER_TAIL: Final = b"\x08\x02\x00\x00\x00"


class UnstampedPictureError(ValueError):
    """The bytes are no whole PNG of the size, or bear no stamp, or several; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class _Filler:
    """The rest of a stripe behind its stamp: a chunk of pixels, and what a checksum needs of them."""

    chunk: bytes
    adler: int
    length: int


def picture_parts(size: Size, stamp: Stamp) -> list[bytes]:
    """The parts of a PNG file of `size` with `stamp` in every stripe."""
    pixels = b"\0" + stamp.encode()
    stored = b"\0" + struct.pack("<HH", len(pixels), len(pixels) ^ 0xFFFF) + pixels
    stamped, adler_of_stamp = _chunk(b"IDAT", stored), zlib.adler32(pixels)
    header = struct.pack(">II", size.width, size.height) + _HEADER_TAIL
    parts = [SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", _ZLIB_HEADER)]
    adler = zlib.adler32(b"")
    for rows in _stripes(size):
        filler = _filler(size.width, rows)
        parts += (stamped, filler.chunk)
        adler = joined_adler(adler, adler_of_stamp, len(pixels))
        adler = joined_adler(adler, filler.adler, filler.length)
    parts.append(_chunk(b"IDAT", _LAST_BLOCK + struct.pack(">I", adler)) + _chunk(b"IEND", b""))
    return parts


def read_stamp(png: bytes, size: Size) -> Stamp:
    """The one stamp of a whole and undamaged PNG of exactly `size`. Raises UnstampedPictureError."""
    width, height, compressed = _read_chunks(png)
    if (width, height) != (size.width, size.height):
        raise UnstampedPictureError(f"it has {width}x{height} pixels instead of {size}")
    row_bytes = 1 + _CHANNELS * size.width
    try:
        pixels = zlib.decompress(compressed, bufsize=row_bytes * size.height)
    except zlib.error as error:
        raise UnstampedPictureError(f"its pixels are damaged: {error}") from error
    if len(pixels) != row_bytes * size.height:
        raise UnstampedPictureError(f"it has {len(pixels)} bytes of pixels")
    stripe_bytes = ROWS_PER_STRIPE * row_bytes
    stamps = {pixels[at + 1 : at + 1 + STAMP_BYTES] for at in range(0, len(pixels), stripe_bytes)}
    if len(stamps) != 1:
        raise UnstampedPictureError(f"it is put together of {len(stamps)} pictures")
    return Stamp.decode(stamps.pop())


def joined_adler(first: int, second: int, second_length: int) -> int:
    """The Adler-32 of two strings one after the other, from their own.

    Source: adler32_combine in https://github.com/madler/zlib/blob/develop/adler32.c
    """
    low = (first & 0xFFFF) + (second & 0xFFFF) - 1
    high = (first >> 16) + (second >> 16) + second_length * ((first & 0xFFFF) - 1)
    return (high % _ADLER_BASE) << 16 | low % _ADLER_BASE


def _stripes(size: Size) -> Iterator[int]:
    """The rows of each stripe."""
    for at in range(0, size.height, ROWS_PER_STRIPE):
        yield min(ROWS_PER_STRIPE, size.height - at)


@cache
def _filler(width: int, rows: int) -> _Filler:
    row_bytes = 1 + _CHANNELS * width
    dice = random.Random(width)
    noisy = round((rows - 1) * NOISE_SHARE)
    noise = b"".join(b"\0" + dice.randbytes(row_bytes - 1) for _ in range(noisy))
    black = bytes(row_bytes * rows - 1 - STAMP_BYTES - len(noise))
    # The rest of the stamp's own row comes first: it is black.
    rest_of_row = row_bytes - 1 - STAMP_BYTES
    pixels = black[:rest_of_row] + noise + black[rest_of_row:]
    compressor = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    # Flushed to a whole byte, so that whatever follows can be put behind it.
    block = compressor.compress(pixels) + compressor.flush(zlib.Z_FULL_FLUSH)
    return _Filler(_chunk(b"IDAT", block), zlib.adler32(pixels), len(pixels))


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + checksum


def _read_chunks(png: bytes) -> tuple[int, int, bytes]:
    """Width, height and compressed pixels. Raises UnstampedPictureError."""
    if not png.startswith(SIGNATURE):
        raise UnstampedPictureError(f"it begins with {png[:8]!r} and is no PNG")
    view, at, pixels = memoryview(png), len(SIGNATURE), []
    kind, header = b"", b""
    while kind != b"IEND":
        if len(png) < at + 12:
            raise UnstampedPictureError("it is cut off")
        length, kind = int.from_bytes(view[at : at + 4], "big"), bytes(view[at + 4 : at + 8])
        data, end = view[at + 8 : at + 8 + length], at + 12 + length
        if len(png) < end:
            raise UnstampedPictureError("it is cut off")
        if zlib.crc32(data, zlib.crc32(kind)) != int.from_bytes(view[end - 4 : end], "big"):
            raise UnstampedPictureError(f"the checksum of a chunk {kind!r} is wrong")
        if kind == b"IHDR":
            header = bytes(data)
        elif kind == b"IDAT":
            pixels.append(data)
        at = end
    if at != len(png):
        raise UnstampedPictureError(f"{len(png) - at} bytes follow its end")
    width, height = struct.unpack(">II", header[:8])
    return width, height, b"".join(pixels)

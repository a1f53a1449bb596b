"""The chunks of a PNG: finds damage, and drops what is not the image, without decoding a pixel.

Source: Portable Network Graphics (PNG) Specification, Third Edition, https://www.w3.org/TR/png-3/
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from imagineart.images.kinds import UnusableImageError
from imagineart.images.sizes import Size

MAX_CHUNKS: Final = 1000
"""A file with more is refused. Large chunks of pixels are not counted: encoders write one for every 8 KB."""

GRAY: Final = 0
RGB: Final = 2
PALETTE: Final = 3
COLOUR_CHUNKS: Final = (b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM")
"""What says which colours the numbers mean, the most decisive first."""

_LARGE_PIXEL_CHUNK_BYTES: Final = 4096
_MAX_EXIF_BYTES: Final = 64 * 1024
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_HEADER_BYTES: Final = 13
_KEPT_CHUNKS: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IEND", *COLOUR_CHUNKS})
_DELIVERABLE_LAYOUTS: Final = frozenset({b"\x08\x02\0\0\0", b"\x08\x06\0\0\0"})
"""How a header ends: 8 bits, RGB or RGBA, the one compression and filter method, not interlaced."""


@dataclass(frozen=True, slots=True)
class Png:
    """A whole PNG. `chunks` are those that matter, by kind, with right CRCs; `pixels` are its IDAT chunks."""

    content: bytes
    chunks: Mapping[bytes, memoryview]
    pixels: Sequence[memoryview]

    def data(self, kind: bytes) -> bytes:
        """What a chunk contains; empty where there is none."""
        return bytes(self.chunks[kind][8:-4]) if kind in self.chunks else b""

    @property
    def size(self) -> Size:
        """Width and height in pixels."""
        header = self.data(b"IHDR")
        return Size(int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big"))

    @property
    def bit_depth(self) -> int:
        """Bits of a sample: 1, 2, 4, 8 or 16."""
        return self.data(b"IHDR")[8]

    @property
    def colour_type(self) -> int:
        """`GRAY`, `RGB`, `PALETTE`, or a type with alpha."""
        return self.data(b"IHDR")[9]

    def is_deliverable(self, size: Size) -> bool:
        """Whether `pixels_only` has the size and the layout that are delivered."""
        layout = self.data(b"IHDR")[8:]
        return self.size == size and layout in _DELIVERABLE_LAYOUTS and b"tRNS" not in self.chunks

    def pixels_only(self) -> bytes:
        """The file with header, pixels and end alone."""
        return self._join(self.chunks[b"IHDR"], *self.pixels, self.chunks[b"IEND"])

    def decodable(self) -> bytes:
        """The file with what a decoder needs, but without the tRNS of an image that has no palette."""
        if self.colour_type != PALETTE:
            return self.pixels_only()
        palette = [self.chunks[kind] for kind in (b"PLTE", b"tRNS") if kind in self.chunks]
        return self._join(self.chunks[b"IHDR"], *palette, *self.pixels, self.chunks[b"IEND"])

    def _join(self, *parts: memoryview) -> bytes:
        if len(_SIGNATURE) + sum(map(len, parts)) == len(self.content):
            return self.content
        return b"".join([_SIGNATURE, *parts])


def read_png(content: bytes) -> Png:
    """The chunks of `content`, with the CRC checked of each that is kept. Raises UnusableImageError."""
    if not content.startswith(_SIGNATURE):
        raise _damaged()
    view = memoryview(content)
    chunks: dict[bytes, memoryview] = {}
    pixels: list[memoryview] = []
    at, counted = len(_SIGNATURE), 0
    while b"IEND" not in chunks:
        kind, end = content[at + 4 : at + 8], at + 12 + int.from_bytes(content[at : at + 4], "big")
        if end > len(content) or (not chunks and kind != b"IHDR"):
            raise _damaged()
        counted += kind != b"IDAT" or end - at < _LARGE_PIXEL_CHUNK_BYTES
        if counted > MAX_CHUNKS:
            raise UnusableImageError(f"the PNG has more than {MAX_CHUNKS} chunks.")
        _sort(kind, view[at:end], chunks, pixels)
        at = end
    png = Png(content, chunks, pixels)
    if not pixels or len(png.data(b"IHDR")) != _HEADER_BYTES or png.size.pixels == 0:
        raise _damaged()
    return png


def _sort(kind: bytes, chunk: memoryview, chunks: dict[bytes, memoryview], pixels: list[memoryview]) -> None:
    """Put a chunk to those that are kept, or drop it. Raises UnusableImageError."""
    is_ancillary = bool(kind[0] & 0x20)
    if kind == b"IDAT" or kind in _KEPT_CHUNKS:
        if not _has_right_crc(chunk) or (kind in chunks and not is_ancillary):
            raise _damaged()
        if kind == b"IDAT":
            pixels.append(chunk)
        else:
            chunks.setdefault(kind, chunk)
    elif kind == b"eXIf":
        if len(chunk) <= _MAX_EXIF_BYTES and _has_right_crc(chunk):
            chunks.setdefault(kind, chunk)
    elif not is_ancillary:
        raise _damaged()  # An unknown critical chunk: the image cannot be read without it.


def _has_right_crc(chunk: memoryview) -> bool:
    return zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:], "big")


def _damaged() -> UnusableImageError:
    return UnusableImageError("the PNG is truncated or damaged.")

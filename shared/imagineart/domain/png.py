"""The PNG that leaves the system: only the chunks that make the picture, taken over without re-encoding.

Source: Portable Network Graphics (PNG) Specification, Third Edition, https://www.w3.org/TR/png-3/
"""

import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from imagineart.domain.sizes import Size

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_PICTURE_CHUNKS: Final = frozenset({b"IHDR", b"IDAT", b"IEND"})
_DROPPED_CRITICAL_CHUNKS: Final = frozenset({b"PLTE"})
_HEADER_START: Final = b"\x00\x00\x00\x0dIHDR"
_DELIVERABLE_LAYOUTS: Final = frozenset({b"\x08\x02\0\0\0", b"\x08\x06\0\0\0"})
"""How a header ends: 8 bits, RGB or RGBA, the one compression and filter method, not interlaced."""


class BrokenPngError(ValueError):
    """The bytes are not a whole, undamaged PNG; the text says where they stop being one."""


class _Chunk(NamedTuple):
    kind: bytes
    start: int
    end: int


def png_size(content: bytes) -> Size | None:
    """The size that the header declares, or None where `content` does not begin as a PNG."""
    if not content.startswith(_SIGNATURE + _HEADER_START) or len(content) < 33:
        return None
    return Size(int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big"))


def is_deliverable_png(content: bytes, size: Size) -> bool:
    """Whether cleaning alone makes `content` the picture to deliver: of `size`, 8-bit RGB or RGBA, sRGB,
    not interlaced.

    A colour key (tRNS) or a foreign colour profile (iCCP) is part of the picture, so such a PNG needs
    conversion. Raises BrokenPngError.
    """
    if png_size(content) != size:
        return False
    if content[24:29] not in _DELIVERABLE_LAYOUTS:
        return False
    view = memoryview(content)
    for chunk in _walk_chunks(view):
        if chunk.kind == b"IDAT":
            return True
        if chunk.kind == b"tRNS":
            return False
        if (
            chunk.kind == b"iCCP"
            and b"srgb" not in bytes(view[chunk.start + 8 : chunk.end]).split(b"\0")[0].lower()
        ):
            return False
    return True


def verify_png(content: bytes) -> None:
    """Raises BrokenPngError unless `content` is whole chunks with right CRCs up to the end mark."""
    for _ in _walk_chunks(memoryview(content)):
        pass


def clean_png(content: bytes) -> bytes:
    """`content` with IHDR, IDAT and IEND alone, every CRC checked, nothing after the end.

    For truecolour PNG only (see `is_deliverable_png`): a palette of another colour type would be dropped.
    Raises BrokenPngError.
    """
    view = memoryview(content)
    kept: list[memoryview] = [view[: len(_SIGNATURE)]]
    kinds: list[bytes] = []
    for chunk in _walk_chunks(view):
        if chunk.kind in _PICTURE_CHUNKS:
            kept.append(view[chunk.start : chunk.end])
            kinds.append(chunk.kind)
        elif chunk.kind[0] & 0x20 == 0 and chunk.kind not in _DROPPED_CRITICAL_CHUNKS:
            raise BrokenPngError(f"unknown critical chunk {chunk.kind!r}")
    if kinds[0] != b"IHDR" or kinds.count(b"IHDR") != 1 or b"IDAT" not in kinds:
        raise BrokenPngError("the chunks do not make one picture")
    return b"".join(kept)


def _walk_chunks(view: memoryview) -> Iterator[_Chunk]:
    """Each chunk up to and with IEND, its CRC checked. Raises BrokenPngError."""
    if bytes(view[: len(_SIGNATURE)]) != _SIGNATURE:
        raise BrokenPngError("no PNG signature")
    start = len(_SIGNATURE)
    while True:
        data_bytes = int.from_bytes(view[start : start + 4], "big")
        end = start + 12 + data_bytes
        if end > len(view):
            raise BrokenPngError(f"truncated within the chunk at byte {start}")
        chunk = _Chunk(bytes(view[start + 4 : start + 8]), start, end)
        if zlib.crc32(view[start + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            raise BrokenPngError(f"wrong CRC in the {chunk.kind!r} chunk at byte {start}")
        yield chunk
        if chunk.kind == b"IEND":
            return
        start = end

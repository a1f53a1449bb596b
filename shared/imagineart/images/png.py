"""The PNG that leaves the system: only the chunks that make the picture, passed on as they arrive.

Nothing is re-encoded, and no more is held than what precedes the pixels, or one chunk that is dropped.
Source: Portable Network Graphics (PNG) Specification, Third Edition, https://www.w3.org/TR/png-3/
"""

import zlib
from typing import Final

from imagineart.domain.pieces import Piece
from imagineart.images.sizes import Size

MAX_HELD_BYTES: Final = 4 * 1024 * 1024
"""What precedes the pixels, and any one chunk that is dropped, may have this many bytes."""

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_HEADER_START: Final = b"\x00\x00\x00\x0dIHDR"
_HEADER_END: Final = 33
_DELIVERABLE_LAYOUTS: Final = frozenset({b"\x08\x02\0\0\0", b"\x08\x06\0\0\0"})
"""How a header ends: 8 bits, RGB or RGBA, the one compression and filter method, not interlaced."""


class BrokenPngError(ValueError):
    """The bytes are not a whole, undamaged PNG; the text says where they stop being one."""


class UndeliverablePngError(ValueError):
    """Cleaning alone does not make these bytes the picture to deliver; they need conversion."""


class PngCleaner:
    """Passes on IHDR, IDAT and IEND of a PNG of `size`, 8-bit RGB or RGBA, and checks every CRC.

    A colour key (tRNS) or a foreign colour profile (iCCP) is part of the picture and makes it undeliverable.
    """

    def __init__(self, size: Size) -> None:
        self._size = size
        self._held = b""
        self._begun = False
        self._ended = False
        self._open_pixels: _OpenPixels | None = None

    def feed(self, piece: Piece) -> list[memoryview]:
        """The parts of the picture that are certain now, in order.

        Raises UndeliverablePngError, only before anything was passed on, and BrokenPngError.
        """
        if self._ended:
            return []
        view = memoryview(self._held + piece if self._held else piece)
        kept = _Spans()
        at = self._finish_open_pixels(view, kept) if self._begun else self._begin(view, kept)
        if self._begun and self._open_pixels is None:
            at = self._pass_chunks(view, at, kept)
        self._held = b"" if self._ended else bytes(view[at:])
        return [view[start:end] for start, end in kept]

    def finish(self) -> None:
        """Raises BrokenPngError where the end is missing."""
        if not self._ended:
            raise BrokenPngError("truncated")

    def _begin(self, view: memoryview, kept: "_Spans") -> int:
        """Pass on signature and header once the pixels are in sight; return where those begin."""
        _require_deliverable_header(view, self._size)
        at = len(_SIGNATURE)
        while len(view) >= at + 8:
            kind = bytes(view[at + 4 : at + 8])
            if kind == b"IDAT":
                kept.add(0, _HEADER_END)
                self._begun = True
                return at
            end = _chunk_end(view, at)
            _require_holdable(end)
            if end > len(view):
                break
            _require_crc(view, at, end)
            if kind == b"tRNS" or (kind == b"iCCP" and not _is_srgb(view[at + 8 : end])):
                raise UndeliverablePngError(f"{kind!r} is part of the picture")
            if at > len(_SIGNATURE):
                _require_droppable(kind)
            at = end
        return 0

    def _pass_chunks(self, view: memoryview, at: int, kept: "_Spans") -> int:
        """Pass on or drop whole chunks, and what is there of a chunk of pixels; return how far it got."""
        while len(view) >= at + 8:
            kind = bytes(view[at + 4 : at + 8])
            end = _chunk_end(view, at)
            if kind != b"IDAT":
                _require_holdable(end - at)
            elif end > len(view):
                self._open_pixels = _OpenPixels(end - at - 12, zlib.crc32(kind))
                kept.add(at, at + 8)
                return self._finish_open_pixels(view, kept, at + 8)
            if end > len(view):
                break
            _require_crc(view, at, end)
            if kind == b"IDAT":
                kept.add(at, end)
            elif kind == b"IEND":
                kept.add(at, end)
                self._ended = True
                break
            else:
                _require_droppable(kind)
            at = end
        return at

    def _finish_open_pixels(self, view: memoryview, kept: "_Spans", at: int = 0) -> int:
        """Pass on what is there of the chunk of pixels that an earlier piece began; return what was read."""
        if self._open_pixels is None:
            return at
        data = view[at : at + self._open_pixels.bytes_left]
        if data:
            kept.add(at, at + len(data))
            self._open_pixels.pass_on(data)
            at += len(data)
        if self._open_pixels.bytes_left == 0 and len(view) >= at + 4:
            if int.from_bytes(view[at : at + 4], "big") != self._open_pixels.crc:
                raise BrokenPngError("wrong CRC in a chunk of pixels")
            kept.add(at, at + 4)
            self._open_pixels = None
            at += 4
        return at


class _Spans(list[tuple[int, int]]):
    """Parts of a piece from start to end, neighbours joined."""

    def add(self, start: int, end: int) -> None:
        if self and self[-1][1] == start:
            start = self.pop()[0]
        self.append((start, end))


class _OpenPixels:
    """A chunk of pixels whose beginning was passed on before its end arrived."""

    def __init__(self, bytes_left: int, crc: int) -> None:
        self.bytes_left = bytes_left
        self.crc = crc

    def pass_on(self, data: memoryview) -> None:
        self.crc = zlib.crc32(data, self.crc)
        self.bytes_left -= len(data)


def clean_png(content: bytes, size: Size) -> bytes:
    """A whole PNG cleaned at once. Raises UndeliverablePngError and BrokenPngError."""
    cleaner = PngCleaner(size)
    cleaned = b"".join(cleaner.feed(content))
    cleaner.finish()
    return cleaned


def verify_png(content: bytes) -> None:
    """Raises BrokenPngError unless `content` is whole chunks with right CRCs up to the end mark."""
    view = memoryview(content)
    at = len(_SIGNATURE)
    if bytes(view[:at]) != _SIGNATURE:
        raise BrokenPngError("no PNG signature")
    while True:
        end = _chunk_end(view, at)
        if end > len(view):
            raise BrokenPngError(f"truncated within the chunk at byte {at}")
        _require_crc(view, at, end)
        if bytes(view[at + 4 : at + 8]) == b"IEND":
            return
        at = end


def _require_deliverable_header(view: memoryview, size: Size) -> None:
    """Raises UndeliverablePngError once `view` cannot become a PNG of `size` in a deliverable layout."""
    expected = _SIGNATURE + _HEADER_START + size.width.to_bytes(4, "big") + size.height.to_bytes(4, "big")
    begun = bytes(view[: len(expected)])
    layout = bytes(view[len(expected) : len(expected) + 5])
    if not expected.startswith(begun) or not any(each.startswith(layout) for each in _DELIVERABLE_LAYOUTS):
        raise UndeliverablePngError("another format, size or layout")


def _chunk_end(view: memoryview, at: int) -> int:
    """Where the chunk at `at` ends, maybe beyond `view`."""
    return at + 12 + int.from_bytes(view[at : at + 4], "big")


def _require_holdable(size_bytes: int) -> None:
    """Raises BrokenPngError for more than may be held of what is not pixels."""
    if size_bytes > MAX_HELD_BYTES:
        raise BrokenPngError(f"{size_bytes} bytes that are not pixels")


def _require_crc(view: memoryview, at: int, end: int) -> None:
    if zlib.crc32(view[at + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
        raise BrokenPngError(f"wrong CRC in a chunk of kind {bytes(view[at + 4 : at + 8])!r}")


def _require_droppable(kind: bytes) -> None:
    """Raises BrokenPngError for a chunk without which the picture cannot be read, or that comes twice."""
    is_ancillary = bool(kind[0] & 0x20)
    if not is_ancillary and kind != b"PLTE":
        raise BrokenPngError(f"a chunk of kind {kind!r} out of place")


def _is_srgb(profile_chunk: memoryview) -> bool:
    """Whether an iCCP chunk's profile calls itself sRGB, by the name that it begins with."""
    return b"srgb" in bytes(profile_chunk[:80]).partition(b"\0")[0].lower()

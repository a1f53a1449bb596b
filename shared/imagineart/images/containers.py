"""JPEG, WebP and HEIF files walked before a decoder sees them, so that none can ask for much work.

Sources: JPEG (ITU T.81 annex B), WebP (RFC 9649), HEIF (ISO/IEC 14496-12 and 23008-12).
"""

import re
from dataclasses import dataclass
from typing import Final

from imagineart.images.kinds import UnusableImageError

MAX_PARTS: Final = 1000
"""Segments, chunks or boxes; a file with more is refused."""

MAX_SCANS: Final = 100
"""Each scan of a progressive JPEG visits all of its pixels; encoders write some ten."""

_MARKER: Final = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
"""The next marker, past pixels, padding and restart marks."""

_END, _SCAN, _EXIF, _COMMENT = 0xD9, 0xDA, 0xE1, 0xFE
_WITHOUT_LENGTH: Final = (0x01, 0xD8)
_APPLICATION_MARKERS: Final = range(0xE0, 0xF0)
_NEEDED_SEGMENTS: Final = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
"""Application segments that say how to decode the pixels, and how they begin."""

_MAX_TABLE_BYTES: Final = 4096
"""Larger than any segment of tables that makes sense; Pillow copies them once for each table."""

_BOX_CONTAINERS: Final = {b"meta": 4, b"iinf": 6, b"iprp": 0, b"ipco": 0, b"moov": 0, b"trak": 0}
"""Boxes of boxes, and how many bytes precede those."""


@dataclass(frozen=True, slots=True)
class Jpeg:
    """The first image of a JPEG file without metadata; `exif` is empty where there is none."""

    content: bytes
    exif: bytes


def read_jpeg(content: bytes) -> Jpeg:
    """Drop what does not help to decode the pixels. Raises UnusableImageError."""
    view = memoryview(content)
    parts: list[memoryview] = [view[:2]]
    exif: list[bytes] = []
    at, segments, scans = 2, 0, 0
    in_scan = False
    while match := _MARKER.search(content, at):
        if in_scan:
            parts.append(view[at : match.start()])
        # Padding between segments is dropped: Pillow would read megabytes of it byte by byte.
        start, at, marker = match.start(), match.end(), content[match.start() + 1]
        in_scan = marker == _SCAN
        if marker == _END:
            return Jpeg(b"".join([*parts, view[start:at]]), b"".join(exif))
        segments += 1
        _require(segments <= MAX_PARTS, f"the JPEG has more than {MAX_PARTS} segments.")
        if marker in _WITHOUT_LENGTH:
            continue
        size = int.from_bytes(content[at : at + 2], "big")
        at += size
        scans += in_scan
        if marker == _EXIF and content.startswith(b"Exif\0\0", start + 4):
            exif.append(content[start + 10 : at])
        beginning = _NEEDED_SEGMENTS.get(marker)
        is_metadata = marker in _APPLICATION_MARKERS or marker == _COMMENT
        if not is_metadata or (beginning and content.startswith(beginning, start + 4)):
            parts.append(view[start:at])
        _require(is_metadata or size <= _MAX_TABLE_BYTES, "the JPEG is truncated or damaged.")
        _require(scans <= MAX_SCANS, f"the JPEG has more than {MAX_SCANS} scans.")
        _require(len(exif) <= 1, "the JPEG has more than one Exif segment.")
    raise UnusableImageError("the JPEG is truncated or damaged.")


def check_webp(content: bytes) -> None:
    """Raises UnusableImageError for a WebP of too many chunks."""
    at, chunks = 12, 0
    while at + 8 <= len(content):
        size = int.from_bytes(content[at + 4 : at + 8], "little")
        at += 8 + size + size % 2
        chunks += 1
        _require(chunks <= MAX_PARTS, f"the WebP has more than {MAX_PARTS} chunks.")


def check_heif(content: bytes) -> None:
    """Raises UnusableImageError for a HEIF of too many boxes."""
    boxes, levels = 0, [(0, len(content))]
    while levels:
        at, end = levels.pop()
        while at + 8 <= end:
            size, kind, head = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8], 8
            if size == 1:
                size, head = int.from_bytes(content[at + 8 : at + 16], "big"), 16
            if size == 0:
                size = end - at
            if size < head:
                break
            boxes += 1
            _require(boxes <= MAX_PARTS, f"the HEIF has more than {MAX_PARTS} boxes.")
            if kind in _BOX_CONTAINERS:
                has_long_count = kind == b"iinf" and content[at + head : at + head + 1] != b"\0"
                inner = at + head + _BOX_CONTAINERS[kind] + 2 * has_long_count
                levels.append((inner, min(at + size, end)))
            at += size


def exif_orientation(exif: bytes) -> int:
    """The orientation in Exif data, from 1 to 8; 1 where there is none.

    Source: TIFF 6.0, "Image File Directory" and tag 274. Read here since a general parser can be made to copy
    the same bytes for each of thousands of tags.
    """
    tiff = exif.removeprefix(b"Exif\0\0")
    order: Final = "little" if tiff[:2] == b"II" else "big"
    directory = int.from_bytes(tiff[4:8], order)
    count = int.from_bytes(tiff[directory : directory + 2], order)
    entries = range(directory + 2, min(directory + 2 + 12 * count, len(tiff) - 11), 12)
    for at in entries:
        if int.from_bytes(tiff[at : at + 2], order) == 0x0112:
            orientation = int.from_bytes(tiff[at + 8 : at + 10], order)
            return orientation if 1 <= orientation <= 8 else 1
    return 1


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise UnusableImageError(otherwise)

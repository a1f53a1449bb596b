"""Kinds of image files, known by their first bytes and never by a declared type or a file name."""

from dataclasses import dataclass
from typing import Final

MAX_REFERENCE_PIXELS: Final = 50_000_000
"""The most pixels that an image may have; checked before any pixel is decoded."""

MAX_UPLOAD_BYTES: Final = 25 * 1024 * 1024
"""The most bytes that one uploaded reference image may have."""


class UnusableImageError(ValueError):
    """The content cannot be used as an image; the text says why, for the caller."""


@dataclass(frozen=True, slots=True)
class ImageKind:
    """A file format and its media type."""

    name: str
    media_type: str


PNG: Final = ImageKind("PNG", "image/png")
JPEG: Final = ImageKind("JPEG", "image/jpeg")
WEBP: Final = ImageKind("WebP", "image/webp")
HEIC: Final = ImageKind("HEIC", "image/heic")
HEIF: Final = ImageKind("HEIF", "image/heif")

INPUT_IMAGE_KINDS: Final = (PNG, JPEG, WEBP, HEIC, HEIF)

_HEIC_BRANDS: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_HEIF_BRANDS: Final = frozenset({b"mif1", b"msf1", b"mif2"})
_AVIF_BRANDS: Final = frozenset({b"avif", b"avis"})
_FOREIGN_SIGNATURES: Final = (
    (b"GIF8", "a GIF image"),
    (b"BM", "a BMP image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL image"),
    (b"\xff\x0a", "a JPEG XL image"),
)


def detect_image_kind(content: bytes) -> ImageKind | None:
    """The accepted kind that `content` begins as, or None.

    Signatures: PNG 3rd edition 5.2, JPEG (ITU T.81 B.1.1.3), WebP (RFC 9649), HEIF (ISO/IEC 23008-12).
    """
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if content.startswith(b"\xff\xd8\xff"):
        return JPEG
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return WEBP
    return _detect_heif_kind(content)


def _detect_heif_kind(content: bytes) -> ImageKind | None:
    if content[4:8] != b"ftyp":
        return None
    box_bytes = min(int.from_bytes(content[:4], "big"), 256)
    compatible = {content[at : at + 4] for at in range(16, box_bytes, 4)}
    brands = {content[8:12]} | compatible
    if brands & _HEIC_BRANDS:
        return HEIC
    return HEIF if brands & _HEIF_BRANDS and not brands & _AVIF_BRANDS else None


def describe_content(content: bytes) -> str:
    """A short name for content that is not an accepted image, for an error message."""
    if not content:
        return "an empty file"
    for signature, name in _FOREIGN_SIGNATURES:
        if content.startswith(signature):
            return name
    if content[4:8] == b"ftyp":
        return "an AVIF image" if content[8:12] in _AVIF_BRANDS else "a video or another ISO media file"
    try:
        content[:512].decode("ascii")
    except UnicodeDecodeError:
        return "an unknown binary format"
    return "text"

"""Images are known by their content alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagineart.images.kinds import (
    HEIC,
    HEIF,
    INPUT_IMAGE_KINDS,
    JPEG,
    PNG,
    WEBP,
    ImageKind,
    describe_content,
    detect_image_kind,
)
from tests.sample_images import encode, gradient, sample


def iso_media(*brands: bytes, declared_bytes: int | None = None) -> bytes:
    """The file type box of an ISO base media file: major brand, minor version, compatible brands."""
    major, *compatible = brands
    box = b"ftyp" + major + bytes(4) + b"".join(compatible)
    return (declared_bytes or len(box) + 4).to_bytes(4, "big") + box + b"\0\0\0\x08mdat"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (sample("png"), PNG),
        (encode(gradient(8, 8).quantize(4), "png"), PNG),
        (sample("jpeg"), JPEG),
        (encode(gradient(8, 8, "CMYK"), "jpeg"), JPEG),
        (encode(gradient(8, 8), "jpeg", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0"), JPEG),
        (sample("webp"), WEBP),
        (encode(gradient(8, 8), "webp", lossless=True), WEBP),
        (sample("heic"), HEIC),
    ],
    ids=["PNG", "palette PNG", "JPEG", "CMYK JPEG", "EXIF JPEG", "WebP", "lossless WebP", "HEIC"],
)
def test_real_files_are_known_by_their_first_bytes(content: bytes, kind: ImageKind) -> None:
    assert detect_image_kind(content) == kind


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (iso_media(b"heic", b"mif1", b"heic"), HEIC),
        (iso_media(b"mif1", b"mif1", b"heic"), HEIC),
        (iso_media(b"heix"), HEIC),
        (iso_media(b"hevc", b"hevc"), HEIC),
        (iso_media(b"mif1", b"mif1"), HEIF),
        (iso_media(b"msf1"), HEIF),
        (iso_media(b"avif", b"mif1", b"miaf"), None),
        (iso_media(b"mif1", b"avif"), None),
        (iso_media(b"isom", b"mp42"), None),
        (iso_media(b"isom", b"mp42", declared_bytes=0xFFFFFFFF), None),
    ],
)
def test_brands_separate_heic_from_heif_and_both_from_avif_and_video(
    content: bytes, kind: ImageKind | None
) -> None:
    assert detect_image_kind(content) == kind


@pytest.mark.parametrize(
    ("content", "description"),
    [
        (b"", "an empty file"),
        (sample("gif"), "a GIF image"),
        (sample("bmp"), "a BMP image"),
        (sample("tiff"), "a TIFF image"),
        (sample("avif"), "an AVIF image"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "a PDF document"),
        (b"PK\x03\x04\x14\0", "a ZIP archive"),
        (b"\xff\x0a\xfa\x1f", "a JPEG XL image"),
        (iso_media(b"isom", b"mp42"), "a video or another ISO media file"),
        (b"<html><body>not found</body></html>", "text"),
        (b"just text, whatever its name says", "text"),
        (bytes(range(256)), "an unknown binary format"),
        (b"\x89PNG\r\n", "an unknown binary format"),
    ],
)
def test_other_content_is_refused_with_its_name(content: bytes, description: str) -> None:
    assert detect_image_kind(content) is None
    assert describe_content(content) == description


@given(st.binary(max_size=64) | st.builds(lambda rest: b"\0\0\0\x20ftyp" + rest, st.binary(max_size=64)))
def test_any_bytes_have_a_kind_or_a_description(content: bytes) -> None:
    assert detect_image_kind(content) in (None, *INPUT_IMAGE_KINDS)
    assert describe_content(content)

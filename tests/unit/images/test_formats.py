"""An image is delivered as PNG, JPEG or WebP, of exactly its size and without metadata."""

import pytest
from PIL import Image

from imagineart.errors import ModelError
from imagineart.images.kinds import JPEG, PNG, WEBP, ImageKind
from imagineart.images.model import OutputFormat
from imagineart.images.sizes import Size
from tests.finishing import finish_image
from tests.sample_images import chunk, decode, encode, gradient, insert_chunks
from tests.sample_profiles import wide_gamut
from tests.unit.images.test_references import GRADIENT, NOISE, SIZE, assert_looks_like, exif

LOSSY = (JPEG, WEBP)
EXIF = exif(ImageDescription="a secret")
MARKED = {
    "PNG": insert_chunks(encode(GRADIENT, "png"), chunk(b"tEXt", b"prompt\0a secret")),
    "JPEG": encode(GRADIENT, "jpeg", exif=EXIF, comment=b"a secret", quality=95),
    "WebP": encode(GRADIENT, "webp", exif=EXIF, quality=95),
    "HEIC": encode(GRADIENT, "heif", exif=EXIF),
}


def finish(content: bytes, kind: ImageKind, quality: int = 95, size: Size = SIZE) -> bytes:
    return finish_image(content, size, OutputFormat(kind, quality))


@pytest.mark.parametrize("size", [SIZE, Size(40, 50)], ids=str)
@pytest.mark.parametrize("content", MARKED.values(), ids=MARKED)
@pytest.mark.parametrize("kind", [PNG, JPEG, WEBP], ids=lambda kind: kind.name)
def test_any_image_is_delivered_in_any_format_and_size_without_metadata(
    kind: ImageKind, content: bytes, size: Size
) -> None:
    finished = finish(content, kind, size=size)
    image = decode(finished)
    assert (image.format, image.size, image.mode) == (kind.name.upper(), (size.width, size.height), "RGB")
    assert b"a secret" not in finished
    assert not {"exif", "icc_profile", "xmp", "comment"} & image.info.keys()
    if size == SIZE:
        assert_looks_like(image, GRADIENT)


@pytest.mark.parametrize("kind", LOSSY, ids=lambda kind: kind.name)
def test_a_lower_quality_makes_a_smaller_file(kind: ImageKind) -> None:
    sizes = [len(finish(encode(NOISE, "png"), kind, quality)) for quality in (20, 60, 99)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2] / 2


@pytest.mark.parametrize("kind", LOSSY, ids=lambda kind: kind.name)
def test_a_file_of_the_right_format_and_size_is_not_encoded_again(kind: ImageKind) -> None:
    original = encode(NOISE, kind.name, quality=80)
    assert finish(original + b"trailing bytes", kind, quality=20) == original
    assert len(finish(encode(NOISE, "png"), kind, quality=20)) < len(original)


@pytest.mark.parametrize("kind", LOSSY, ids=lambda kind: kind.name)
def test_a_file_of_the_right_format_in_other_colours_or_turned_is_converted(kind: ImageKind) -> None:
    profile, image_of_it = wide_gamut(), encode(NOISE, kind.name, icc_profile=wide_gamut())
    assert profile in image_of_it
    assert profile not in finish(image_of_it, kind)
    assert decode(finish(image_of_it, kind)).tobytes() != decode(image_of_it).tobytes()
    turned = decode(finish(encode(GRADIENT, kind.name, exif=exif(Orientation=3)), kind))
    assert_looks_like(turned, GRADIENT.rotate(180))
    assert decode(finish(encode(GRADIENT.convert("L"), kind.name), kind)).mode == "RGB"


def test_a_webp_with_metadata_that_its_header_does_not_announce_loses_it() -> None:
    simple = encode(NOISE, "webp")
    body = simple[8:] + b"EXIF" + len(EXIF).to_bytes(4, "little") + EXIF + b"\0" * (len(EXIF) % 2)
    assert b"a secret" not in finish(b"RIFF" + len(body).to_bytes(4, "little") + body, WEBP)


def test_a_cmyk_jpeg_is_converted() -> None:
    assert decode(finish(encode(GRADIENT.convert("CMYK"), "jpeg"), JPEG)).mode == "RGB"


def test_transparency_is_kept_in_webp_and_becomes_white_in_jpeg() -> None:
    content = encode(gradient(SIZE.width, SIZE.height, "RGBA"), "png")
    alpha = decode(content).getchannel("A")
    assert_looks_like(decode(finish(content, WEBP)).getchannel("A"), alpha)
    white = Image.new("RGB", (SIZE.width, SIZE.height), "white")
    expected = Image.composite(decode(content).convert("RGB"), white, alpha)
    assert_looks_like(decode(finish(content, JPEG)), expected)
    assert decode(finish(content, JPEG)).getpixel((0, 0)) == pytest.approx((255, 255, 255), abs=6)


@pytest.mark.parametrize("kind", LOSSY, ids=lambda kind: kind.name)
@pytest.mark.parametrize("left", [15, 30, 200])
def test_a_truncated_file_of_the_right_format_is_a_model_error(kind: ImageKind, left: int) -> None:
    with pytest.raises(ModelError):
        finish(encode(NOISE, kind.name)[:left], kind)

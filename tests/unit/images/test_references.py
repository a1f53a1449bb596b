"""References of every kind become upright 8-bit images without metadata; other files are refused."""

import zlib
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageChops, ImageStat

from imagineart.errors import InvalidImageError, ModelError
from imagineart.images.containers import MAX_PARTS, MAX_SCANS, read_jpeg
from imagineart.images.kinds import JPEG, PNG, ImageKind
from imagineart.images.model import ReferenceImage
from imagineart.images.references import MAX_REFERENCE_SIDE, read_reference
from imagineart.images.sizes import Size
from tests.finishing import finish_image
from tests.sample_images import assemble, chunk, decode, encode, gradient, header, sample
from tests.sample_profiles import wide_gamut

WIDTH, HEIGHT = 64, 48
SIZE = Size(WIDTH, HEIGHT)
GRADIENT = gradient(WIDTH, HEIGHT)
NOISE = Image.effect_noise((WIDTH, HEIGHT), 80).convert("RGB")

EVERY_KIND = {
    "PNG": encode(NOISE, "png"),
    "JPEG": encode(NOISE, "jpeg"),
    "progressive JPEG": encode(NOISE, "jpeg", progressive=True),
    "WebP": encode(NOISE, "webp"),
    "lossless WebP": encode(NOISE, "webp", lossless=True),
    "HEIC": encode(NOISE, "heif"),
}
TURNED = GRADIENT.rotate(180)
IMAGES = {
    "PNG": sample("png"),
    "JPEG": sample("jpeg"),
    "progressive JPEG": encode(GRADIENT, "jpeg", progressive=True),
    "CMYK JPEG": encode(GRADIENT.convert("CMYK"), "jpeg"),
    "WebP": sample("webp"),
    "lossless WebP": encode(GRADIENT, "webp", lossless=True),
    "HEIC": sample("heic"),
    "animated PNG": encode(GRADIENT, "png", save_all=True, append_images=[TURNED]),
    "animated WebP": encode(GRADIENT, "webp", save_all=True, append_images=[TURNED]),
    "MPO": encode(GRADIENT, "mpo", save_all=True, append_images=[TURNED]),
    "HEIC of two images": encode(GRADIENT, "heif", save_all=True, append_images=[TURNED]),
}


def read(content: bytes) -> ReferenceImage:
    return read_reference(content, label="images[2]")


def read_pixels(content: bytes) -> Image.Image:
    return decode(read(content).content)


def problem(content: bytes) -> str:
    """Why a reference image is refused."""
    with pytest.raises(InvalidImageError) as caught:
        read(content)
    label, _, reason = caught.value.message.partition(": ")
    assert (label, caught.value.field) == ("images[2]", "images[2]")
    assert reason.endswith(" Accepted are PNG, JPEG, WebP, HEIC, HEIF.")
    return reason.removesuffix(" Accepted are PNG, JPEG, WebP, HEIC, HEIF.")


def assert_looks_like(image: Image.Image, original: Image.Image, tolerance: float = 6.0) -> None:
    """Equal in size, and in every channel alike on average."""
    assert image.size == original.size
    difference = ImageStat.Stat(ImageChops.difference(image.convert("RGB"), original.convert("RGB")))
    assert max(difference.mean) < tolerance


def exif(**tags: object) -> bytes:
    written = Image.Exif()
    for name, value in tags.items():
        written[ExifTags.Base[name]] = value
    return written.tobytes()


@pytest.mark.parametrize("content", IMAGES.values(), ids=IMAGES)
def test_a_reference_of_every_kind_is_read_by_its_first_image(content: bytes) -> None:
    reference = read(content)
    assert reference.size == SIZE
    assert_looks_like(decode(reference.content), GRADIENT)
    assert decode(reference.content).mode == "RGB"


@pytest.mark.parametrize(("name", "kind"), [("PNG", PNG), ("JPEG", JPEG), ("WebP", JPEG), ("HEIC", JPEG)])
def test_a_reference_goes_on_as_png_where_it_was_exact_and_as_jpeg_where_it_was_not(
    name: str, kind: ImageKind
) -> None:
    reference = read(IMAGES[name])
    assert reference.kind == kind
    assert decode(reference.content).format == kind.name


def test_a_png_reference_keeps_every_pixel() -> None:
    assert read_pixels(sample("png")).tobytes() == GRADIENT.tobytes()


# How the rows and columns of a stored image lie in the upright one: TIFF 6.0, tag Orientation.
UPRIGHT_POSITIONS: dict[int, Callable[[int, int, int, int], tuple[int, int]]] = {
    1: lambda x, y, width, height: (x, y),
    2: lambda x, y, width, height: (width - 1 - x, y),
    3: lambda x, y, width, height: (width - 1 - x, height - 1 - y),
    4: lambda x, y, width, height: (x, height - 1 - y),
    5: lambda x, y, width, height: (y, x),
    6: lambda x, y, width, height: (height - 1 - y, x),
    7: lambda x, y, width, height: (height - 1 - y, width - 1 - x),
    8: lambda x, y, width, height: (y, width - 1 - x),
}


@pytest.mark.parametrize("orientation", UPRIGHT_POSITIONS)
@pytest.mark.parametrize("format_name", ["png", "jpeg", "webp", "heif"])
def test_the_corners_of_an_oriented_image_are_where_they_belong(format_name: str, orientation: int) -> None:
    colours = {(0, 0): (220, 30, 30), (1, 0): (30, 200, 30), (0, 1): (30, 30, 220), (1, 1): (230, 230, 40)}
    stored = Image.new("RGB", (WIDTH, HEIGHT))
    for (column, row), colour in colours.items():
        stored.paste(colour, (column * WIDTH // 2, row * HEIGHT // 2, WIDTH, HEIGHT))
    reference = read(encode(stored, format_name, exif=exif(Orientation=orientation), quality=95))
    upright = decode(reference.content)
    assert reference.size == (SIZE if orientation < 5 else Size(HEIGHT, WIDTH))
    for (column, row), colour in colours.items():
        corner = (column * (WIDTH - 1), row * (HEIGHT - 1))
        pixel = upright.getpixel(UPRIGHT_POSITIONS[orientation](*corner, WIDTH, HEIGHT))
        assert all(abs(got - want) < 20 for got, want in zip(pixel, colour, strict=True))


@pytest.mark.parametrize(
    "written",
    [*(exif(Orientation=each) for each in (0, 9, 65535)), b"Exif\0\0II*\0\xff\xff\xff\x7f" + b"\xff" * 20],
    ids=["orientation 0", "orientation 9", "orientation 65535", "damaged"],
)
@pytest.mark.parametrize("format_name", ["png", "jpeg", "webp"])
def test_exif_that_makes_no_sense_is_ignored(format_name: str, written: bytes) -> None:
    assert_looks_like(read_pixels(encode(GRADIENT, format_name, exif=written)), GRADIENT)


@pytest.mark.parametrize("format_name", ["png", "jpeg", "webp", "heif"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_nothing_but_the_image_goes_on(format_name: str, orientation: int) -> None:
    personal = Image.Exif()
    personal[ExifTags.Base.Orientation] = orientation
    personal[ExifTags.Base.Artist] = "Ada Lovelace"
    personal.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "51 degrees north"
    options = {
        "exif": personal.tobytes(),
        "xmp": b"<x:xmpmeta>Ada Lovelace</x:xmpmeta>",
        "icc_profile": wide_gamut(),
        "comment": b"by Ada",
    }
    content = encode(GRADIENT, format_name, **options)
    assert b"Ada Lovelace" in content

    cleaned = read(content).content

    for secret in (b"Ada", b"51 degrees north", b"Exif", b"xmpmeta", b"acsp", b"ICC_PROFILE"):
        assert secret not in cleaned
    assert set(decode(cleaned).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


@pytest.mark.parametrize(
    ("format_name", "options"), [("png", {}), ("webp", {"lossless": True, "exact": True})]
)
def test_transparency_is_kept_pixel_by_pixel(format_name: str, options: dict[str, bool]) -> None:
    original = gradient(WIDTH, HEIGHT, "RGBA")
    reference = read(encode(original, format_name, **options))
    assert reference.kind == PNG
    assert decode(reference.content).tobytes() == original.tobytes()


def two_colours(mode: str = "RGB") -> Image.Image:
    """Red to the left, blue to the right."""
    image = Image.new("RGB", (2, 1), (0, 0, 255))
    image.putpixel((0, 0), (255, 0, 0))
    return image.convert(mode)


def palette() -> Image.Image:
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((1, 0), 1)
    return image


def png_of(depth: int, colour_type: int, row: bytes, *parts: bytes, width: int = 2) -> bytes:
    """A PNG of one row, given as it is packed."""
    pixels = chunk(b"IDAT", zlib.compress(b"\0" + row))
    return assemble(
        header(width, 1, bit_depth=depth, colour_type=colour_type), *parts, pixels, chunk(b"IEND")
    )


OPAQUE = {
    "palette": (encode(palette(), "png"), [(255, 0, 0), (0, 0, 255)]),
    "gray": (encode(two_colours("L"), "png"), [(76, 76, 76), (29, 29, 29)]),
    "one bit": (png_of(1, 0, b"\x40"), [(0, 0, 0), (255, 255, 255)]),
    "16-bit gray": (png_of(16, 0, b"\x64\x64\xff\xff"), [(100, 100, 100), (255, 255, 255)]),
    "16-bit colour": (png_of(16, 2, b"\xff\xff\x80\x00\x00\x00" * 2), [(255, 128, 0)] * 2),
}
FIRST_IS_CLEAR = {
    "palette with one clear entry": encode(palette(), "png", transparency=0),
    "palette with two entries of alpha": encode(palette(), "png", transparency=b"\x00\xff"),
    "1-bit gray": png_of(1, 0, b"\x80", chunk(b"tRNS", b"\0\1")),
    "2-bit gray": png_of(2, 0, b"\xb0", chunk(b"tRNS", b"\0\2")),
    "4-bit gray": png_of(4, 0, b"\xa3", chunk(b"tRNS", b"\0\x0a")),
    "8-bit gray": encode(two_colours("L"), "png", transparency=76),
    "16-bit gray": png_of(16, 0, b"\x12\x34\x12\x35", chunk(b"tRNS", b"\x12\x34")),
    "8-bit colour": encode(two_colours(), "png", transparency=(255, 0, 0)),
    "16-bit colour": png_of(
        16, 2, b"\x12\x34\x56\x78\x9a\xbc" + b"\x12\x34\x56\x78\x9a\xbd",
        chunk(b"tRNS", b"\x12\x34\x56\x78\x9a\xbc"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "pixels"), OPAQUE.values(), ids=OPAQUE)
def test_every_layout_of_a_png_becomes_8_bit_rgb(content: bytes, pixels: list[tuple[int, int, int]]) -> None:
    image = read_pixels(content)
    assert image.mode == "RGB"
    assert [image.getpixel((x, 0)) for x in range(image.width)] == pixels


@pytest.mark.parametrize("content", FIRST_IS_CLEAR.values(), ids=FIRST_IS_CLEAR)
def test_every_way_of_transparency_becomes_an_alpha_channel(content: bytes) -> None:
    image = read_pixels(content)
    assert image.mode == "RGBA"
    assert [image.getpixel((x, 0))[3] for x in range(2)] == [0, 255]
    assert decode(finish_image(content, Size(2, 1))).tobytes() == image.tobytes()


def test_a_reference_larger_than_any_output_is_reduced_and_its_size_remembered() -> None:
    for format_name in ("png", "jpeg"):
        reference = read(encode(gradient(9000, 60), format_name, exif=exif(Orientation=6)))
        assert reference.size == Size(60, 9000)
        assert decode(reference.content).height == MAX_REFERENCE_SIDE


# What is refused


@pytest.mark.parametrize("part", [0.05, 0.25, 0.5, 0.75, 0.95])
@pytest.mark.parametrize("name", EVERY_KIND)
def test_a_truncated_file_of_every_kind_is_refused_and_named(name: str, part: float) -> None:
    content = EVERY_KIND[name]
    shown = f"the {name.split()[-1]} is truncated or damaged."
    assert problem(content[: int(len(content) * part)]) == shown
    assert problem(content[:-1]) == shown


@pytest.mark.filterwarnings("ignore::UserWarning")
@given(st.data())
def test_a_damaged_file_is_an_image_or_refused_and_nothing_worse(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from([*EVERY_KIND.values(), *IMAGES.values()])))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with suppress(InvalidImageError):
        decode(read(bytes(content)).content)
    with suppress(ModelError):
        assert decode(finish_image(bytes(content), SIZE)).size == (WIDTH, HEIGHT)


def huge(name: str) -> bytes:
    """A small file of a kind that declares far more pixels than it holds."""
    content = bytearray(EVERY_KIND.get(name, b""))
    match name:
        case "PNG":
            return assemble(header(60_000, 60_000), chunk(b"IDAT", b"x"), chunk(b"IEND"))
        case "JPEG":
            frame = content.index(b"\xff\xc0")
            content[frame + 5 : frame + 9] = (60_000).to_bytes(2, "big") * 2
        case "WebP":
            content[26:30] = (16_383).to_bytes(2, "little") * 2
        case "lossless WebP":
            content[21:25] = (16_382 | 16_382 << 14).to_bytes(4, "little")
    return bytes(content)


@pytest.mark.parametrize(
    ("name", "shown"),
    [("PNG", "PNG has 60000x60000"), ("JPEG", "JPEG has 60000x60000"), ("WebP", "WebP has 16383x16383"),
     ("lossless WebP", "WebP has 16383x16383")],
)  # fmt: skip
def test_a_decompression_bomb_is_refused_by_its_declared_size(name: str, shown: str) -> None:
    assert problem(huge(name)) == f"the {shown} pixels, more than 50 megapixels."


def test_a_heic_that_declares_too_many_pixels_is_refused() -> None:
    content = bytearray(EVERY_KIND["HEIC"])
    extents = content.index(b"ispe")
    content[extents + 8 : extents + 16] = (60_000).to_bytes(4, "big") * 2
    assert problem(bytes(content))


@pytest.mark.parametrize(
    ("width", "height", "refused"), [(7071, 7071, False), (7072, 7071, True), (50_000_001, 1, True)]
)
def test_the_bound_is_50_megapixels(width: int, height: int, refused: bool) -> None:
    nothing_inside = assemble(header(width, height, colour_type=0), chunk(b"IDAT", b"x"), chunk(b"IEND"))
    assert ("more than 50 megapixels" in problem(nothing_inside)) is refused


SCAN = b"\xff\xda\x00\x08\x01\x01\x00\x3f\x0d\x00"
EXIF_SEGMENT = b"\xff\xe1\x00\x08Exif\0\0"
COMMENT = b"\xff\xfe\x00\x04by"
WEBP_CHUNK = b"XMP \x02\0\0\0by"
BOX = b"\0\0\0\x08free"


def jpeg_with(part: bytes, count: int) -> bytes:
    content = EVERY_KIND["JPEG"]
    return content[:2] + part * count + content[2:]


PARTS = {
    "scans": (lambda count: jpeg_with(SCAN, count), MAX_SCANS - 1, "the JPEG has more than 100 scans."),
    "Exif segments": (
        lambda count: jpeg_with(EXIF_SEGMENT, count), 1, "the JPEG has more than one Exif segment.",
    ),
    "JPEG segments": (
        lambda count: jpeg_with(COMMENT, count), MAX_PARTS - 9, "the JPEG has more than 1000 segments.",
    ),
    "JPEG marks": (
        lambda count: jpeg_with(b"\xff\x01", count), MAX_PARTS - 9, "the JPEG has more than 1000 segments.",
    ),
    "WebP chunks": (
        lambda count: EVERY_KIND["WebP"] + WEBP_CHUNK * count, MAX_PARTS - 1,
        "the WebP has more than 1000 chunks.",
    ),
    "HEIC boxes": (
        lambda count: EVERY_KIND["HEIC"] + BOX * count, 900, "the HEIF has more than 1000 boxes.",
    ),
    "HEIC boxes in boxes": (
        lambda count: EVERY_KIND["HEIC"] + (8 + 8 * count).to_bytes(4, "big") + b"moov" + BOX * count, 900,
        "the HEIF has more than 1000 boxes.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("build", "allowed", "reason"), PARTS.values(), ids=PARTS)
def test_a_file_of_too_many_parts_is_refused_before_it_is_decoded(
    build: Callable[[int], bytes], allowed: int, reason: str
) -> None:
    assert problem(build(allowed + 101)) == reason
    try:
        read(build(allowed))
    except InvalidImageError as error:
        assert "more than" not in error.message


def test_a_segment_of_tables_larger_than_makes_sense_is_refused() -> None:
    tables = b"\xff\xdb" + (2 + 65 * 1000).to_bytes(2, "big") + (b"\0" + bytes([1] * 64)) * 1000
    assert problem(jpeg_with(tables, 1)) == "the JPEG is truncated or damaged."


def test_padding_before_a_marker_and_marks_within_pixels_are_no_segments() -> None:
    """Pillow would read the padding byte by byte."""
    content = encode(GRADIENT, "jpeg", restart_marker_blocks=1)
    padded = content.replace(b"\xff\xda", b"\xff" * 10_000_000 + b"\xff\xda")
    assert read_jpeg(padded).content == read_jpeg(content).content
    assert_looks_like(read_pixels(padded), GRADIENT)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"a text file named .png", "the content is text."), (b"", "the content is an empty file."),
     (sample("gif"), "the content is a GIF image."), (sample("avif"), "the content is an AVIF image."),
     (b"%PDF-1.7", "the content is a PDF document."),
     (bytes(range(256)), "the content is an unknown binary format."),
     (b"\xff\xd8\xff\xe0 and then text", "the JPEG is truncated or damaged.")],
)  # fmt: skip
def test_content_that_is_no_image_is_refused_with_its_name(content: bytes, reason: str) -> None:
    assert problem(content) == reason

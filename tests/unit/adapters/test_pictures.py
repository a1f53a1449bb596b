"""Reference images of every kind become upright sRGB, and a backend's answer becomes the PNG to deliver."""

import io
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageChops, ImageCms, ImageStat

from imagineart.adapters.pictures import MAX_REFERENCE_SIDE, PillowPictureFinisher, PillowReferenceReader
from imagineart.domain.errors import InvalidImageError, ModelError, ModelTimeoutError
from imagineart.domain.images import JPEG, PNG, ImageKind, ReferenceImage
from imagineart.domain.pieces import Piece
from imagineart.domain.sizes import Size
from tests.fakes.image_making import PieceSource
from tests.sample_pictures import (
    assemble,
    chunk,
    chunks,
    decode,
    encode,
    gradient,
    header,
    insert_chunks,
    sample,
    split,
)
from tests.sample_profiles import ink_that_prints_gray, wide_gamut

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
PICTURES = {
    "PNG": sample("png"),
    "JPEG": sample("jpeg"),
    "progressive JPEG": encode(GRADIENT, "jpeg", progressive=True),
    "CMYK JPEG": encode(GRADIENT.convert("CMYK"), "jpeg"),
    "WebP": sample("webp"),
    "lossless WebP": encode(GRADIENT, "webp", lossless=True),
    "HEIC": sample("heic"),
    "animated PNG": encode(GRADIENT, "png", save_all=True, append_images=[GRADIENT.rotate(180)]),
    "animated WebP": encode(GRADIENT, "webp", save_all=True, append_images=[GRADIENT.rotate(180)]),
    "MPO": encode(GRADIENT, "mpo", save_all=True, append_images=[GRADIENT.rotate(180)]),
    "HEIC of two pictures": encode(GRADIENT, "heif", save_all=True, append_images=[GRADIENT.rotate(180)]),
}

# What is an error under these tests is a line in the log where it counts.
decoders_may_warn = pytest.mark.filterwarnings("ignore::UserWarning")


def read(content: bytes) -> ReferenceImage:
    return PillowReferenceReader().read(content, label="images[2]")


def read_picture(content: bytes) -> Image.Image:
    return decode(read(content).content)


def finish(content: bytes, size: Size = SIZE) -> bytes:
    return finish_pieces(PieceSource([content]), size)


def finish_pieces(source: PieceSource, size: Size = SIZE) -> bytes:
    """The finished picture, whole; its source has been let go, whatever came of it."""
    try:
        return b"".join(PillowPictureFinisher().finish(source.pieces(), size))
    finally:
        assert source.closed


def problem(content: bytes) -> str:
    """Why a reference image is refused."""
    with pytest.raises(InvalidImageError) as caught:
        read(content)
    label, _, reason = caught.value.message.partition(": ")
    assert (label, caught.value.field) == ("images[2]", "images[2]")
    assert reason.endswith(" Accepted are PNG, JPEG, WebP, HEIC, HEIF.")
    return reason.removesuffix(" Accepted are PNG, JPEG, WebP, HEIC, HEIF.")


def assert_looks_like(picture: Image.Image, original: Image.Image, tolerance: float = 6.0) -> None:
    """Equal in size, and in every channel alike on average."""
    assert picture.size == original.size
    difference = ImageStat.Stat(ImageChops.difference(picture.convert("RGB"), original.convert("RGB")))
    assert max(difference.mean) < tolerance


def assert_colour(pixel: tuple[int, ...], expected: tuple[int, ...], tolerance: int = 3) -> None:
    assert all(abs(got - want) <= tolerance for got, want in zip(pixel, expected, strict=True)), pixel


def exif(**tags: object) -> bytes:
    written = Image.Exif()
    for name, value in tags.items():
        written[ExifTags.Base[name]] = value
    return written.tobytes()


@pytest.mark.parametrize("content", PICTURES.values(), ids=PICTURES)
def test_a_reference_of_every_kind_is_read_by_its_first_picture(content: bytes) -> None:
    reference = read(content)
    assert reference.size == SIZE
    assert_looks_like(decode(reference.content), GRADIENT)
    assert decode(reference.content).mode == "RGB"


@pytest.mark.parametrize(("name", "kind"), [("PNG", PNG), ("JPEG", JPEG), ("WebP", JPEG), ("HEIC", JPEG)])
def test_a_reference_goes_on_as_png_where_it_was_exact_and_as_jpeg_where_it_was_not(
    name: str, kind: ImageKind
) -> None:
    reference = read(PICTURES[name])
    assert reference.kind == kind
    assert decode(reference.content).format == kind.name


def test_a_png_reference_keeps_every_pixel() -> None:
    assert read_picture(sample("png")).tobytes() == GRADIENT.tobytes()


# How the rows and columns of a stored picture lie in the upright one: TIFF 6.0, tag Orientation.
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
each_orientation = pytest.mark.parametrize("orientation", UPRIGHT_POSITIONS)


@each_orientation
def test_every_pixel_of_an_oriented_png_is_where_it_belongs(orientation: int) -> None:
    stored = gradient(5, 3)
    reference = read(encode(stored, "png", exif=exif(Orientation=orientation)))
    upright = decode(reference.content)
    assert reference.size == Size(*upright.size) == (Size(5, 3) if orientation < 5 else Size(3, 5))
    for y in range(3):
        for x in range(5):
            position = UPRIGHT_POSITIONS[orientation](x, y, 5, 3)
            assert upright.getpixel(position) == stored.getpixel((x, y))


@each_orientation
@pytest.mark.parametrize("format_name", ["jpeg", "webp", "heif"])
def test_the_corners_of_an_oriented_photograph_are_where_they_belong(
    format_name: str, orientation: int
) -> None:
    colours = {(0, 0): (220, 30, 30), (1, 0): (30, 200, 30), (0, 1): (30, 30, 220), (1, 1): (230, 230, 40)}
    stored = Image.new("RGB", (WIDTH, HEIGHT))
    for (column, row), colour in colours.items():
        stored.paste(colour, (column * WIDTH // 2, row * HEIGHT // 2, WIDTH, HEIGHT))
    reference = read(encode(stored, format_name, exif=exif(Orientation=orientation), quality=95))
    upright = decode(reference.content)
    assert reference.size == (SIZE if orientation < 5 else Size(HEIGHT, WIDTH))
    for (column, row), colour in colours.items():
        corner = (column * (WIDTH - 1), row * (HEIGHT - 1))
        assert_colour(upright.getpixel(UPRIGHT_POSITIONS[orientation](*corner, WIDTH, HEIGHT)), colour, 20)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
@pytest.mark.parametrize("format_name", ["png", "jpeg", "webp"])
def test_an_orientation_that_does_not_exist_is_ignored(format_name: str, orientation: int) -> None:
    reference = read(encode(GRADIENT, format_name, exif=exif(Orientation=orientation)))
    assert_looks_like(decode(reference.content), GRADIENT)


@decoders_may_warn
@pytest.mark.parametrize("format_name", ["png", "jpeg", "webp"])
def test_damaged_exif_does_not_make_a_picture_unusable(format_name: str) -> None:
    reference = read(encode(GRADIENT, format_name, exif=b"Exif\0\0II*\0\xff\xff\xff\x7f" + b"\xff" * 20))
    assert_looks_like(decode(reference.content), GRADIENT)


@pytest.mark.parametrize("format_name", ["png", "jpeg", "webp", "heif"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_nothing_but_the_picture_goes_on(format_name: str, orientation: int) -> None:
    personal = Image.Exif()
    personal[ExifTags.Base.Orientation] = orientation
    personal[ExifTags.Base.Artist] = "Ada Lovelace"
    personal.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "51 degrees north"
    options = {
        "exif": personal.tobytes(),
        "xmp": b"<x:xmpmeta>Ada Lovelace</x:xmpmeta>",
        "icc_profile": wide_gamut(),
    }
    content = encode(GRADIENT, format_name, **options)
    assert b"Ada Lovelace" in content

    cleaned = read(content).content

    for secret in (b"Ada Lovelace", b"51 degrees north", b"Exif", b"xmpmeta", b"acsp", b"ICC_PROFILE"):
        assert secret not in cleaned
    assert not decode(cleaned).getexif()
    assert set(decode(cleaned).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_a_jpegs_comment_does_not_go_on() -> None:
    assert b"by Ada" not in read(encode(GRADIENT, "jpeg", comment=b"by Ada")).content


@pytest.mark.parametrize(
    ("format_name", "options"), [("png", {}), ("webp", {"lossless": True, "exact": True})]
)
def test_transparency_is_kept_pixel_by_pixel(format_name: str, options: dict[str, bool]) -> None:
    original = gradient(WIDTH, HEIGHT, "RGBA")
    reference = read(encode(original, format_name, **options))
    assert reference.kind == PNG
    assert decode(reference.content).tobytes() == original.tobytes()


def test_transparency_of_a_heic_is_kept() -> None:
    original = gradient(WIDTH, HEIGHT, "RGBA")
    reference = read(encode(original, "heif"))
    assert reference.kind == PNG
    assert_looks_like(decode(reference.content).getchannel("A"), original.getchannel("A"))


def two_colours(mode: str = "RGB") -> Image.Image:
    """Red to the left, blue to the right."""
    picture = Image.new("RGB", (2, 1), (0, 0, 255))
    picture.putpixel((0, 0), (255, 0, 0))
    return picture.convert(mode)


def palette() -> Image.Image:
    picture = Image.new("P", (2, 1))
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.putdata([0, 1])
    return picture


OPAQUE = {
    "palette": (encode(palette(), "png"), [(255, 0, 0), (0, 0, 255)]),
    "gray": (encode(two_colours("L"), "png"), [(76, 76, 76), (29, 29, 29)]),
    "one bit": (encode(Image.frombytes("1", (2, 1), b"\x40"), "png"), [(0, 0, 0), (255, 255, 255)]),
    "16-bit gray": (
        encode(Image.frombytes("I;16", (2, 1), b"\0\0\xff\xff"), "png"),
        [(0, 0, 0), (255, 255, 255)],
    ),
    "16-bit colour": (
        assemble(
            header(1, 1, bit_depth=16),
            chunk(b"IDAT", zlib.compress(b"\0\xff\xff\x80\x00\x00\x00")),
            chunk(b"IEND"),
        ),
        [(255, 128, 0)],
    ),
}
TRANSPARENT = {
    "palette with one clear entry": encode(palette(), "png", transparency=0),
    "palette with half clear entries": encode(palette(), "png", transparency=b"\x00\xff"),
    "gray with a clear shade": encode(two_colours("L"), "png", transparency=76),
    "colour with a clear colour": encode(two_colours(), "png", transparency=(255, 0, 0)),
}


@pytest.mark.parametrize(("content", "pixels"), OPAQUE.values(), ids=OPAQUE)
def test_every_layout_of_a_png_becomes_8_bit_rgb(content: bytes, pixels: list[tuple[int, int, int]]) -> None:
    picture = read_picture(content)
    assert picture.mode == "RGB"
    assert [picture.getpixel((x, 0)) for x in range(picture.width)] == pixels


def test_16_bit_shades_are_scaled_not_cut() -> None:
    shades = b"".join(level.to_bytes(2, "little") for level in (257 * 10, 257 * 100, 257 * 200))
    picture = read_picture(encode(Image.frombytes("I;16", (3, 1), shades), "png"))
    assert [picture.getpixel((x, 0))[0] for x in range(3)] == [10, 100, 200]


@pytest.mark.parametrize("content", TRANSPARENT.values(), ids=TRANSPARENT)
def test_every_way_of_transparency_becomes_an_alpha_channel(content: bytes) -> None:
    picture = read_picture(content)
    assert picture.mode == "RGBA"
    assert [picture.getpixel((x, 0))[3] for x in range(2)] == [0, 255]
    assert decode(finish(content, Size(2, 1))).tobytes() == picture.tobytes()


@pytest.mark.parametrize(
    ("stored", "seen"),
    [((255, 0, 0, 0), (0, 255, 255)), ((0, 0, 0, 0), (255, 255, 255)), ((0, 0, 0, 255), (0, 0, 0)),
     ((0, 255, 255, 0), (255, 0, 0))],
)  # fmt: skip
def test_cmyk_without_a_profile_is_read_as_ink_on_white(
    stored: tuple[int, ...], seen: tuple[int, ...]
) -> None:
    content = encode(Image.new("CMYK", (16, 16), stored), "jpeg", quality=100)
    assert_colour(read_picture(content).getpixel((8, 8)), seen)


@pytest.mark.parametrize(
    ("stored", "seen"),
    [((255, 0, 0, 0), (126, 126, 126)), ((0, 255, 255, 0), (255, 255, 255)), ((0, 0, 0, 255), (0, 0, 0))],
)
def test_cmyk_with_a_profile_is_read_by_its_profile(stored: tuple[int, ...], seen: tuple[int, ...]) -> None:
    content = encode(
        Image.new("CMYK", (16, 16), stored), "jpeg", quality=100, icc_profile=ink_that_prints_gray()
    )
    assert_colour(read_picture(content).getpixel((8, 8)), seen)


def srgb_of_wide_gamut(colour: tuple[int, int, int]) -> tuple[int, ...]:
    """The sRGB of a colour under `wide_gamut`, computed by way of CIE XYZ at D50."""
    red, green, blue = ((level / 255) ** 2.2 for level in colour)
    x = 0.5151 * red + 0.2920 * green + 0.1571 * blue
    y = 0.2412 * red + 0.6922 * green + 0.0666 * blue
    z = -0.0011 * red + 0.0419 * green + 0.7841 * blue
    linear = (
        3.1339 * x - 1.6169 * y - 0.4906 * z,
        -0.9788 * x + 1.9161 * y + 0.0335 * z,
        0.0719 * x - 0.2290 * y + 1.4052 * z,
    )
    clipped = (min(1.0, max(0.0, level)) for level in linear)
    encoded = (12.92 * c if c <= 0.0031308 else 1.055 * c ** (1 / 2.4) - 0.055 for c in clipped)
    return tuple(round(level * 255) for level in encoded)


@pytest.mark.parametrize(
    "colour", [(200, 60, 60), (60, 200, 90), (128, 128, 128), (255, 255, 255), (20, 30, 220)]
)
@pytest.mark.parametrize(
    ("format_name", "options"),
    [("png", {}), ("webp", {"lossless": True}), ("jpeg", {"quality": 100, "subsampling": 0})],
)
def test_a_wide_gamut_is_brought_to_srgb(
    format_name: str, options: dict[str, object], colour: tuple[int, int, int]
) -> None:
    content = encode(Image.new("RGB", (16, 16), colour), format_name, icc_profile=wide_gamut(), **options)
    assert_colour(read_picture(content).getpixel((8, 8)), srgb_of_wide_gamut(colour), 4)


def test_a_wide_gamut_is_brought_to_srgb_beside_transparency() -> None:
    picture = Image.new("RGBA", (4, 4), (200, 60, 60, 77))
    pixel = read_picture(encode(picture, "png", icc_profile=wide_gamut())).getpixel((1, 1))
    assert_colour(pixel[:3], srgb_of_wide_gamut((200, 60, 60)), 4)
    assert pixel[3] == 77


PROFILES_THAT_CHANGE_NOTHING = {
    "sRGB": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
    "of another colour space": ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes(),
    "of another ink": ink_that_prints_gray(),
    "garbage": b"garbage" * 100,
    "cut off": wide_gamut()[:200],
}


@pytest.mark.parametrize("profile", PROFILES_THAT_CHANGE_NOTHING.values(), ids=PROFILES_THAT_CHANGE_NOTHING)
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_a_profile_that_does_not_fit_is_ignored(mode: str, profile: bytes) -> None:
    picture = gradient(WIDTH, HEIGHT, "RGBA").convert(mode)
    plain, profiled = encode(picture, "png"), encode(picture, "png", icc_profile=profile)
    assert read_picture(profiled).tobytes() == read_picture(plain).tobytes()


@pytest.mark.parametrize("part", [0.05, 0.25, 0.5, 0.75, 0.95])
@pytest.mark.parametrize("name", EVERY_KIND)
def test_a_truncated_file_of_every_kind_is_refused_and_named(name: str, part: float) -> None:
    content = EVERY_KIND[name]
    assert problem(content[: int(len(content) * part)]) == (
        f"the {name.split()[-1]} is truncated or damaged."
    )  # fmt: skip


@pytest.mark.parametrize("name", EVERY_KIND)
def test_a_file_that_lacks_its_last_byte_is_refused(name: str) -> None:
    assert "truncated or damaged" in problem(EVERY_KIND[name][:-1])


def test_a_png_with_any_damaged_byte_is_refused_even_where_it_is_oriented() -> None:
    for content in (sample("png", 8, 6), encode(gradient(8, 6), "png", exif=exif(Orientation=6))):
        for at in range(8, len(content)):
            damaged = bytearray(content)
            damaged[at] ^= 0x10
            with pytest.raises(InvalidImageError):
                read(bytes(damaged))


@decoders_may_warn
@given(st.data())
def test_a_damaged_file_is_a_picture_or_refused_and_nothing_worse(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from([*EVERY_KIND.values(), *PICTURES.values()])))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        reference = read(bytes(content))
    except InvalidImageError:
        reference = None
    if reference:
        decode(reference.content)
    try:
        finished = finish(bytes(content))
    except ModelError:
        return
    assert decode(finished).size == (WIDTH, HEIGHT)


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


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"a text file named .png", "the content is text."), (b"", "the content is an empty file."),
     (sample("gif"), "the content is a GIF image."), (sample("avif"), "the content is an AVIF image."),
     (b"%PDF-1.7", "the content is a PDF document."),
     (bytes(range(256)), "the content is an unknown binary format."),
     (b"\xff\xd8\xff\xe0 and then text", "the JPEG is truncated or damaged.")],
)  # fmt: skip
def test_what_is_no_picture_is_refused_with_its_name(content: bytes, reason: str) -> None:
    assert problem(content) == reason


@pytest.mark.parametrize("format_name", ["png", "jpeg"])
def test_a_reference_larger_than_any_output_is_reduced_and_its_size_remembered(format_name: str) -> None:
    reference = read(encode(gradient(9000, 60), format_name, exif=exif(Orientation=6)))
    assert reference.size == Size(60, 9000)
    assert decode(reference.content).height == MAX_REFERENCE_SIDE


# The finisher


def kinds(png: bytes) -> set[bytes]:
    return {kind for kind, _ in chunks(png)}


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_right_png_passes_with_its_pixels_untouched_and_its_metadata_dropped(mode: str) -> None:
    original = sample("png", WIDTH, HEIGHT, mode)
    dirty = insert_chunks(original, chunk(b"tEXt", b"prompt\0a fox"), chunk(b"gAMA", bytes([0, 0, 177, 143])))
    assert finish(dirty + b"trailing bytes") == original


@pytest.mark.parametrize("content", PICTURES.values(), ids=PICTURES)
def test_every_other_picture_is_converted(content: bytes) -> None:
    finished = finish(content)
    assert kinds(finished) == {b"IHDR", b"IDAT", b"IEND"}
    assert decode(finished).mode == "RGB"
    assert_looks_like(decode(finished), GRADIENT)


@pytest.mark.parametrize(
    "picture",
    [gradient(WIDTH, HEIGHT, "L"), GRADIENT.quantize(16), gradient(WIDTH, HEIGHT, "1"),
     Image.new("I;16", (WIDTH, HEIGHT), 30_000), gradient(WIDTH, HEIGHT, "RGBA").convert("LA")],
    ids=["gray", "palette", "one bit", "16 bits", "gray with alpha"],
)  # fmt: skip
def test_every_layout_is_delivered_in_8_bits_of_rgb_or_rgba(picture: Image.Image) -> None:
    finished = finish(encode(picture, "png"))
    (_, head), *_ = chunks(finished)
    assert head[8:] in (b"\x08\x02\0\0\0", b"\x08\x06\0\0\0")
    assert kinds(finished) == {b"IHDR", b"IDAT", b"IEND"}
    assert (decode(finished).mode == "RGBA") is (picture.mode == "LA")


@pytest.mark.parametrize("stored", [(1, 1), (32, 24), (48, 64), (640, 48), (65, 48), (64, 47)])
@pytest.mark.parametrize("format_name", ["png", "jpeg"])
def test_a_wrong_size_is_brought_to_the_exact_one(format_name: str, stored: tuple[int, int]) -> None:
    finished = finish(encode(gradient(*stored), format_name))
    assert decode(finished).size == (WIDTH, HEIGHT)
    assert kinds(finished) == {b"IHDR", b"IDAT", b"IEND"}


def test_a_wrong_ratio_is_cropped_around_the_centre() -> None:
    bands = Image.new("RGB", (90, 30), (255, 0, 0))
    bands.paste((0, 255, 0), (30, 0, 60, 30))
    bands.paste((0, 0, 255), (60, 0, 90, 30))
    finished = decode(finish(encode(bands, "png"), Size(30, 30)))
    assert finished.tobytes() == Image.new("RGB", (30, 30), (0, 255, 0)).tobytes()


def test_transparency_of_a_wrong_size_is_kept() -> None:
    finished = decode(finish(sample("png", 128, 96, "RGBA")))
    assert finished.mode == "RGBA"
    assert_looks_like(finished.getchannel("A"), gradient(WIDTH, HEIGHT, "RGBA").getchannel("A"))


def test_a_wide_gamut_is_delivered_as_srgb() -> None:
    content = encode(Image.new("RGB", (WIDTH, HEIGHT), (200, 60, 60)), "png", icc_profile=wide_gamut())
    finished = finish(content)
    assert kinds(finished) == {b"IHDR", b"IDAT", b"IEND"}
    assert_colour(decode(finished).getpixel((0, 0)), srgb_of_wide_gamut((200, 60, 60)), 4)


def test_an_oriented_answer_is_delivered_upright() -> None:
    stored = GRADIENT.transpose(Image.Transpose.ROTATE_90)
    finished = finish(encode(stored, "jpeg", exif=exif(Orientation=6), quality=95))
    assert_looks_like(decode(finished), GRADIENT)


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


NO_PICTURE = {
    "nothing": b"",
    "HTML": b"<!doctype html><title>Bad gateway</title>",
    "JSON": b'{"error": "no picture"}',
    "GIF": sample("gif"),
    "bomb": assemble(header(60_000, 60_000), chunk(b"IDAT", b"x"), chunk(b"IEND")),
    "wrong CRC": flipped(sample("png"), -14),
    "wrong CRC and wrong size": flipped(sample("png", 8, 6), -14),
    "no pixels": assemble(header(WIDTH, HEIGHT), chunk(b"IEND")),
    "no pixels and wrong size": assemble(header(8, 6), chunk(b"IEND")),
    "pixels that are no pixels": assemble(header(8, 6), chunk(b"IDAT", b"text"), chunk(b"IEND")),
} | {f"truncated {name}": content[: len(content) // 2] for name, content in EVERY_KIND.items()}


@pytest.mark.parametrize("content", NO_PICTURE.values(), ids=NO_PICTURE)
def test_what_is_no_usable_picture_is_a_model_error_whose_reason_is_for_the_log(content: bytes) -> None:
    with pytest.raises(ModelError) as caught:
        finish(content)
    assert caught.value.message == "The inference backend answered something that is no picture."
    assert caught.value.detail.startswith("unusable picture: ")


def test_every_documented_size_can_be_finished_from_a_small_picture() -> None:
    finished = finish(sample("jpeg"), Size(592, 1776))
    assert Image.open(io.BytesIO(finished)).size == (592, 1776)


# The finisher's picture flows

RIGHT = encode(NOISE, "png")
PIECES = split(RIGHT, range(500, len(RIGHT), 500))


def test_a_right_png_leaves_while_it_comes_one_piece_behind() -> None:
    source = PieceSource(PIECES)
    finished = PillowPictureFinisher().finish(source.pieces(), SIZE)
    for position, piece in enumerate(PIECES):
        assert next(finished) == piece
        assert source.read == min(position + 2, len(PIECES))
    assert list(finished) == []
    assert source.closed


@pytest.mark.parametrize("damaged", [RIGHT[:-1], flipped(RIGHT, -14), flipped(RIGHT, 60)])
def test_a_picture_in_one_piece_is_known_to_be_whole_before_any_of_it_leaves(damaged: bytes) -> None:
    finished = PillowPictureFinisher().finish(PieceSource([damaged]).pieces(), SIZE)
    with pytest.raises(ModelError):
        next(finished)


def test_nothing_is_read_before_it_is_asked_for() -> None:
    source = PieceSource(PIECES)
    PillowPictureFinisher().finish(source.pieces(), SIZE)
    assert source.read == 0


FLOWING_AND_CONVERTED = {
    "right PNG": RIGHT,
    "right PNG with private chunks": insert_chunks(RIGHT, chunk(b"tEXt", b"prompt\0a fox" * 50)),
    "wrong size": sample("png", 8, 6),
    "wrong layout": encode(GRADIENT.convert("L"), "png"),
    "colour key": encode(GRADIENT, "png", transparency=(0, 0, 96)),
    "wide gamut": encode(GRADIENT, "png", icc_profile=wide_gamut()),
    "JPEG": sample("jpeg"),
    "HEIC": sample("heic"),
}


@pytest.mark.parametrize("content", FLOWING_AND_CONVERTED.values(), ids=FLOWING_AND_CONVERTED)
@given(st.lists(st.integers(0, 3000), max_size=20))
def test_a_picture_is_finished_the_same_however_it_is_cut_on_its_way(content: bytes, cuts: list[int]) -> None:
    assert finish_pieces(PieceSource(split(content, cuts))) == finish(content)


def test_a_picture_that_arrives_byte_by_byte_is_finished_the_same() -> None:
    for content in (sample("png"), sample("jpeg"), FLOWING_AND_CONVERTED["wide gamut"]):
        assert finish_pieces(PieceSource(split(content, range(len(content))))) == finish(content)


def test_nothing_of_a_wrong_picture_leaves_before_all_of_it_came() -> None:
    wrong = encode(NOISE, "png", transparency=(0, 0, 96))
    source = PieceSource(split(wrong, range(10, len(wrong), 10)))
    finished = PillowPictureFinisher().finish(source.pieces(), SIZE)
    first = next(finished)
    assert source.read == len(source.contents)
    assert decode(b"".join([first, *finished])).mode == "RGBA"


@pytest.mark.parametrize("damaged", [RIGHT[:-1], RIGHT[: len(RIGHT) // 2], flipped(RIGHT, -14)])
def test_a_picture_that_breaks_midway_is_a_model_error_after_what_was_passed_on(damaged: bytes) -> None:
    source = PieceSource(split(damaged, range(500, len(damaged), 500)))
    passed_on: list[Piece] = []
    with pytest.raises(ModelError) as caught:
        passed_on.extend(PillowPictureFinisher().finish(source.pieces(), SIZE))
    assert RIGHT.startswith(b"".join(passed_on))
    assert len(b"".join(passed_on)) > len(RIGHT) // 4
    assert caught.value.detail.startswith("unusable picture: ")
    assert source.closed


@pytest.mark.parametrize("content", FLOWING_AND_CONVERTED.values(), ids=FLOWING_AND_CONVERTED)
@pytest.mark.parametrize("at", [0, 0.5, 1])
def test_a_source_that_fails_fails_the_picture_with_its_own_error(content: bytes, at: float) -> None:
    failure = ModelTimeoutError(deadline_seconds=60)
    half = int(len(content) * at)
    source = PieceSource([content[:10], content[10:half]], failure)
    with pytest.raises(ModelTimeoutError) as caught:
        finish_pieces(source)
    assert caught.value is failure


@pytest.mark.parametrize("read", [1, 3])
def test_a_picture_that_nobody_reads_to_its_end_lets_its_source_go(read: int) -> None:
    source = PieceSource(PIECES)
    finished = PillowPictureFinisher().finish(source.pieces(), SIZE)
    for _ in range(read):
        next(finished)
    finished.close()
    assert (source.read, source.closed) == (read + 1, True)


def test_what_follows_the_end_of_the_picture_does_not_leave() -> None:
    assert finish_pieces(PieceSource([RIGHT, b"trailing", b"bytes", RIGHT])) == RIGHT

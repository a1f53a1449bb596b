"""Whatever says which colours an image has, they reach the backend, and the caller, as sRGB."""

from pathlib import Path

import pytest
from PIL import Image, ImageCms

from imagineart.errors import InvalidImageError
from imagineart.images.references import read_reference
from imagineart.images.sizes import Size
from tests.finishing import finish_image
from tests.sample_images import chunk, chunks, decode, encode, gradient, insert_chunks
from tests.sample_profiles import ink_that_prints_gray, wide_gamut

CASES = Path(__file__).parents[2] / "cases"
GRAY_128 = encode(Image.new("RGB", (4, 4), (128, 128, 128)), "png")


def as_reference(content: bytes) -> Image.Image:
    return decode(read_reference(content, label="images[0]").content)


def as_delivered(content: bytes) -> Image.Image:
    size = read_reference(content, label="images[0]").size
    return decode(finish_image(content, size))


def assert_colour(pixel: tuple[int, ...], expected: tuple[int, ...], tolerance: int = 3) -> None:
    assert all(abs(got - want) <= tolerance for got, want in zip(pixel, expected, strict=True)), pixel


@pytest.mark.parametrize(
    ("name", "colour", "tolerance"),
    [
        ("png-icc-p3.png", (219, 14, 35), 2),
        ("png-cicp-p3.png", (219, 14, 35), 2),
        ("png-gama-1.0.png", (188, 188, 188), 2),
        ("jpeg-linear-named-srgb.jpg", (188, 188, 188), 2),
        ("jpeg-p3-named-srgb.jpg", (220, 14, 37), 2),
        ("heic-nclx-p3.heic", (219, 14, 35), 4),
    ],
)
def test_the_colours_of_each_case_become_srgb(name: str, colour: tuple[int, ...], tolerance: int) -> None:
    content = (CASES / name).read_bytes()
    assert_colour(as_reference(content).getpixel((0, 0)), colour, tolerance)
    assert_colour(as_delivered(content).getpixel((0, 0)), colour, tolerance)


def test_the_other_cases_have_the_values_that_are_written_beside_them() -> None:
    four_bits = as_reference((CASES / "png-gray-4bit-trns.png").read_bytes())
    assert four_bits.getpixel((0, 0)) == (0, 0, 0, 255)
    assert four_bits.getpixel((1, 0))[3] == 0
    sixteen_bits = as_reference((CASES / "png-gray-16bit-trns.png").read_bytes())
    assert [sixteen_bits.getpixel((x, 0))[3] for x in range(2)] == [0, 255]
    with pytest.raises(InvalidImageError, match="more than 100 scans"):
        as_reference((CASES / "jpeg-300-scans.jpg").read_bytes())


def cicp(primaries: int, transfer: int) -> bytes:
    return chunk(b"cICP", bytes([primaries, transfer, 0, 1]))


def gamma(value: float) -> bytes:
    return chunk(b"gAMA", round(value * 100_000).to_bytes(4, "big"))


def chromaticities(*numbers: float) -> bytes:
    return chunk(b"cHRM", b"".join(round(each * 100_000).to_bytes(4, "big") for each in numbers))


SRGB_CHROMATICITIES = chromaticities(0.3127, 0.329, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
P3_CHROMATICITIES = chromaticities(0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
SRGB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

CHANGES_NOTHING = {
    "sRGB": [chunk(b"sRGB", b"\0")],
    "sRGB and a rounded gamma": [chunk(b"sRGB", b"\0"), gamma(1.0)],
    "the gamma of sRGB": [gamma(0.45455)],
    "the gamma and chromaticities of sRGB": [gamma(0.45455), SRGB_CHROMATICITIES],
    "cICP of sRGB": [cicp(1, 13)],
    "cICP of sRGB against a gamma": [cicp(1, 13), gamma(1.0)],
    "cICP of television": [cicp(1, 1)],
    "cICP of nothing": [cicp(2, 2)],
    "cICP of another length": [chunk(b"cICP", b"\x0c\x0d")],
    "gamma 0": [gamma(0)],
    "chromaticities without light": [chromaticities(*[0] * 8)],
    "chromaticities of another length": [chunk(b"cHRM", bytes(31))],
    "a profile that is no zlib": [chunk(b"iCCP", b"name\0\0text")],
}


@pytest.mark.parametrize("parts", CHANGES_NOTHING.values(), ids=CHANGES_NOTHING)
def test_what_says_srgb_or_nothing_sensible_leaves_every_pixel_alone(parts: list[bytes]) -> None:
    plain = encode(gradient(64, 48), "png")
    content = insert_chunks(plain, *parts)
    assert as_reference(content).tobytes() == gradient(64, 48).tobytes()
    assert as_delivered(content).tobytes() == gradient(64, 48).tobytes()


@pytest.mark.parametrize(
    ("parts", "level"),
    [
        ([cicp(1, 8)], 188),
        ([gamma(1 / 1.8)], 147),
        ([cicp(12, 13), gamma(1.0)], 129),
        ([P3_CHROMATICITIES], 129),
        ([gamma(1.0), P3_CHROMATICITIES], 188),
        ([cicp(9, 16)], 181),
        ([cicp(9, 18)], 137),
    ],
    ids=["linear", "gamma 1.8", "cICP before gamma", "P3 alone", "linear P3", "PQ", "HLG"],
)
def test_a_gray_of_another_curve_becomes_the_gray_that_it_means(parts: list[bytes], level: int) -> None:
    assert_colour(as_delivered(insert_chunks(GRAY_128, *parts)).getpixel((0, 0)), (level,) * 3, 2)


@pytest.mark.parametrize("transfer", [16, 18], ids=["PQ", "HLG"])
def test_the_highlights_of_hdr_are_compressed_and_stay_apart(transfer: int) -> None:
    """White of 203 nits is not clipped, and 1000 nits are white. BT.2408 names the signals."""
    signals = {16: (0, 148, 171, 192), 18: (0, 191, 228, 255)}[transfer]
    image = Image.new("RGB", (4, 1))
    for x, signal in enumerate(signals):
        image.putpixel((x, 0), (signal,) * 3)
    content = insert_chunks(encode(image, "png"), cicp(9, transfer))
    delivered = as_delivered(content)
    black, white, brighter, peak = (delivered.getpixel((x, 0))[1] for x in range(4))
    assert (black, 215 < white < 235, white + 8 < brighter < peak, peak >= 254) == (0, True, True, True)


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


EMBEDDED = [
    ("png", {"icc_profile": wide_gamut()}),
    ("webp", {"lossless": True, "icc_profile": wide_gamut()}),
    ("jpeg", {"quality": 100, "subsampling": 0, "icc_profile": wide_gamut()}),
]


@pytest.mark.parametrize(
    "colour", [(200, 60, 60), (60, 200, 90), (128, 128, 128), (255, 255, 255), (20, 30, 220)]
)
@pytest.mark.parametrize(("format_name", "options"), EMBEDDED, ids=["png", "webp", "jpeg"])
def test_a_wide_gamut_is_brought_to_srgb(
    format_name: str, options: dict[str, object], colour: tuple[int, int, int]
) -> None:
    content = encode(Image.new("RGB", (16, 16), colour), format_name, **options)
    assert_colour(as_reference(content).getpixel((8, 8)), srgb_of_wide_gamut(colour), 4)
    assert_colour(as_delivered(content).getpixel((8, 8)), srgb_of_wide_gamut(colour), 4)


def test_chromaticities_and_gamma_mean_what_the_same_profile_means() -> None:
    content = encode(Image.new("RGB", (4, 4), (200, 60, 90)), "png")
    pixel = as_delivered(insert_chunks(content, gamma(1 / 2.2), P3_CHROMATICITIES)).getpixel((0, 0))
    assert_colour(pixel, srgb_of_wide_gamut((200, 60, 90)), 2)


def test_transparency_stays_beside_converted_colours() -> None:
    image = Image.new("RGBA", (4, 4), (200, 60, 60, 77))
    pixel = as_reference(encode(image, "png", icc_profile=wide_gamut())).getpixel((1, 1))
    assert_colour(pixel[:3], srgb_of_wide_gamut((200, 60, 60)), 4)
    assert pixel[3] == 77


@pytest.mark.parametrize(
    ("stored", "seen"),
    [((255, 0, 0, 0), (0, 255, 255)), ((0, 0, 0, 0), (255, 255, 255)), ((0, 0, 0, 255), (0, 0, 0)),
     ((0, 255, 255, 0), (255, 0, 0))],
)  # fmt: skip
def test_cmyk_without_a_profile_is_read_as_ink_on_white(
    stored: tuple[int, ...], seen: tuple[int, ...]
) -> None:
    content = encode(Image.new("CMYK", (16, 16), stored), "jpeg", quality=100)
    assert_colour(as_reference(content).getpixel((8, 8)), seen)


@pytest.mark.parametrize(
    ("stored", "seen"),
    [((255, 0, 0, 0), (126, 126, 126)), ((0, 255, 255, 0), (255, 255, 255)), ((0, 0, 0, 255), (0, 0, 0))],
)
def test_cmyk_with_a_profile_is_read_by_its_profile(stored: tuple[int, ...], seen: tuple[int, ...]) -> None:
    content = encode(
        Image.new("CMYK", (16, 16), stored), "jpeg", quality=100, icc_profile=ink_that_prints_gray()
    )
    assert_colour(as_reference(content).getpixel((8, 8)), seen)


PROFILES_THAT_CHANGE_NOTHING = {
    "sRGB": SRGB_PROFILE,
    "of another colour space": ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes(),
    "of ink": ink_that_prints_gray(),
    "garbage": b"garbage" * 100,
    "cut off": wide_gamut()[:200],
}


@pytest.mark.parametrize("profile", PROFILES_THAT_CHANGE_NOTHING.values(), ids=PROFILES_THAT_CHANGE_NOTHING)
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_a_profile_that_does_not_fit_is_ignored(mode: str, profile: bytes) -> None:
    image = gradient(64, 48, "RGBA").convert(mode)
    plain, profiled = encode(image, "png"), encode(image, "png", icc_profile=profile)
    assert as_reference(profiled).tobytes() == as_reference(plain).tobytes()


def test_a_delivered_image_says_nothing_of_its_colours() -> None:
    delivered = finish_image(insert_chunks(GRAY_128, gamma(1.0), cicp(12, 13)), Size(4, 4))
    assert [kind for kind, _ in chunks(delivered)] == [b"IHDR", b"IDAT", b"IEND"]

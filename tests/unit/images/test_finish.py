"""What a backend returned becomes a clean PNG of exactly the size that is delivered."""

import pytest
from PIL import Image

from imagineart.errors import ModelError
from imagineart.images.model import AS_PNG
from imagineart.images.sizes import Size
from tests.finishing import finish_image
from tests.sample_images import (
    assemble,
    chunk,
    chunks,
    decode,
    encode,
    gradient,
    header,
    insert_chunks,
    sample,
)
from tests.unit.images.test_references import (
    EVERY_KIND,
    GRADIENT,
    HEIGHT,
    IMAGES,
    SIZE,
    WIDTH,
    assert_looks_like,
)


def finish(content: bytes, size: Size = SIZE) -> bytes:
    return finish_image(content, size)


def kinds(png: bytes) -> set[bytes]:
    return {kind for kind, _ in chunks(png)}


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_right_png_keeps_its_pixels_untouched_and_loses_its_metadata(mode: str) -> None:
    original = sample("png", WIDTH, HEIGHT, mode)
    dirty = insert_chunks(original, chunk(b"tEXt", b"prompt\0a fox"), chunk(b"gAMA", bytes([0, 0, 177, 143])))
    assert finish(dirty + b"trailing bytes") == original


@pytest.mark.parametrize("content", IMAGES.values(), ids=IMAGES)
def test_every_other_image_is_converted(content: bytes) -> None:
    finished = finish(content)
    assert kinds(finished) == {b"IHDR", b"IDAT", b"IEND"}
    assert decode(finished).mode == "RGB"
    assert_looks_like(decode(finished), GRADIENT)


@pytest.mark.parametrize(
    "image",
    [gradient(WIDTH, HEIGHT, "L"), GRADIENT.quantize(16), gradient(WIDTH, HEIGHT, "1"),
     Image.new("I;16", (WIDTH, HEIGHT), 30_000), gradient(WIDTH, HEIGHT, "RGBA").convert("LA")],
    ids=["gray", "palette", "one bit", "16 bits", "gray with alpha"],
)  # fmt: skip
def test_every_layout_is_delivered_in_8_bits_of_rgb_or_rgba(image: Image.Image) -> None:
    finished = finish(encode(image, "png"))
    (_, head), *_ = chunks(finished)
    assert head[8:] in (b"\x08\x02\0\0\0", b"\x08\x06\0\0\0")
    assert (decode(finished).mode == "RGBA") is (image.mode == "LA")


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


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


NO_IMAGE = {
    "nothing": b"",
    "HTML": b"<!doctype html><title>Bad gateway</title>",
    "JSON": b'{"error": "no image"}',
    "GIF": sample("gif"),
    "bomb": assemble(header(60_000, 60_000), chunk(b"IDAT", b"x"), chunk(b"IEND")),
    "wrong CRC": flipped(sample("png"), -14),
    "wrong CRC and wrong size": flipped(sample("png", 8, 6), -14),
    "no pixels": assemble(header(WIDTH, HEIGHT), chunk(b"IEND")),
    "pixels that are no pixels": assemble(header(8, 6), chunk(b"IDAT", b"text"), chunk(b"IEND")),
} | {f"truncated {name}": content[: len(content) // 2] for name, content in EVERY_KIND.items()}


@pytest.mark.parametrize("content", NO_IMAGE.values(), ids=NO_IMAGE)
def test_what_is_no_usable_image_is_a_model_error_whose_reason_is_for_the_log(content: bytes) -> None:
    with pytest.raises(ModelError) as caught:
        finish(content)
    assert caught.value.message == "The inference backend returned something that is not an image."
    assert (caught.value.detail or "").startswith("unusable image: ")


# Backgrounds


def test_an_opaque_background_is_white_where_the_image_was_transparent() -> None:
    clear = Image.new("RGBA", (WIDTH, HEIGHT), (200, 10, 10, 0))
    finished = decode(finish_image(encode(clear, "PNG"), SIZE, AS_PNG, "opaque"))
    assert (finished.mode, finished.getcolors()) == ("RGB", [(WIDTH * HEIGHT, (255, 255, 255))])


def test_a_transparent_background_is_kept_and_an_image_without_any_is_an_error() -> None:
    clear = Image.new("RGBA", (WIDTH, HEIGHT), (200, 10, 10, 0))
    assert decode(finish_image(encode(clear, "WEBP"), SIZE, AS_PNG, "transparent")).getextrema()[3] == (0, 0)
    for opaque in (GRADIENT, GRADIENT.convert("RGBA")):
        with pytest.raises(ModelError, match="an image without transparency"):
            finish_image(encode(opaque, "PNG"), SIZE, AS_PNG, "transparent")

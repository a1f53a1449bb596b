"""A PNG that is delivered holds the image, whole and undamaged, and nothing else."""

import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imagineart.images.kinds import UnusableImageError
from imagineart.images.png import MAX_CHUNKS, read_png
from imagineart.images.sizes import Size
from tests.sample_images import (
    assemble,
    chunk,
    chunks,
    decode,
    encode,
    gradient,
    header,
    insert_chunks,
)

SIZE = Size(8, 6)
SMALL = encode(gradient(8, 6), "png")
PIXELS = chunk(b"IDAT", dict(chunks(SMALL))[b"IDAT"])
END = chunk(b"IEND")

PRIVATE_CHUNKS = {
    "text": chunk(b"tEXt", b"prompt\0a fox"),
    "compressed text": chunk(b"zTXt", b"prompt\0\0" + zlib.compress(b"a fox")),
    "time": chunk(b"tIME", bytes([7, 234, 1, 2, 3, 4, 5])),
    "EXIF": chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\0"),
    "rendering intent": chunk(b"sRGB", b"\0"),
    "density": chunk(b"pHYs", bytes(9)),
    "provenance": chunk(b"caBX", b"signed by someone"),
    "animation": chunk(b"acTL", bytes(8)),
    "text with a wrong CRC": chunk(b"tEXt", b"prompt\0a fox")[:-1] + b"?",
}
SUGGESTED_PALETTE = chunk(b"PLTE", bytes(6))
private_chunks = st.lists(st.sampled_from(sorted(PRIVATE_CHUNKS.values())), max_size=5)


def is_broken(content: bytes) -> bool:
    """Whether the content is refused."""
    try:
        read_png(content)
    except UnusableImageError:
        return True
    return False


@st.composite
def dirty_images(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A PNG with its pixels split over chunks and private chunks everywhere; and what is to remain of it."""
    original = encode(gradient(8, 6, draw(st.sampled_from(["RGB", "RGBA"]))), "png")
    (_, head), (_, pixels), _ = chunks(original)
    cuts = sorted({0, *draw(st.lists(st.integers(0, len(pixels)), max_size=6)), len(pixels)})
    parts = [chunk(b"IDAT", pixels[start:end]) for start, end in pairwise(cuts)]
    mixed = [each for part in parts for each in (part, *draw(private_chunks))]
    dirty = assemble(chunk(b"IHDR", head), *mixed, END) + draw(st.binary(max_size=40))
    return dirty, assemble(chunk(b"IHDR", head), *parts, END)


@given(dirty_images())
def test_cleaning_keeps_the_pixels_and_nothing_else(images: tuple[bytes, bytes]) -> None:
    dirty, expected = images
    png = read_png(dirty)
    assert png.is_deliverable(SIZE)
    assert png.pixels_only() == expected
    assert decode(expected).tobytes() in {gradient(8, 6, mode).tobytes() for mode in ("RGB", "RGBA")}


@pytest.mark.parametrize("private", [*PRIVATE_CHUNKS.values(), SUGGESTED_PALETTE])
def test_a_chunk_that_is_no_part_of_the_image_is_dropped(private: bytes) -> None:
    assert read_png(insert_chunks(SMALL, private)).pixels_only() == SMALL
    assert read_png(SMALL[: -len(END)] + private + END).pixels_only() == SMALL


def test_a_clean_png_is_passed_on_without_a_copy() -> None:
    assert read_png(SMALL).pixels_only() is SMALL


@pytest.mark.parametrize("bit", range(8))
def test_every_flipped_bit_of_what_is_kept_is_noticed(bit: int) -> None:
    for at in range(len(SMALL)):
        damaged = bytearray(SMALL)
        damaged[at] ^= 1 << bit
        assert is_broken(bytes(damaged))


def test_a_png_cut_off_at_any_byte_is_refused() -> None:
    dirty = insert_chunks(SMALL, *PRIVATE_CHUNKS.values())
    assert all(is_broken(dirty[:end]) for end in range(len(dirty)))


@pytest.mark.parametrize(
    "parts",
    [
        [END],
        [PIXELS, END],
        [PIXELS, header(8, 6), END],
        [header(8, 6), END],
        [header(0, 6), PIXELS, END],
        [header(8, 6), header(8, 6), PIXELS, END],
        [header(8, 6), PIXELS],
        [header(8, 6), chunk(b"NEED", b"me"), PIXELS, END],
        [chunk(b"IHDR", bytes(14)), PIXELS, END],
    ],
    ids=["nothing", "no header", "header after pixels", "no pixels", "no width", "two headers", "no end",
         "unknown critical chunk", "long header"],
)  # fmt: skip
def test_chunks_that_make_no_image_are_refused(parts: list[bytes]) -> None:
    assert is_broken(assemble(*parts))


@pytest.mark.parametrize("length", [0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
@pytest.mark.parametrize("at", [8, 33])
def test_a_chunk_that_claims_gigabytes_is_refused(length: int, at: int) -> None:
    lying = bytearray(SMALL)
    lying[at : at + 4] = length.to_bytes(4, "big")
    assert is_broken(bytes(lying))


@pytest.mark.parametrize("filler", [chunk(b"tEXt", b"a\0b"), chunk(b"IDAT")])
def test_more_than_a_thousand_chunks_are_refused(filler: bytes) -> None:
    assert not is_broken(insert_chunks(SMALL, *[filler] * (MAX_CHUNKS - 3)))
    with pytest.raises(UnusableImageError, match="more than 1000 chunks"):
        read_png(insert_chunks(SMALL, *[filler] * (MAX_CHUNKS - 2)))


def test_large_chunks_of_pixels_are_not_counted() -> None:
    """libpng writes one for every 8 KB, so that an ordinary large file has thousands."""
    piece = chunk(b"IDAT", bytes(8192))
    assert len(read_png(assemble(header(8, 6), *[piece] * 3000, END)).pixels) == 3000


NOT_DELIVERABLE = {
    "palette": encode(gradient(8, 6).quantize(8), "png"),
    "gray": encode(gradient(8, 6, "L"), "png"),
    "gray with alpha": encode(gradient(8, 6, "RGBA").convert("LA"), "png"),
    "one bit": encode(gradient(8, 6, "1"), "png"),
    "16-bit gray": encode(Image.new("I;16", (8, 6), 40_000), "png"),
    "16-bit colour": assemble(header(8, 6, bit_depth=16), PIXELS, END),
    "colour key": encode(gradient(8, 6), "png", transparency=(0, 0, 96)),
    "interlaced": assemble(header(8, 6, interlace=1), PIXELS, END),
    "another size": encode(gradient(6, 8), "png"),
}


@pytest.mark.parametrize("png", NOT_DELIVERABLE.values(), ids=NOT_DELIVERABLE)
def test_an_image_that_cleaning_would_change_is_not_deliverable(png: bytes) -> None:
    assert not read_png(png).is_deliverable(SIZE)

"""The PNG that leaves the system holds the picture, whole and undamaged, and nothing else."""

import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imagineart.domain.png import BrokenPngError, clean_png, is_deliverable_png, png_size
from imagineart.domain.sizes import Size
from tests.sample_pictures import (
    PNG_SIGNATURE,
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

SIZE = Size(8, 6)
SMALL = encode(gradient(8, 6), "png")
PIXELS = chunk(b"IDAT", dict(chunks(SMALL))[b"IDAT"])
END = chunk(b"IEND")

PRIVATE_CHUNKS = {
    "text": chunk(b"tEXt", b"prompt\0a fox"),
    "compressed text": chunk(b"zTXt", b"prompt\0\0" + zlib.compress(b"a fox")),
    "international text": chunk(b"iTXt", "prompt\0\0\0en\0\0Füchse".encode()),
    "time": chunk(b"tIME", bytes([7, 234, 1, 2, 3, 4, 5])),
    "EXIF": chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\0"),
    "gamma": chunk(b"gAMA", (45455).to_bytes(4, "big")),
    "sRGB profile": chunk(b"iCCP", b"sRGB IEC61966-2.1\0\0" + zlib.compress(b"a profile")),
    "rendering intent": chunk(b"sRGB", b"\0"),
    "chromaticities": chunk(b"cHRM", bytes(32)),
    "density": chunk(b"pHYs", bytes(9)),
    "suggested palette": chunk(b"PLTE", bytes(6)),
    "provenance": chunk(b"caBX", b"signed by someone"),
    "animation": chunk(b"acTL", bytes(8)),
}


def kinds(png: bytes) -> list[bytes]:
    return [kind for kind, _ in chunks(png)]


@pytest.mark.parametrize("private", PRIVATE_CHUNKS.values(), ids=PRIVATE_CHUNKS)
def test_a_chunk_that_makes_no_picture_is_dropped(private: bytes) -> None:
    dirty = insert_chunks(SMALL, private)
    assert is_deliverable_png(dirty, SIZE)
    assert clean_png(dirty) == SMALL


@given(
    before=st.lists(st.sampled_from(sorted(PRIVATE_CHUNKS.values()))),
    after=st.lists(st.sampled_from(sorted(PRIVATE_CHUNKS.values()))),
    cuts=st.lists(st.integers(0, len(PIXELS) - 12)),
    garbage=st.binary(max_size=40),
    mode=st.sampled_from(["RGB", "RGBA"]),
)
def test_cleaning_keeps_pixels_and_their_chunks_and_nothing_else(
    before: list[bytes], after: list[bytes], cuts: list[int], garbage: bytes, mode: str
) -> None:
    original = encode(gradient(8, 6, mode), "png")
    (_, head), (_, pixels), _ = chunks(original)
    bounds = [0, *sorted(cuts), len(pixels)]
    split = [chunk(b"IDAT", pixels[start:end]) for start, end in pairwise(bounds)]
    dirty = assemble(chunk(b"IHDR", head), *before, *split, *after, END) + garbage

    clean = clean_png(dirty)

    assert clean == assemble(chunk(b"IHDR", head), *split, END)
    assert decode(clean).tobytes() == decode(original).tobytes()


@given(st.integers(1, 64), st.integers(1, 64), st.sampled_from(["RGB", "RGBA"]))
def test_a_picture_of_any_size_is_delivered_as_it_came(width: int, height: int, mode: str) -> None:
    png = encode(gradient(width, height, mode), "png")
    assert png_size(png) == Size(width, height)
    assert is_deliverable_png(png, Size(width, height))
    assert clean_png(png) == png


def test_cleaning_twice_changes_nothing() -> None:
    once = clean_png(insert_chunks(SMALL, *PRIVATE_CHUNKS.values()))
    assert clean_png(once) == once


@pytest.mark.parametrize("bit", range(8))
def test_every_flipped_bit_is_noticed_or_does_no_harm(bit: int) -> None:
    original = insert_chunks(SMALL, PRIVATE_CHUNKS["text"])
    pixels = decode(SMALL).tobytes()
    for at in range(len(original)):
        damaged = bytearray(original)
        damaged[at] ^= 1 << bit
        try:
            clean = clean_png(bytes(damaged))
        except BrokenPngError:
            continue
        assert decode(clean).tobytes() == pixels


def test_a_png_cut_off_at_any_byte_is_broken() -> None:
    for end in range(len(SMALL)):
        with pytest.raises(BrokenPngError):
            clean_png(SMALL[:end])


def test_cut_off_bytes_are_never_deliverable() -> None:
    for end in range(len(SMALL)):
        try:
            deliverable = is_deliverable_png(SMALL[:end], SIZE)
        except BrokenPngError:
            continue
        if deliverable:
            with pytest.raises(BrokenPngError):
                clean_png(SMALL[:end])


@given(st.binary())
def test_arbitrary_bytes_are_broken_and_nothing_worse(content: bytes) -> None:
    for candidate in (content, PNG_SIGNATURE + content, assemble(header(8, 6)) + content):
        with pytest.raises(BrokenPngError):
            clean_png(candidate)


@pytest.mark.parametrize(
    "parts",
    [
        [END],
        [PIXELS, END],
        [PIXELS, header(8, 6), END],
        [header(8, 6), END],
        [header(8, 6), header(8, 6), PIXELS, END],
        [header(8, 6), PIXELS, header(8, 6), END],
        [header(8, 6), PIXELS],
        [header(8, 6), chunk(b"NEED", b"me"), PIXELS, END],
    ],
    ids=["no picture at all", "no header", "header after pixels", "no pixels", "two headers",
         "a second header later", "no end", "unknown critical chunk"],
)  # fmt: skip
def test_chunks_that_make_no_picture_are_broken(parts: list[bytes]) -> None:
    with pytest.raises(BrokenPngError):
        clean_png(assemble(*parts))


@pytest.mark.parametrize("length", [0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
@pytest.mark.parametrize("at", [8, 33])
def test_a_chunk_that_claims_gigabytes_is_broken_at_once(length: int, at: int) -> None:
    lying = bytearray(SMALL)
    lying[at : at + 4] = length.to_bytes(4, "big")
    with pytest.raises(BrokenPngError, match=f"truncated within the chunk at byte {at}"):
        clean_png(bytes(lying))


def test_the_text_says_where_the_damage_is() -> None:
    damaged = bytearray(SMALL)
    damaged[45] ^= 1
    with pytest.raises(BrokenPngError, match="wrong CRC in the b'IDAT' chunk at byte 33"):
        clean_png(bytes(damaged))


def interlaced() -> bytes:
    """One pixel, which Adam7 stores as it is."""
    return assemble(header(1, 1, interlace=1), chunk(b"IDAT", zlib.compress(b"\0\1\2\3")), END)


NEEDS_CONVERSION = {
    "palette": encode(gradient(8, 6).quantize(8), "png"),
    "gray": encode(gradient(8, 6, "L"), "png"),
    "gray with alpha": encode(gradient(8, 6, "RGBA").convert("LA"), "png"),
    "one bit": encode(gradient(8, 6, "1"), "png"),
    "16-bit gray": encode(Image.new("I;16", (8, 6), 40_000), "png"),
    "16-bit colour": assemble(
        header(8, 6, bit_depth=16), chunk(b"IDAT", zlib.compress(bytes(6 * (1 + 8 * 6)))), END
    ),
    "colour key": encode(gradient(8, 6), "png", transparency=(0, 0, 96)),
    "wide gamut": insert_chunks(
        SMALL, chunk(b"iCCP", b"Display P3\0\0" + zlib.compress(b"a wide profile of sRGB's cousin"))
    ),
}


@pytest.mark.parametrize("png", NEEDS_CONVERSION.values(), ids=NEEDS_CONVERSION)
def test_a_picture_that_cleaning_would_change_is_not_deliverable(png: bytes) -> None:
    assert png_size(png) == SIZE
    assert not is_deliverable_png(png, SIZE)


def test_an_interlaced_picture_is_not_deliverable() -> None:
    assert decode(interlaced()).getpixel((0, 0)) == (1, 2, 3)
    assert not is_deliverable_png(interlaced(), Size(1, 1))


def test_a_header_of_another_length_is_not_deliverable() -> None:
    (_, head), *_ = chunks(SMALL)
    assert not is_deliverable_png(assemble(chunk(b"IHDR", head + b"\0"), PIXELS, END), SIZE)


@pytest.mark.parametrize("size", [Size(6, 8), Size(8, 7), Size(16, 12)])
def test_a_picture_of_another_size_is_not_deliverable(size: Size) -> None:
    assert not is_deliverable_png(SMALL, size)


@pytest.mark.parametrize("kind", ["jpeg", "webp", "heic", "gif", "bmp"])
def test_another_kind_of_picture_has_no_png_size_and_is_not_deliverable(kind: str) -> None:
    assert png_size(sample(kind)) is None
    assert not is_deliverable_png(sample(kind), Size(64, 48))

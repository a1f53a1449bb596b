"""The PNG that leaves the system holds the picture, whole and undamaged, and nothing else."""

import collections
import zlib
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imagineart.domain.png import (
    MAX_HELD_BYTES,
    BrokenPngError,
    PngCleaner,
    UndeliverablePngError,
    clean_png,
    verify_png,
)
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
    split,
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


def clean_in_pieces(pieces: Iterable[bytes], size: Size = SIZE) -> bytes:
    """What comes of a PNG that arrives in pieces.

    Raises what the cleaner raises, having checked that a picture that was begun is never given back.
    """
    cleaner = PngCleaner(size)
    passed_on: list[bytes] = []
    try:
        for piece in pieces:
            passed_on += map(bytes, cleaner.feed(piece))
        cleaner.finish()
    except UndeliverablePngError:
        assert passed_on == []
        raise
    return b"".join(passed_on)


def outcome(pieces: Iterable[bytes], size: Size = SIZE) -> bytes | type[ValueError]:
    """The clean picture, or the class of what is raised."""
    try:
        return clean_in_pieces(pieces, size)
    except (BrokenPngError, UndeliverablePngError) as error:
        return type(error)


def one_by_one(content: bytes) -> list[bytes]:
    return split(content, range(len(content)))


@pytest.mark.parametrize("private", PRIVATE_CHUNKS.values(), ids=PRIVATE_CHUNKS)
def test_a_chunk_that_makes_no_picture_is_dropped(private: bytes) -> None:
    assert clean_png(insert_chunks(SMALL, private), SIZE) == SMALL


@pytest.mark.parametrize("private", PRIVATE_CHUNKS.values(), ids=PRIVATE_CHUNKS)
def test_a_chunk_that_makes_no_picture_is_dropped_after_the_pixels_too(private: bytes) -> None:
    dirty = SMALL[: -len(END)] + private + END
    assert clean_png(dirty, SIZE) == clean_in_pieces(one_by_one(dirty)) == SMALL


private_chunks = st.lists(st.sampled_from(sorted(PRIVATE_CHUNKS.values())))
cuts = st.lists(st.integers(0, 1000))


@st.composite
def dirty_pictures(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A PNG with its pixels split over chunks and private chunks everywhere; and what is to be left of it."""
    original = encode(gradient(8, 6, draw(st.sampled_from(["RGB", "RGBA"]))), "png")
    (_, head), (_, pixels), _ = chunks(original)
    parts = [chunk(b"IDAT", part) for part in split(pixels, draw(cuts))]
    mixed = [each for part in parts for each in (part, *draw(private_chunks))]
    garbage = draw(st.binary(max_size=40))
    dirty = assemble(chunk(b"IHDR", head), *draw(private_chunks), *mixed, END) + garbage
    return dirty, assemble(chunk(b"IHDR", head), *parts, END)


@given(dirty_pictures())
def test_cleaning_keeps_pixels_and_their_chunks_and_nothing_else(pictures: tuple[bytes, bytes]) -> None:
    dirty, expected = pictures
    assert clean_png(dirty, SIZE) == expected
    assert decode(expected).tobytes() in {gradient(8, 6, mode).tobytes() for mode in ("RGB", "RGBA")}


@given(dirty_pictures(), cuts)
def test_a_picture_is_the_same_however_it_is_cut_on_its_way(
    pictures: tuple[bytes, bytes], cuts: list[int]
) -> None:
    dirty, expected = pictures
    assert clean_in_pieces(split(dirty, cuts)) == expected
    assert clean_in_pieces(map(memoryview, split(dirty, cuts))) == expected
    assert clean_in_pieces(one_by_one(dirty)) == expected


@given(dirty_pictures(), st.integers(0, 10_000), st.integers(0, 255), st.integers(0, 10_000), cuts)
def test_a_damaged_picture_is_judged_the_same_however_it_is_cut(
    pictures: tuple[bytes, bytes], at: int, byte: int, length: int, cuts: list[int]
) -> None:
    damaged = bytearray(pictures[0])
    damaged[at % len(damaged)] = byte
    content = bytes(damaged[: max(len(damaged) - length % 50, 0)])
    assert outcome(split(content, cuts)) == outcome([content]) == outcome(one_by_one(content))


@given(st.integers(1, 64), st.integers(1, 64), st.sampled_from(["RGB", "RGBA"]))
def test_a_picture_of_any_size_is_delivered_as_it_came(width: int, height: int, mode: str) -> None:
    png = encode(gradient(width, height, mode), "png")
    assert clean_png(png, Size(width, height)) == png


def test_cleaning_twice_changes_nothing() -> None:
    once = clean_png(insert_chunks(SMALL, *PRIVATE_CHUNKS.values()), SIZE)
    assert clean_png(once, SIZE) == once


@pytest.mark.parametrize("bit", range(8))
def test_every_flipped_bit_is_noticed_or_does_no_harm(bit: int) -> None:
    """The header alone may become that of another picture, which then needs conversion and a whole file."""
    original = insert_chunks(SMALL, PRIVATE_CHUNKS["text"])
    pixels = decode(SMALL).tobytes()
    for at in range(len(original)):
        damaged = bytearray(original)
        damaged[at] ^= 1 << bit
        with pytest.raises(BrokenPngError):
            verify_png(bytes(damaged))
        for pieces in ([bytes(damaged)], one_by_one(bytes(damaged))):
            result = outcome(pieces)
            if result is UndeliverablePngError:
                assert at < 33
            elif result is not BrokenPngError:
                assert decode(result).tobytes() == pixels


def test_a_png_cut_off_at_any_byte_is_broken() -> None:
    dirty = insert_chunks(SMALL, *PRIVATE_CHUNKS.values())
    for end in range(len(dirty)):
        assert outcome([dirty[:end]]) is outcome(one_by_one(dirty[:end])) is BrokenPngError
        with pytest.raises(BrokenPngError):
            verify_png(dirty[:end])


@given(st.binary())
def test_arbitrary_bytes_are_no_picture_and_nothing_worse(content: bytes) -> None:
    for candidate in (content, PNG_SIGNATURE + content):
        assert outcome([candidate]) in (BrokenPngError, UndeliverablePngError)
    assert outcome([assemble(header(8, 6)) + content]) is BrokenPngError
    for candidate in (content, PNG_SIGNATURE + content, assemble(header(8, 6)) + content):
        with pytest.raises(BrokenPngError):
            verify_png(candidate)


@pytest.mark.parametrize(
    "parts",
    [
        [header(8, 6), END],
        [header(8, 6), header(8, 6), PIXELS, END],
        [header(8, 6), PIXELS, header(8, 6), END],
        [header(8, 6), PIXELS],
        [header(8, 6), chunk(b"NEED", b"me"), PIXELS, END],
        [header(8, 6), PIXELS, chunk(b"NEED", b"me"), END],
    ],
    ids=["no pixels", "two headers", "a second header later", "no end", "unknown critical chunk",
         "unknown critical chunk later"],
)  # fmt: skip
def test_chunks_that_make_no_picture_are_broken(parts: list[bytes]) -> None:
    png = assemble(*parts)
    assert outcome([png]) is outcome(one_by_one(png)) is BrokenPngError


@pytest.mark.parametrize(
    "parts",
    [[END], [PIXELS, END], [PIXELS, header(8, 6), END]],
    ids=["no picture at all", "no header", "header after pixels"],
)
def test_a_png_that_does_not_begin_with_its_header_is_not_delivered(parts: list[bytes]) -> None:
    png = assemble(*parts)
    assert outcome([png]) is outcome(one_by_one(png)) is UndeliverablePngError


@pytest.mark.parametrize("length", [0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
@pytest.mark.parametrize("at", [8, 33])
def test_a_chunk_that_claims_gigabytes_is_broken_at_once(length: int, at: int) -> None:
    lying = bytearray(SMALL)
    lying[at : at + 4] = length.to_bytes(4, "big")
    with pytest.raises(BrokenPngError, match=f"truncated within the chunk at byte {at}"):
        verify_png(bytes(lying))
    expected = UndeliverablePngError if at == 8 else BrokenPngError
    assert outcome([bytes(lying)]) is outcome(one_by_one(bytes(lying))) is expected


def test_the_text_says_what_is_damaged() -> None:
    damaged = bytearray(SMALL)
    damaged[45] ^= 1
    with pytest.raises(BrokenPngError, match="wrong CRC in a chunk of kind b'IDAT'"):
        clean_png(bytes(damaged), SIZE)
    with pytest.raises(BrokenPngError, match="wrong CRC in a chunk of pixels"):
        clean_in_pieces(one_by_one(bytes(damaged)))


# What is held

LARGE_PIXELS = bytes(MAX_HELD_BYTES + 1000)
LARGE = assemble(header(8, 6), chunk(b"IDAT", LARGE_PIXELS), END)


@pytest.mark.parametrize("piece_bytes", [4096, 65_536, 1_000_003])
def test_pixels_are_passed_on_as_they_come(piece_bytes: int) -> None:
    """Nothing of a chunk of pixels larger than all that may be held is kept back, but a part of its CRC."""
    cleaner = PngCleaner(SIZE)
    fed = passed_on = 0
    for piece in split(LARGE, range(piece_bytes, len(LARGE), piece_bytes)):
        fed += len(piece)
        passed_on += sum(map(len, cleaner.feed(piece)))
        assert fed - passed_on < 12
    cleaner.finish()
    assert passed_on == len(LARGE)


def test_no_place_of_a_cut_makes_large_pixels_unwelcome() -> None:
    for cut in range(30, 60):
        assert len(clean_in_pieces(split(LARGE, [cut]))) == len(LARGE)
        assert len(clean_in_pieces(split(LARGE, [cut, cut + 1, cut + 2]))) == len(LARGE)


@pytest.mark.parametrize("piece_bytes", [65_536, 10 * MAX_HELD_BYTES])
def test_a_dropped_chunk_may_be_as_large_as_what_may_be_held(piece_bytes: int) -> None:
    before = chunk(b"caBX", bytes(MAX_HELD_BYTES - 12 - 33))
    after = chunk(b"caBX", bytes(MAX_HELD_BYTES - 12))
    for dirty in (insert_chunks(SMALL, before), SMALL[: -len(END)] + after + after + END):
        assert clean_in_pieces(split(dirty, range(0, len(dirty), piece_bytes))) == SMALL


@pytest.mark.parametrize("piece_bytes", [65_536, 10 * MAX_HELD_BYTES])
def test_a_larger_chunk_that_is_no_pixels_is_refused_wherever_it_comes(piece_bytes: int) -> None:
    before = chunk(b"caBX", bytes(MAX_HELD_BYTES - 12 - 33 + 1))
    after = chunk(b"caBX", bytes(MAX_HELD_BYTES - 12 + 1))
    for dirty in (insert_chunks(SMALL, before), SMALL[: -len(END)] + after + END):
        assert outcome(split(dirty, range(0, len(dirty), piece_bytes))) is BrokenPngError


@pytest.mark.parametrize("before_pixels", [True, False])
def test_a_chunk_that_is_too_large_is_refused_by_its_length_alone(before_pixels: bool) -> None:
    beginning = SMALL[:33] if before_pixels else SMALL[: -len(END)]
    claim = (MAX_HELD_BYTES - 11).to_bytes(4, "big") + b"caBX"
    cleaner = PngCleaner(SIZE)
    cleaner.feed(beginning)
    with pytest.raises(BrokenPngError):
        cleaner.feed(claim)


def test_many_small_chunks_before_the_pixels_are_not_held_without_end() -> None:
    small = chunk(b"tEXt", bytes(65_536))
    endless = [SMALL[:33], *[small] * (MAX_HELD_BYTES // len(small) + 1)]
    cleaner = PngCleaner(SIZE)
    with pytest.raises(BrokenPngError):
        collections.deque(map(cleaner.feed, endless), maxlen=0)


@given(st.lists(st.binary()))
def test_nothing_comes_of_what_follows_the_end(pieces: list[bytes]) -> None:
    cleaner = PngCleaner(SIZE)
    assert b"".join(cleaner.feed(SMALL)) == SMALL
    for piece in pieces:
        assert cleaner.feed(piece) == []
    cleaner.finish()


# What needs conversion


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
    assert decode(png).size == (8, 6)
    assert outcome([png]) is outcome(one_by_one(png)) is UndeliverablePngError
    verify_png(png)


def test_an_interlaced_picture_is_not_deliverable() -> None:
    assert decode(interlaced()).getpixel((0, 0)) == (1, 2, 3)
    assert outcome([interlaced()], Size(1, 1)) is UndeliverablePngError


def test_a_header_of_another_length_is_not_deliverable() -> None:
    (_, head), *_ = chunks(SMALL)
    assert outcome([assemble(chunk(b"IHDR", head + b"\0"), PIXELS, END)]) is UndeliverablePngError


@pytest.mark.parametrize("size", [Size(6, 8), Size(8, 7), Size(16, 12)])
def test_a_picture_of_another_size_is_not_deliverable(size: Size) -> None:
    assert outcome([SMALL], size) is UndeliverablePngError


@pytest.mark.parametrize("kind", ["jpeg", "webp", "heic", "gif", "bmp"])
def test_another_kind_of_picture_is_not_deliverable(kind: str) -> None:
    for pieces in ([sample(kind)], one_by_one(sample(kind))):
        assert outcome(pieces, Size(64, 48)) is UndeliverablePngError
    with pytest.raises(BrokenPngError, match="no PNG signature"):
        verify_png(sample(kind))

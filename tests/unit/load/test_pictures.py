import io
import zlib

import pytest
from imagineart.domain.png import clean_png
from imagineart.domain.sizes import GENERATION_ASPECT_RATIOS, RESOLUTIONS, Size, output_size
from PIL import Image

from load.pictures import ROWS_PER_STRIPE, UnstampedPictureError, joined_adler, picture_parts, read_stamp
from load.stamps import Stamp, digest_of_prompt, digest_of_references

SMALL = Size(64, 40)
STAMP = Stamp(digest_of_prompt("a fox"), digest_of_references([b"mark"]), 2**63 - 1, 7)
OTHER = Stamp(digest_of_prompt("a fox"), digest_of_references([b"mark"]), 2**63 - 1, 8)


def painted(size: Size = SMALL, stamp: Stamp = STAMP) -> bytes:
    return b"".join(picture_parts(size, stamp))


@pytest.mark.parametrize("resolution", RESOLUTIONS)
@pytest.mark.parametrize("ratio", GENERATION_ASPECT_RATIOS)
def test_a_picture_of_every_size_carries_its_stamp(ratio: str, resolution: str) -> None:
    size = output_size(ratio, resolution)
    assert read_stamp(painted(size), size) == STAMP


def test_other_decoders_take_it_for_a_picture_of_the_size() -> None:
    picture = Image.open(io.BytesIO(painted()))
    picture.load()
    assert (picture.size, picture.mode) == ((64, 40), "RGB")
    first_row = picture.crop((0, 0, 27, 1)).tobytes()
    assert first_row == STAMP.encode()


def test_the_service_has_nothing_to_clean_from_it() -> None:
    assert clean_png(painted(), SMALL) == painted()


def test_a_2k_picture_is_as_large_as_a_photograph() -> None:
    assert 5_000_000 < len(painted(Size(2048, 2048))) < 9_000_000


def test_a_piece_of_another_picture_is_found_out() -> None:
    own, other = picture_parts(SMALL, STAMP), picture_parts(SMALL, OTHER)
    half = len(own) // 2
    mixed = b"".join([*own[:half], *other[half:]])
    with pytest.raises(UnstampedPictureError, match="damaged"):
        read_stamp(mixed, SMALL)


def test_a_picture_put_together_without_a_wrong_checksum_is_found_out() -> None:
    def stripes(stamp: Stamp) -> bytes:
        return zlib.decompress(b"".join(part[8:-4] for part in _pixel_chunks(painted(stamp=stamp))))

    row_bytes = 1 + 3 * SMALL.width
    cut = ROWS_PER_STRIPE * row_bytes
    pixels = zlib.compress(stripes(STAMP)[:cut] + stripes(OTHER)[cut:])
    chunk = len(pixels).to_bytes(4, "big") + b"IDAT" + pixels
    forged = painted()[:33] + chunk + zlib.crc32(chunk[4:]).to_bytes(4, "big") + painted()[-12:]
    with pytest.raises(UnstampedPictureError, match="put together of 2 pictures"):
        read_stamp(forged, SMALL)


def _pixel_chunks(png: bytes) -> list[bytes]:
    """Length, kind, data and checksum of each chunk of pixels."""
    chunks, at = [], 8
    while at < len(png):
        end = at + 12 + int.from_bytes(png[at : at + 4], "big")
        chunks.append(png[at:end])
        at = end
    return [chunk for chunk in chunks if chunk[4:8] == b"IDAT"]


@pytest.mark.parametrize(
    ("spoilt", "complaint"),
    [
        (lambda png: png[:-12], "cut off"),
        (lambda png: png[: len(png) // 2], "cut off"),
        (lambda png: png + b"more", "4 bytes follow"),
        (lambda png: b"GIF89a" + png, "no PNG"),
        (lambda png: png[:60] + bytes([png[60] ^ 1]) + png[61:], "checksum"),
    ],
)
def test_what_is_not_whole_is_refused(spoilt: object, complaint: str) -> None:
    with pytest.raises(UnstampedPictureError, match=complaint):
        read_stamp(spoilt(painted()), SMALL)


def test_another_size_is_refused() -> None:
    with pytest.raises(UnstampedPictureError, match="64x40 pixels instead of 40x64"):
        read_stamp(painted(), Size(40, 64))


@pytest.mark.parametrize("second", [b"", b"b", b"xyz" * 40_000])
def test_a_checksum_of_two_strings_is_joined_from_their_own(second: bytes) -> None:
    first = b"\xff" * 70_000
    joined = joined_adler(zlib.adler32(first), zlib.adler32(second), len(second))
    assert joined == zlib.adler32(first + second)

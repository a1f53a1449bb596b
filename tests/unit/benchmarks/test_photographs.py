"""The pictures that are measured with, which must be the same in every run and still be pictures."""

import io

from imagineart.domain.png import clean_png
from imagineart.domain.sizes import Size
from PIL import Image, ImageChops

from benchmarks.photographs import encode_png_with_metadata, paint_photograph, split_picture_data


def test_a_photograph_is_the_same_in_every_run() -> None:
    assert paint_photograph(32, 16).tobytes() == paint_photograph(32, 16).tobytes()


def test_the_encoded_photograph_carries_metadata_to_remove() -> None:
    png = encode_png_with_metadata(paint_photograph(32, 16))
    assert all(kind in png for kind in (b"tEXt", b"iTXt", b"eXIf"))
    assert len(clean_png(png, Size(32, 16))) < len(png)


def test_splitting_the_data_changes_the_chunks_and_not_the_picture() -> None:
    png = encode_png_with_metadata(paint_photograph(64, 64))
    split = split_picture_data(png, 100)
    whole, parted = (Image.open(io.BytesIO(each)).convert("RGB") for each in (png, split))
    assert split.count(b"IDAT") > 10 * png.count(b"IDAT")
    assert ImageChops.difference(whole, parted).getbbox() is None

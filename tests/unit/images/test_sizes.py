"""The exact pixels of every ratio, and the ratio nearest to an image."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagineart.images.sizes import (
    EDIT_ASPECT_RATIOS,
    GENERATION_ASPECT_RATIOS,
    Size,
    nearest_aspect_ratio,
    output_size,
    ratio_and_resolution,
)

PIXELS_2K = {
    "1:1": "2048x2048",
    "16:9": "2816x1584",
    "9:16": "1584x2816",
    "4:3": "2368x1776",
    "3:4": "1776x2368",
    "3:2": "2496x1664",
    "2:3": "1664x2496",
    "21:9": "3136x1344",
    "4:5": "1856x2320",
    "5:4": "2320x1856",
    "3:1": "3552x1184",
    "1:3": "1184x3552",
    "4:1": "4096x1024",
    "1:4": "1024x4096",
}
PIXELS_1K = {
    "1:1": "1024x1024",
    "16:9": "1408x792",
    "9:16": "792x1408",
    "4:3": "1184x888",
    "3:4": "888x1184",
    "3:2": "1248x832",
    "2:3": "832x1248",
    "21:9": "1568x672",
    "4:5": "928x1160",
    "5:4": "1160x928",
    "3:1": "1776x592",
    "1:3": "592x1776",
    "4:1": "2048x512",
    "1:4": "512x2048",
}
EVERY_SIZE = [
    (ratio, resolution, pixels)
    for resolution, table in (("2K", PIXELS_2K), ("1K", PIXELS_1K))
    for ratio, pixels in table.items()
]

sides = st.integers(1, 100_000)


def distance(ratio: str, size: Size) -> Fraction:
    """How many times wider one of the two shapes is than the other."""
    width, height = map(int, ratio.split(":"))
    quotient = Fraction(width, height) / Fraction(size.width, size.height)
    return max(quotient, 1 / quotient)


@pytest.mark.parametrize(("ratio", "resolution", "pixels"), EVERY_SIZE)
def test_every_ratio_has_its_exact_pixels(ratio: str, resolution: str, pixels: str) -> None:
    assert str(output_size(ratio, resolution)) == pixels


@pytest.mark.parametrize(("ratio", "resolution", "pixels"), EVERY_SIZE)
def test_every_size_gives_its_ratio_and_resolution_back(ratio: str, resolution: str, pixels: str) -> None:
    width, height = map(int, pixels.split("x"))
    assert ratio_and_resolution(Size(width, height)) == (ratio, resolution)


@pytest.mark.parametrize("ratio", ["auto", "7:5", "1:2", "16:10"])
def test_a_ratio_outside_the_table_has_no_size(ratio: str) -> None:
    with pytest.raises(KeyError):
        output_size(ratio, "2K")


@pytest.mark.parametrize("size", [Size(1, 1), Size(2047, 2048), Size(64, 48)], ids=str)
def test_a_size_outside_the_table_has_no_ratio(size: Size) -> None:
    with pytest.raises(KeyError):
        ratio_and_resolution(size)


def test_the_ratios_are_those_of_the_api_reference_in_its_order() -> None:
    assert tuple(PIXELS_2K) == GENERATION_ASPECT_RATIOS
    assert tuple(PIXELS_2K)[:-2] == EDIT_ASPECT_RATIOS


@pytest.mark.parametrize(("ratio", "resolution", "pixels"), EVERY_SIZE)
def test_every_documented_size_is_nearest_to_its_own_ratio(ratio: str, resolution: str, pixels: str) -> None:
    width, height = map(int, pixels.split("x"))
    assert nearest_aspect_ratio(Size(width, height), GENERATION_ASPECT_RATIOS) == ratio


@given(sides, sides)
def test_no_offered_ratio_is_nearer_than_the_nearest(width: int, height: int) -> None:
    size = Size(width, height)
    nearest = nearest_aspect_ratio(size)
    assert nearest in EDIT_ASPECT_RATIOS
    best = min(distance(ratio, size) for ratio in EDIT_ASPECT_RATIOS)
    assert distance(nearest, size) / best < 1 + 1e-9


@pytest.mark.parametrize(
    ("width", "height", "ratio"),
    [(1080, 1920, "9:16"), (4032, 3024, "4:3"), (1500, 1000, "3:2"), (5000, 1000, "3:1"), (1, 9, "1:3"),
     (2560, 1080, "21:9"), (1000, 1001, "1:1"), (1080, 1350, "4:5")],
)  # fmt: skip
def test_familiar_shapes_find_their_ratio(width: int, height: int, ratio: str) -> None:
    assert nearest_aspect_ratio(Size(width, height)) == ratio

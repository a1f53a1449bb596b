"""The exact pixels of every ratio, and the ratio nearest to an image."""

from fractions import Fraction

import pytest
from hypothesis import assume, given
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


@pytest.mark.parametrize("ratio", GENERATION_ASPECT_RATIOS)
@pytest.mark.parametrize("resolution", ["1K", "2K"])
def test_an_image_has_exactly_the_shape_that_was_asked_for(ratio: str, resolution: str) -> None:
    assert distance(ratio, output_size(ratio, resolution)) == 1


def test_generation_offers_the_ratios_of_the_reference_in_its_order() -> None:
    assert GENERATION_ASPECT_RATIOS == (
        "1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "21:9", "4:5", "5:4", "3:1", "1:3", "4:1", "1:4",
    )  # fmt: skip


def test_edits_offer_the_ratios_of_the_reference_in_its_order() -> None:
    assert EDIT_ASPECT_RATIOS == (
        "1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "21:9", "4:5", "5:4", "3:1", "1:3",
    )  # fmt: skip


@pytest.mark.parametrize(("ratio", "resolution", "pixels"), EVERY_SIZE)
def test_every_size_gives_its_ratio_and_resolution_back(ratio: str, resolution: str, pixels: str) -> None:
    width, height = map(int, pixels.split("x"))
    assert ratio_and_resolution(Size(width, height)) == (ratio, resolution)


@given(sides, sides)
def test_a_size_outside_the_table_has_neither_ratio_nor_resolution(width: int, height: int) -> None:
    assume(f"{width}x{height}" not in {*PIXELS_1K.values(), *PIXELS_2K.values()})
    with pytest.raises(KeyError):
        ratio_and_resolution(Size(width, height))


@pytest.mark.parametrize("ratio", ["auto", "7:5", "1:2", "16:10"])
def test_a_ratio_outside_the_table_has_no_size(ratio: str) -> None:
    with pytest.raises(KeyError):
        output_size(ratio, "2K")


@pytest.mark.parametrize(("ratio", "resolution", "pixels"), EVERY_SIZE)
def test_every_documented_size_is_nearest_to_its_own_ratio(ratio: str, resolution: str, pixels: str) -> None:
    width, height = map(int, pixels.split("x"))
    assert nearest_aspect_ratio(Size(width, height), GENERATION_ASPECT_RATIOS) == ratio


@given(sides, sides, st.integers(1, 1000))
def test_scaling_does_not_change_the_nearest_ratio(width: int, height: int, factor: int) -> None:
    scaled = Size(width * factor, height * factor)
    assert nearest_aspect_ratio(scaled) == nearest_aspect_ratio(Size(width, height))


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

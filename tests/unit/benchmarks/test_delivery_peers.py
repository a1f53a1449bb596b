"""The pictures that are delivered, which must flow through the cleaning as real ones do."""

import pytest
from imagineart.domain.png import clean_png
from imagineart.domain.sizes import Size

from benchmarks.delivery_peers import PICTURE_SIDE, build_png


@pytest.mark.parametrize("mib", [0, 1])
def test_a_delivered_picture_passes_the_cleaning_unchanged(mib: int) -> None:
    png = build_png(mib)
    assert clean_png(png, Size(PICTURE_SIDE, PICTURE_SIDE)) == png


def test_a_delivered_picture_has_the_size_asked_for() -> None:
    assert 0 <= len(build_png(1)) - 1024 * 1024 < 1024

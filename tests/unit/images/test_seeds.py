"""Seeds that a caller can send again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagineart.images.seeds import choose_seed
from tests.fakes.randomness import FixedRandomBelow


@given(st.floats(0, 1, exclude_max=True))
def test_a_random_seed_is_never_0_and_fits_32_bits(fraction: float) -> None:
    assert 1 <= choose_seed(None, FixedRandomBelow(fraction)) <= 2**32 - 1


@pytest.mark.parametrize(("fraction", "seed"), [(0.0, 1), (1.0, 4_294_967_295)])
def test_the_whole_range_is_drawn_from(fraction: float, seed: int) -> None:
    assert choose_seed(None, FixedRandomBelow(fraction)) == seed


@given(st.integers(1, 2**63 - 1))
def test_a_chosen_seed_is_kept_and_nothing_is_drawn(seed: int) -> None:
    chance = FixedRandomBelow()
    assert choose_seed(seed, chance) == seed
    assert chance.limits == []

"""Windows of a minute, aligned to the clock."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagineart.domain.rate_limits import WINDOW_SECONDS, RateLimitStatus, window_start


@given(st.integers(0, 2**40))
def test_every_second_lies_in_one_window_that_begins_on_the_minute(now: int) -> None:
    start = window_start(now)
    assert start % 60 == 0
    assert start <= now < start + WINDOW_SECONDS


@pytest.mark.parametrize(
    ("used", "remaining", "exceeded"), [(1, 9, False), (10, 0, False), (11, 0, True), (500, 0, True)]
)
def test_a_limit_is_exceeded_only_by_the_request_after_the_last(
    used: int, remaining: int, exceeded: bool
) -> None:
    status = RateLimitStatus(limit=10, used=used, reset_at=60)
    assert (status.remaining, status.exceeded) == (remaining, exceeded)

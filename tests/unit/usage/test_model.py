"""What is counted of requests."""

import pytest

from imagineart.usage.model import (
    DURATION_BOUNDS_SECONDS,
    FinishedRequest,
    UsageRow,
    day_of,
    duration_class,
)

BEYOND = len(DURATION_BOUNDS_SECONDS)


def row(durations: dict[int, int], total_seconds: float = 0) -> UsageRow:
    return UsageRow("acme", "2026-11-21", "image-edit", "2K", "ok", 0, total_seconds, durations)


@pytest.mark.parametrize(
    ("unix_seconds", "day"),
    [(1_795_219_199.9, "2026-11-20"), (1_795_219_200, "2026-11-21"), (0, "1970-01-01")],
)
def test_a_day_is_one_of_utc(unix_seconds: float, day: str) -> None:
    assert day_of(unix_seconds) == day
    assert FinishedRequest("1", "acme", "models", "-", "ok", 0, 1.0, unix_seconds).day == day


@pytest.mark.parametrize(
    ("seconds", "bound"), [(0, 0.1), (0.1, 0.1), (0.11, 0.5), (7, 10), (10, 10), (10.01, 20), (300, 300)]
)
def test_a_duration_counts_in_the_class_whose_bound_it_keeps(seconds: float, bound: float) -> None:
    assert DURATION_BOUNDS_SECONDS[duration_class(seconds)] == bound


def test_a_share_of_the_requests_kept_a_bound() -> None:
    counted = row({duration_class(1): 94, duration_class(7): 5, duration_class(20): 1})
    assert [counted.seconds_at_most(share) for share in (0.5, 0.94, 0.95, 0.99, 1)] == [1, 1, 10, 10, 20]

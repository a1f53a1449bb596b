"""Limits, and which of them is reported where several leave no room."""

import pytest

from imagineart.access.limits import (
    CONCURRENCY_RETRY_SECONDS,
    MAX_CONCURRENT_REQUESTS,
    MAX_IMAGES_PER_DAY,
    MAX_REQUESTS_PER_MINUTE,
    LimitName,
    LimitReachedError,
    Limits,
    LimitStatus,
    Slot,
    Standing,
    day_used_up,
    expired_slots,
    lease_slot,
    reached_limit,
)
from imagineart.errors import InvalidRequestError

NOON = 1_795_262_400
NOW = NOON + 75
MIDNIGHT = NOON + 12 * 3600
SOON = NOW + CONCURRENCY_RETRY_SECONDS
LIMITS = Limits(requests_per_minute=30, concurrent_requests=2, images_per_day=100)
SLOTS = frozenset({Slot(NOW + 10, "one"), Slot(NOW + 20, "two")})
NO_SLOTS: frozenset[Slot] = frozenset()


@pytest.mark.parametrize(
    ("name", "highest"),
    [
        ("requests_per_minute", MAX_REQUESTS_PER_MINUTE),
        ("concurrent_requests", MAX_CONCURRENT_REQUESTS),
        ("images_per_day", MAX_IMAGES_PER_DAY),
    ],
)
def test_limits_out_of_bounds_are_refused_by_name(name: str, highest: int) -> None:
    given = {"requests_per_minute": 1, "concurrent_requests": 1}
    for value in (1, highest):
        assert getattr(Limits(**given | {name: value}), name) == value
    for value in (0, -1, highest + 1):
        with pytest.raises(InvalidRequestError, match=f"^{name}: got {value}; allowed: 1 to {highest}"):
            Limits(**given | {name: value})


@pytest.mark.parametrize(
    ("limits", "standing", "wants_slot", "counts_request"),
    [
        (LIMITS, Standing(29, 99, frozenset({Slot(NOW + 10, "one")})), True, True),
        (Limits(30, 2), Standing(0, 10**9, NO_SLOTS), True, True),
        (LIMITS, Standing(29, 100, SLOTS), False, True),
        (LIMITS, Standing(30, 0, NO_SLOTS), True, False),
    ],
    ids=["below every limit", "an unbounded day", "without a slot", "counted before"],
)
def test_there_is_room(limits: Limits, standing: Standing, wants_slot: bool, counts_request: bool) -> None:
    found = reached_limit(limits, standing, NOW, wants_slot=wants_slot, counts_request=counts_request)
    assert found is None


@pytest.mark.parametrize(
    ("standing", "wants_slot", "status"),
    [
        (Standing(30, 0, NO_SLOTS), True, LimitStatus(LimitName.REQUESTS_PER_MINUTE, 30, 0, NOON + 120)),
        (Standing(30, 0, NO_SLOTS), False, LimitStatus(LimitName.REQUESTS_PER_MINUTE, 30, 0, NOON + 120)),
        (Standing(0, 100, NO_SLOTS), True, LimitStatus(LimitName.IMAGES_PER_DAY, 100, 0, MIDNIGHT)),
        (Standing(0, 0, SLOTS), True, LimitStatus(LimitName.CONCURRENT_REQUESTS, 2, 0, SOON)),
        (Standing(30, 102, SLOTS), True, LimitStatus(LimitName.IMAGES_PER_DAY, 100, 0, MIDNIGHT)),
        (Standing(30, 99, SLOTS), True, LimitStatus(LimitName.REQUESTS_PER_MINUTE, 30, 0, NOON + 120)),
    ],
    ids=["minute", "minute without a slot", "day", "slots", "day before all", "minute before slots"],
)
def test_the_limit_without_room_that_is_the_longest_to_wait_for_is_reported(
    standing: Standing, wants_slot: bool, status: LimitStatus
) -> None:
    assert reached_limit(LIMITS, standing, NOW, wants_slot=wants_slot) == status


@pytest.mark.parametrize(
    ("images_today", "slots", "reset_at"),
    [(100, 0, MIDNIGHT), (100, 1, SOON), (103, 3, MIDNIGHT), (102, 3, SOON)],
)
def test_a_day_that_requests_in_progress_may_give_back_has_room_again_soon(
    images_today: int, slots: int, reset_at: int
) -> None:
    held = frozenset(Slot(NOW + 100, str(number)) for number in range(slots))
    assert day_used_up(100, Standing(0, images_today, held), NOW).reset_at == reset_at


def test_a_slot_lasts_as_long_as_its_request_may_and_no_longer() -> None:
    slot = lease_slot(NOW + 0.4, lease_seconds=285.5, nonce="n")
    assert slot.expires_at == NOW + 286
    assert expired_slots({slot}, slot.expires_at - 1) == frozenset()
    assert expired_slots({slot}, slot.expires_at) == {slot}


@pytest.mark.parametrize(
    ("seconds", "retry_after", "retryable"), [(-5, 1, True), (2, 2, True), (60, 60, True), (61, 61, False)]
)
def test_a_wait_is_at_least_a_second_and_a_long_one_is_not_for_automatic_retries(
    seconds: int, retry_after: int, retryable: bool
) -> None:
    error = LimitReachedError(LimitStatus(LimitName.IMAGES_PER_DAY, 7, 0, NOW + seconds), now=NOW)
    assert (error.retry_after_seconds, error.retryable) == (retry_after, retryable)

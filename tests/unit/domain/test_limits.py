"""Limits, and which of them is told where several leave no room."""

import pytest

from imagineart.domain.errors import InvalidRequestError, LimitReachedError
from imagineart.domain.limit_status import LimitName, LimitStatus
from imagineart.domain.limits import (
    CONCURRENCY_RETRY_SECONDS,
    MAX_CONCURRENT_REQUESTS,
    MAX_IMAGES_PER_DAY,
    MAX_REQUESTS_PER_MINUTE,
    Limits,
    Slot,
    Standing,
    day_used_up,
    expired_slots,
    lease_slot,
    may_pass_soon,
    minute_status,
    reached_limit,
    slots_taken,
    window_start,
)

NOON = 1_795_262_400
NOW = NOON + 75
LIMITS = Limits(requests_per_minute=30, concurrent_requests=2, images_per_day=100)
SLOTS = frozenset({Slot(NOW + 10, "one"), Slot(NOW + 20, "two")})
NOTHING_USED = Standing(0, 0, frozenset())


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
        with pytest.raises(InvalidRequestError, match=f"^{name}: got {value}; allowed is 1 to {highest}"):
            Limits(**given | {name: value})


def test_a_day_may_be_unbounded() -> None:
    limits = Limits(30, 2)
    assert reached_limit(limits, Standing(0, 10**9, frozenset()), NOW, wants_slot=True) is None


@pytest.mark.parametrize("used", [0, 29])
def test_below_every_limit_there_is_room(used: int) -> None:
    standing = Standing(used, 99, frozenset({Slot(NOW + 10, "one")}))
    assert reached_limit(LIMITS, standing, NOW, wants_slot=True) is None


@pytest.mark.parametrize(
    ("standing", "status"),
    [
        (
            Standing(30, 0, frozenset()),
            LimitStatus(LimitName.REQUESTS_PER_MINUTE, 30, 0, NOON + 120),
        ),
        (Standing(0, 100, frozenset()), LimitStatus(LimitName.IMAGES_PER_DAY, 100, 0, NOON + 12 * 3600)),
        (
            Standing(0, 0, SLOTS),
            LimitStatus(LimitName.CONCURRENT_REQUESTS, 2, 0, NOW + CONCURRENCY_RETRY_SECONDS),
        ),
    ],
    ids=["minute", "day", "slots"],
)
def test_a_limit_without_room_is_told_with_its_end(standing: Standing, status: LimitStatus) -> None:
    assert reached_limit(LIMITS, standing, NOW, wants_slot=True) == status


def test_of_several_limits_the_longest_to_wait_for_is_told() -> None:
    assert reached(Standing(30, 100, SLOTS)) is LimitName.IMAGES_PER_DAY
    assert reached(Standing(30, 99, SLOTS)) is LimitName.REQUESTS_PER_MINUTE


def reached(standing: Standing) -> LimitName:
    status = reached_limit(LIMITS, standing, NOW, wants_slot=True)
    assert status is not None
    return status.name


def test_a_request_without_a_slot_is_bounded_by_the_minute_alone() -> None:
    assert reached_limit(LIMITS, Standing(29, 100, SLOTS), NOW, wants_slot=False) is None
    assert reached_limit(LIMITS, Standing(30, 0, frozenset()), NOW, wants_slot=False) is not None


def test_what_remains_of_a_minute_is_never_less_than_nothing() -> None:
    assert minute_status(LIMITS, NOTHING_USED, NOW).remaining == 30
    lowered = Limits(5, 1)
    assert minute_status(lowered, Standing(30, 0, frozenset()), NOW).remaining == 0


@pytest.mark.parametrize(
    ("now", "start"), [(0, 0), (59, 0), (60, 60), (119, 60), (1_795_262_459, 1_795_262_400)]
)
def test_a_minute_begins_with_the_clocks(now: int, start: int) -> None:
    assert window_start(now, 60) == start


def test_a_slot_outlives_the_request_that_took_it_and_no_longer() -> None:
    slot = lease_slot(NOW + 0.4, lease_seconds=285.5, nonce="n")
    assert slot.expires_at == NOW + 286
    assert expired_slots({slot}, slot.expires_at - 1) == frozenset()
    assert expired_slots({slot}, slot.expires_at) == {slot}


def test_a_slot_is_read_as_it_is_written() -> None:
    slot = Slot(NOW, "0aZ")
    assert Slot.parse(str(slot)) == slot
    with pytest.raises(ValueError, match="invalid literal"):
        Slot.parse("soon.0aZ")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (LimitName.REQUESTS_PER_MINUTE, "7 requests a minute"),
        (LimitName.CONCURRENT_REQUESTS, "7 image requests at a time"),
        (LimitName.IMAGES_PER_DAY, "7 images a day"),
    ],
)
def test_the_error_names_the_limit_in_words_and_by_its_name(name: LimitName, words: str) -> None:
    error = LimitReachedError(LimitStatus(name, 7, 0, NOW + 5), now=NOW)
    assert words in error.message
    assert f"({name})" in error.message
    assert error.retry_after_seconds == 5


def test_the_wait_is_at_least_a_second_where_the_window_just_ended() -> None:
    error = LimitReachedError(LimitStatus(LimitName.REQUESTS_PER_MINUTE, 7, 0, NOW - 5), now=NOW)
    assert error.retry_after_seconds == 1


@pytest.mark.parametrize(("wait_seconds", "retryable"), [(2, True), (60, True), (61, False), (86_400, False)])
def test_a_long_wait_is_not_worth_another_try_by_itself(wait_seconds: int, retryable: bool) -> None:
    status = LimitStatus(LimitName.IMAGES_PER_DAY, 7, 0, NOW + wait_seconds)
    assert LimitReachedError(status, now=NOW).retryable is retryable


# A day that may be given back


def day(images_today: int, slots: int) -> LimitStatus:
    held = frozenset(Slot(NOW + 100, str(number)) for number in range(slots))
    return day_used_up(100, Standing(0, images_today, held), NOW)


def test_a_day_that_requests_under_way_may_give_back_has_room_again_in_a_moment() -> None:
    soon, midnight = NOW + CONCURRENCY_RETRY_SECONDS, NOON + 12 * 3600
    assert day(100, slots=0).reset_at == midnight
    assert day(100, slots=1).reset_at == soon
    assert day(103, slots=3).reset_at == midnight
    assert day(102, slots=3).reset_at == soon


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (day_used_up(1, Standing(0, 1, SLOTS), NOW), True),
        (day_used_up(1, Standing(0, 1, frozenset()), NOW), False),
        (slots_taken(LIMITS, NOW), True),
        (LimitStatus(LimitName.REQUESTS_PER_MINUTE, 30, 0, NOW + 1), False),
    ],
)
def test_what_requests_under_way_give_back_may_pass_soon(status: LimitStatus, expected: bool) -> None:
    assert may_pass_soon(status, NOW) is expected


def test_a_request_that_was_counted_before_needs_no_room_in_the_minute() -> None:
    full = Standing(30, 0, frozenset())
    assert reached_limit(LIMITS, full, NOW, wants_slot=True, counts_request=False) is None

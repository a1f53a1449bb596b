"""Requests are counted and admitted, or refused with the limit that is reached."""

from dataclasses import replace

import pytest

from imagineart.access.admit import RequestLimits
from imagineart.access.consumers import Consumer
from imagineart.access.limits import LimitName, LimitReachedError, Limits
from imagineart.errors import InvalidTokenError
from tests.fakes.clock import FakeClock
from tests.fakes.consumers import InMemoryConsumers
from tests.fakes.randomness import repeatable_random_below

ACME = Consumer("acme", Limits(requests_per_minute=30, concurrent_requests=2, images_per_day=5))
LEASE_SECONDS = 60.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def consumers() -> InMemoryConsumers:
    return InMemoryConsumers({"acme": ACME})


@pytest.fixture
def limits(consumers: InMemoryConsumers, clock: FakeClock) -> RequestLimits:
    return RequestLimits(consumers, repeatable_random_below(1), clock)


def refusal(limits: RequestLimits, lease_seconds: float | None = LEASE_SECONDS) -> LimitReachedError:
    with pytest.raises(LimitReachedError) as caught:
        limits.enter("acme", lease_seconds=lease_seconds)
    return caught.value


def images_today(consumers: InMemoryConsumers, clock: FakeClock) -> int:
    return consumers.standing("acme", int(clock())).images_today


@pytest.mark.parametrize("lease_seconds", [None, LEASE_SECONDS])
def test_a_request_is_admitted_in_one_call(
    limits: RequestLimits, consumers: InMemoryConsumers, clock: FakeClock, lease_seconds: float | None
) -> None:
    admission = limits.enter("acme", lease_seconds=lease_seconds)
    assert (admission.consumer, admission.status.remaining, consumers.calls) == (ACME, 29, 1)
    assert admission.images == (0 if lease_seconds is None else 1)
    if admission.slot is not None:
        assert admission.slot.expires_at == clock() + LEASE_SECONDS


def test_a_request_without_a_free_slot_is_refused_and_admitted_once_one_is_given_back(
    limits: RequestLimits, consumers: InMemoryConsumers
) -> None:
    first, _ = (limits.enter("acme", lease_seconds=LEASE_SECONDS) for _ in range(2))
    calls = consumers.calls
    error = refusal(limits)
    assert error.status.name is LimitName.CONCURRENT_REQUESTS
    assert "2 image requests at a time" in error.message
    assert consumers.calls == calls + 1
    limits.leave(first, images=1)
    assert limits.enter("acme", lease_seconds=LEASE_SECONDS).slot


def test_slots_of_requests_that_crashed_are_free_when_their_leases_end(
    limits: RequestLimits, consumers: InMemoryConsumers, clock: FakeClock
) -> None:
    for _ in range(2):
        limits.enter("acme", lease_seconds=LEASE_SECONDS)
    clock.advance(LEASE_SECONDS - 1)
    refusal(limits)
    clock.advance(1)
    admission = limits.enter("acme", lease_seconds=LEASE_SECONDS)
    assert set(consumers.slots["acme"]) == {admission.slot}


def test_a_request_that_was_admitted_without_a_slot_takes_one_later_and_only_one(
    limits: RequestLimits, consumers: InMemoryConsumers, clock: FakeClock
) -> None:
    admission = limits.enter("acme", lease_seconds=None)
    taken = limits.take_slot(admission, lease_seconds=LEASE_SECONDS)
    assert taken == limits.take_slot(taken, lease_seconds=LEASE_SECONDS)
    assert taken.status == admission.status
    standing = consumers.standing("acme", int(clock()))
    assert (standing.requests_this_minute, standing.images_today, len(standing.slots)) == (1, 1, 1)


def test_the_token_of_a_consumer_that_is_not_registered_is_invalid(limits: RequestLimits) -> None:
    for lease_seconds in (None, LEASE_SECONDS):
        with pytest.raises(InvalidTokenError) as caught:
            limits.enter("stranger", lease_seconds=lease_seconds)
        assert caught.value.message == "Invalid API token."
        assert "stranger" in (caught.value.detail or "")


# Series


def test_a_series_for_which_the_day_has_no_room_is_refused_and_counts_nothing_more(
    limits: RequestLimits, consumers: InMemoryConsumers, clock: FakeClock
) -> None:
    limits.enter("acme", lease_seconds=LEASE_SECONDS)
    admission = limits.enter("acme", lease_seconds=LEASE_SECONDS)
    with pytest.raises(LimitReachedError) as caught:
        limits.reserve_images(admission, 5)
    assert caught.value.status.name is LimitName.IMAGES_PER_DAY
    assert images_today(consumers, clock) == 2
    assert limits.reserve_images(admission, 4).images == 4


def test_one_image_and_an_unbounded_day_need_no_call(
    limits: RequestLimits, consumers: InMemoryConsumers
) -> None:
    admission = limits.enter("acme", lease_seconds=LEASE_SECONDS)
    consumers.is_broken = True
    assert limits.reserve_images(admission, 1) == admission
    unbounded = replace(admission, consumer=Consumer("acme", Limits(30, 2)))
    assert limits.reserve_images(unbounded, 4) == unbounded


def test_a_series_whose_slot_or_consumer_is_gone_is_refused(
    limits: RequestLimits, consumers: InMemoryConsumers
) -> None:
    admission = limits.enter("acme", lease_seconds=LEASE_SECONDS)
    consumers.slots["acme"].clear()
    with pytest.raises(LimitReachedError):
        limits.reserve_images(admission, 4)
    consumers.consumers.clear()
    with pytest.raises(InvalidTokenError):
        limits.reserve_images(admission, 4)

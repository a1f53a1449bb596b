"""Requests are counted and let in, or told which limit was reached."""

from dataclasses import replace

import pytest

from imagineart.domain.consumers import Consumer
from imagineart.domain.errors import InvalidTokenError, LimitReachedError
from imagineart.domain.limit_status import LimitName
from imagineart.domain.limits import Limits, Slot
from imagineart.use_cases.admit_request import PAUSES_SECONDS, AdmitRequest
from tests.fakes.clock import FakeClock
from tests.fakes.ledgers import InMemoryConsumerLedger
from tests.fakes.randomness import repeatable_random_below
from tests.fakes.token_stores import InMemoryConsumers

LIMITS = Limits(requests_per_minute=30, concurrent_requests=2, images_per_day=5)
ACME = Consumer("acme", LIMITS)
LEASE_SECONDS = 60.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def ledger() -> InMemoryConsumerLedger:
    return InMemoryConsumerLedger(InMemoryConsumers({"acme": ACME}))


class Sleeper:
    """Passes the time on the clock, and lets something happen meanwhile."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.pauses: list[float] = []
        self.meanwhile = lambda: None

    def __call__(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.clock.advance(seconds)
        self.meanwhile()


@pytest.fixture
def sleeper(clock: FakeClock) -> Sleeper:
    return Sleeper(clock)


@pytest.fixture
def admit(ledger: InMemoryConsumerLedger, clock: FakeClock, sleeper: Sleeper) -> AdmitRequest:
    return AdmitRequest(ledger, repeatable_random_below(1), clock, sleeper)


def refusal(admit: AdmitRequest, lease_seconds: float | None = LEASE_SECONDS) -> LimitReachedError:
    with pytest.raises(LimitReachedError) as caught:
        admit("acme", lease_seconds=lease_seconds)
    return caught.value


def test_a_request_within_its_limits_is_let_in_at_one_look(
    admit: AdmitRequest, ledger: InMemoryConsumerLedger
) -> None:
    admission = admit("acme", lease_seconds=None)
    assert (admission.consumer, admission.slot, admission.status.remaining) == (ACME, None, 29)
    assert ledger.entries == 1


def test_a_request_for_images_has_a_slot_of_its_own(admit: AdmitRequest, clock: FakeClock) -> None:
    first, second = (admit("acme", lease_seconds=LEASE_SECONDS).slot for _ in range(2))
    assert first is not None
    assert first != second
    assert first.expires_at == clock() + LEASE_SECONDS


def test_the_minutes_limit_is_told_until_the_minute_ends(admit: AdmitRequest, clock: FakeClock) -> None:
    for _ in range(30):
        admit("acme", lease_seconds=None)
    error = refusal(admit, None)
    assert (error.status.name, error.retry_after_seconds) == (LimitName.REQUESTS_PER_MINUTE, 60)
    clock.advance(60)
    assert admit("acme", lease_seconds=None).status.remaining == 29


def test_the_days_limit_is_told_until_midnight(
    admit: AdmitRequest, ledger: InMemoryConsumerLedger, clock: FakeClock
) -> None:
    for _ in range(5):
        admission = admit("acme", lease_seconds=LEASE_SECONDS)
        ledger.leave("acme", entered_at=admission.entered_at, slot=admission.slot, images=1, past_counters=())
    error = refusal(admit)
    assert error.status.name is LimitName.IMAGES_PER_DAY
    clock.advance(error.retry_after_seconds)
    assert clock() % 86_400 == 0
    assert admit("acme", lease_seconds=LEASE_SECONDS)


def test_what_a_limit_other_than_the_slots_refuses_is_not_asked_again(
    admit: AdmitRequest, sleeper: Sleeper
) -> None:
    for _ in range(30):
        admit("acme", lease_seconds=None)
    refusal(admit)
    assert sleeper.pauses == []


def test_without_a_free_slot_a_request_waits_a_moment_and_is_refused(
    admit: AdmitRequest, sleeper: Sleeper
) -> None:
    for _ in range(2):
        admit("acme", lease_seconds=LEASE_SECONDS)
    error = refusal(admit)
    assert error.status.name is LimitName.CONCURRENT_REQUESTS
    assert "2 image requests at a time" in error.message
    assert error.retry_after_seconds >= 1
    assert sleeper.pauses == list(PAUSES_SECONDS)


def test_a_slot_that_is_given_back_meanwhile_lets_the_waiting_request_in(
    admit: AdmitRequest, ledger: InMemoryConsumerLedger, sleeper: Sleeper
) -> None:
    first, _ = (admit("acme", lease_seconds=LEASE_SECONDS) for _ in range(2))
    sleeper.meanwhile = lambda: ledger.slots["acme"].discard(first.slot)
    assert admit("acme", lease_seconds=LEASE_SECONDS).slot
    assert sleeper.pauses == [PAUSES_SECONDS[0]]


def test_slots_of_requests_that_crashed_are_free_when_their_leases_end(
    admit: AdmitRequest, ledger: InMemoryConsumerLedger, clock: FakeClock, sleeper: Sleeper
) -> None:
    for _ in range(2):
        admit("acme", lease_seconds=LEASE_SECONDS)
    clock.advance(LEASE_SECONDS - 1)
    refusal(admit)
    clock.advance(1)
    sleeper.pauses.clear()
    admission = admit("acme", lease_seconds=LEASE_SECONDS)
    assert ledger.slots["acme"] == {admission.slot}
    assert sleeper.pauses == []


def test_a_call_that_was_repeated_under_way_is_let_in_by_its_own_first_copy(
    ledger: InMemoryConsumerLedger, clock: FakeClock
) -> None:
    """The answer to the first copy was lost; the second finds the last slot taken: by itself."""
    admit = AdmitRequest(ledger, lambda _: 5, clock, clock.advance)
    first = admit("acme", lease_seconds=LEASE_SECONDS)
    ledger.slots["acme"].add(Slot(int(clock()) + 50, "another"))
    assert admit("acme", lease_seconds=LEASE_SECONDS).slot == first.slot


def test_the_token_of_a_consumer_that_is_not_registered_is_invalid(admit: AdmitRequest) -> None:
    with pytest.raises(InvalidTokenError) as caught:
        admit("stranger", lease_seconds=None)
    assert caught.value.message == "Invalid API token."
    assert "stranger" in (caught.value.detail or "")


# Series


def test_a_series_counts_all_its_images_from_the_beginning(
    admit: AdmitRequest, ledger: InMemoryConsumerLedger, clock: FakeClock
) -> None:
    admission = admit.reserve_images(admit("acme", lease_seconds=LEASE_SECONDS), 4)
    assert admission.images == 4
    assert ledger.standing("acme", int(clock())).images_today == 4


def test_a_series_for_which_the_day_has_no_room_is_refused_and_counts_nothing_more(
    admit: AdmitRequest, ledger: InMemoryConsumerLedger, clock: FakeClock
) -> None:
    admit("acme", lease_seconds=LEASE_SECONDS)
    admission = admit("acme", lease_seconds=LEASE_SECONDS)
    with pytest.raises(LimitReachedError) as caught:
        admit.reserve_images(admission, 5)
    assert caught.value.status.name is LimitName.IMAGES_PER_DAY
    assert ledger.standing("acme", int(clock())).images_today == 2
    assert admit.reserve_images(admission, 4).images == 4


def test_one_image_and_an_unbounded_day_need_no_look(
    admit: AdmitRequest, ledger: InMemoryConsumerLedger
) -> None:
    admission = admit("acme", lease_seconds=LEASE_SECONDS)
    ledger.is_broken = True
    assert admit.reserve_images(admission, 1) == admission
    unbounded = replace(admission, consumer=Consumer("acme", Limits(30, 2)))
    assert admit.reserve_images(unbounded, 4) == unbounded


def test_a_series_whose_slot_is_gone_is_refused(admit: AdmitRequest, ledger: InMemoryConsumerLedger) -> None:
    admission = admit("acme", lease_seconds=LEASE_SECONDS)
    ledger.slots["acme"].clear()
    with pytest.raises(LimitReachedError):
        admit.reserve_images(admission, 4)


def test_a_series_of_a_consumer_that_is_no_longer_registered_is_refused(
    admit: AdmitRequest, ledger: InMemoryConsumerLedger
) -> None:
    admission = admit("acme", lease_seconds=LEASE_SECONDS)
    ledger.consumers.consumers.clear()
    with pytest.raises(InvalidTokenError):
        admit.reserve_images(admission, 4)

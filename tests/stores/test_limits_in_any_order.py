"""Whatever happens in whatever order, a consumer is let in exactly where its limits leave room."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from imagineart.adapters.dynamodb_consumers import DynamoDbConsumers
from imagineart.domain.consumers import Consumer
from imagineart.domain.errors import LimitReachedError
from imagineart.domain.limits import (
    CONCURRENCY_RETRY_SECONDS,
    DAY_SECONDS,
    MINUTE_SECONDS,
    LimitName,
    Limits,
    Slot,
    Standing,
    window_start,
)
from imagineart.domain.ports import ConsumerLedger, ConsumerRegister
from imagineart.use_cases.admit_request import Admission, AdmitRequest
from tests.fakes.clock import FakeClock
from tests.fakes.ledgers import InMemoryConsumerLedger
from tests.fakes.randomness import repeatable_random_below
from tests.fakes.token_stores import InMemoryConsumers
from tests.stores.tables import consumer_item, new_table, standing_in

LEASE_SECONDS = 90
SOME_STEPS = settings(
    max_examples=25, stateful_step_count=25, deadline=None, derandomize=True, database=None, print_blob=False
)
WITHOUT_SHRINKING = settings(SOME_STEPS, phases=[Phase.generate], report_multiple_bugs=False)
limits = st.builds(Limits, st.integers(1, 4), st.integers(1, 3), st.none() | st.integers(1, 4))


@dataclass(frozen=True, slots=True)
class Implementation:
    """One ConsumerLedger with its register, and how to see what it holds of a consumer."""

    register: ConsumerRegister
    ledger: ConsumerLedger
    standing: Callable[[str, int], Standing]


@dataclass(slots=True)
class Expected:
    """What a consumer may and has, as the words of `limits` have it."""

    limits: Limits
    requests: Counter[int] = field(default_factory=Counter)
    images: Counter[int] = field(default_factory=Counter)
    slots: set[Slot] = field(default_factory=set)

    def standing(self, now: int) -> Standing:
        minute, day = window_start(now, MINUTE_SECONDS), window_start(now, DAY_SECONDS)
        return Standing(self.requests[minute], self.images[day], frozenset(self.slots))

    def refusal(self, now: int, *, wants_slot: bool) -> tuple[LimitName, int] | None:
        """The limit that has no room, and when it has some again; slots whose lease is over are free."""
        standing, own = self.standing(now), self.limits
        if wants_slot and own.images_per_day is not None and standing.images_today >= own.images_per_day:
            return LimitName.IMAGES_PER_DAY, window_start(now, DAY_SECONDS) + DAY_SECONDS
        if standing.requests_this_minute >= own.requests_per_minute:
            return LimitName.REQUESTS_PER_MINUTE, window_start(now, MINUTE_SECONDS) + MINUTE_SECONDS
        held = [slot for slot in standing.slots if slot.expires_at > now]
        if wants_slot and len(held) >= own.concurrent_requests:
            return LimitName.CONCURRENT_REQUESTS, now + CONCURRENCY_RETRY_SECONDS
        return None

    def sweep(self, now: int) -> None:
        """Whoever finds all slots taken sweeps those whose lease is over."""
        if len(self.slots) >= self.limits.concurrent_requests:
            self.slots = {slot for slot in self.slots if slot.expires_at > now}


class LimitsInAnyOrder(RuleBasedStateMachine):
    """One consumer, whose requests come, end, crash and wait in any order."""

    names = count(1)

    def __init__(self, implementation: Implementation) -> None:
        super().__init__()
        self.store = implementation
        self.id = f"consumer-{next(self.names)}"
        self.clock = FakeClock(1_799_971_200 + DAY_SECONDS - 100)
        self.admit = AdmitRequest(
            implementation.ledger, repeatable_random_below(next(self.names)), self.clock, lambda _: None
        )
        self.expected = Expected(Limits(3, 2, 3))
        self.under_way: list[Admission] = []
        self.ended: list[Admission] = []
        assert self.store.register.add_consumer(Consumer(self.id, self.expected.limits))

    @property
    def now(self) -> int:
        return int(self.clock())

    @rule(wants_slot=st.booleans())
    def come(self, wants_slot: bool) -> None:
        refusal = self.expected.refusal(self.now, wants_slot=wants_slot)
        try:
            admission = self.admit(self.id, lease_seconds=LEASE_SECONDS if wants_slot else None)
        except LimitReachedError as error:
            assert (error.status.name, error.status.reset_at) == refusal
            assert error.retry_after_seconds == refusal[1] - self.now
            if error.status.name is LimitName.CONCURRENT_REQUESTS:
                self.expected.sweep(self.now)
            return
        assert refusal is None
        self._note(admission, wants_slot=wants_slot)

    def _note(self, admission: Admission, *, wants_slot: bool) -> None:
        self.expected.requests[window_start(self.now, MINUTE_SECONDS)] += 1
        assert (admission.slot is not None) is wants_slot
        if admission.slot is not None:
            self.expected.sweep(self.now)
            self.expected.images[window_start(self.now, DAY_SECONDS)] += 1
            self.expected.slots.add(admission.slot)
        left = (
            self.expected.limits.requests_per_minute - self.expected.standing(self.now).requests_this_minute
        )
        assert (admission.status.remaining, admission.status.limit) == (
            left,
            self.expected.limits.requests_per_minute,
        )
        assert 0 < admission.status.reset_at - self.now <= MINUTE_SECONDS
        self.under_way.append(admission)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), images=st.integers(0, 2))
    def end(self, data: st.DataObject, images: int) -> None:
        admission = self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))
        self._leave(admission, images)
        self.ended.append(admission)

    @precondition(lambda self: self.ended)
    @rule(data=st.data(), images=st.integers(0, 2))
    def end_once_more(self, data: st.DataObject, images: int) -> None:
        self._leave(data.draw(st.sampled_from(self.ended)), images)

    def _leave(self, admission: Admission, images: int) -> None:
        self.store.ledger.leave(
            self.id,
            entered_at=admission.entered_at,
            slot=admission.slot,
            images=images,
            past_counters=admission.past_counters,
        )
        if admission.slot in self.expected.slots:
            self.expected.slots.remove(admission.slot)
            self.expected.images[window_start(admission.entered_at, DAY_SECONDS)] += images - 1

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        """Nobody will give its slot back."""
        self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))

    @rule(seconds=st.sampled_from([1, 20, MINUTE_SECONDS, LEASE_SECONDS + 1, DAY_SECONDS]))
    def pass_time(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule(limits=limits)
    def change_limits(self, limits: Limits) -> None:
        assert self.store.register.replace_consumer(Consumer(self.id, limits))
        self.expected.limits = limits

    @invariant()
    def what_is_stored_is_what_was_used(self) -> None:
        assert self.store.standing(self.id, self.now) == self.expected.standing(self.now)


def in_memory() -> Implementation:
    consumers = InMemoryConsumers()
    ledger = InMemoryConsumerLedger(consumers)
    return Implementation(consumers, ledger, ledger.standing)


def in_dynamodb(endpoint_url: str) -> Implementation:
    consumers = DynamoDbConsumers(new_table(endpoint_url, "ConsumersTable"))

    return Implementation(
        consumers,
        consumers,
        lambda consumer_id, now: standing_in(consumer_item(consumers.table, consumer_id), now),
    )


def test_limits_hold_in_any_order(store_endpoint: str) -> None:
    implementation = in_dynamodb(store_endpoint)
    run_state_machine_as_test(lambda: LimitsInAnyOrder(implementation), settings=SOME_STEPS)


def test_the_ledger_in_memory_that_other_tests_use_keeps_them_too() -> None:
    implementation = in_memory()
    run_state_machine_as_test(lambda: LimitsInAnyOrder(implementation), settings=SOME_STEPS)


@pytest.mark.parametrize("broken", ["a limit that is not checked", "a slot that is not given back"])
def test_the_machine_finds_a_ledger_that_is_wrong(broken: str) -> None:
    right = in_memory()

    class WrongLedger(InMemoryConsumerLedger):
        def enter(self, consumer_id: str, **arguments):
            entrance = super().enter(consumer_id, **arguments)
            if broken == "a limit that is not checked" and entrance and len(entrance.standing.slots) > 1:
                return type(entrance)(True, entrance.consumer, entrance.standing)
            return entrance

        def leave(self, consumer_id: str, **arguments) -> None:
            if broken != "a slot that is not given back":
                super().leave(consumer_id, **arguments)

    ledger = WrongLedger(right.register)
    wrong = Implementation(right.register, ledger, ledger.standing)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(lambda: LimitsInAnyOrder(wrong), settings=WITHOUT_SHRINKING)

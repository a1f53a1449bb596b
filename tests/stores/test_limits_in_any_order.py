"""Whatever happens in whatever order, requests are admitted exactly where the limits leave room."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from imagineart.access.admit import Admission, RequestLimits
from imagineart.access.consumer_store import ConsumerStore
from imagineart.access.consumers import Consumer
from imagineart.access.limits import (
    CONCURRENCY_RETRY_SECONDS,
    DAY_SECONDS,
    MINUTE_SECONDS,
    LimitName,
    LimitReachedError,
    Limits,
    Slot,
    Standing,
    window_start,
)
from tests.fakes.clock import FakeClock
from tests.fakes.consumers import InMemoryConsumers
from tests.fakes.randomness import repeatable_random_below
from tests.stores.tables import new_table, standing_of

LEASE_SECONDS = 90
SOME_STEPS = settings(
    max_examples=8, stateful_step_count=25, deadline=None, derandomize=True, database=None, print_blob=False
)
limits = st.builds(Limits, st.integers(1, 4), st.integers(1, 3), st.none() | st.integers(1, 4))


@dataclass(slots=True)
class Expected:
    """What a consumer may use and has used, in the words of the documentation of limits."""

    limits: Limits
    requests: Counter[int] = field(default_factory=Counter)
    images: Counter[int] = field(default_factory=Counter)
    slots: set[Slot] = field(default_factory=set)

    def standing(self, now: int) -> Standing:
        minute, day = window_start(now, MINUTE_SECONDS), window_start(now, DAY_SECONDS)
        return Standing(self.requests[minute], self.images[day], frozenset(self.slots))

    def refusal(self, now: int, *, wants_slot: bool) -> LimitName | None:
        """The limit that has no room; slots whose lease is over are free."""
        standing, own = self.standing(now), self.limits
        if wants_slot and own.images_per_day is not None and standing.images_today >= own.images_per_day:
            return LimitName.IMAGES_PER_DAY
        if standing.requests_this_minute >= own.requests_per_minute:
            return LimitName.REQUESTS_PER_MINUTE
        held = [slot for slot in standing.slots if slot.expires_at > now]
        if wants_slot and len(held) >= own.concurrent_requests:
            return LimitName.CONCURRENT_REQUESTS
        return None

    def drop_expired(self, now: int) -> None:
        """A request that finds all slots taken drops those whose lease is over."""
        if len(self.slots) >= self.limits.concurrent_requests:
            self.slots = {slot for slot in self.slots if slot.expires_at > now}


class LimitsInAnyOrder(RuleBasedStateMachine):
    """One consumer, whose requests come, reserve, end and crash in any order."""

    names = count(1)

    def __init__(self, store: ConsumerStore | InMemoryConsumers) -> None:
        super().__init__()
        self.store = store
        self.id = f"consumer-{next(self.names)}"
        self.clock = FakeClock(1_799_971_200 + DAY_SECONDS - 100)
        self.request_limits = RequestLimits(store, repeatable_random_below(next(self.names)), self.clock)
        self.expected = Expected(Limits(3, 2, 3))
        self.in_progress: list[Admission] = []
        self.ended: list[Admission] = []
        assert store.add_consumer(Consumer(self.id, self.expected.limits))

    @property
    def now(self) -> int:
        return int(self.clock())

    @rule(wants_slot=st.booleans())
    def come(self, wants_slot: bool) -> None:
        refusal = self.expected.refusal(self.now, wants_slot=wants_slot)
        try:
            lease_seconds = LEASE_SECONDS if wants_slot else None
            admission = self.request_limits.enter(self.id, lease_seconds=lease_seconds)
        except LimitReachedError as error:
            assert error.status.name == refusal
            assert error.retry_after_seconds <= DAY_SECONDS
            if refusal is LimitName.CONCURRENT_REQUESTS:
                assert error.retry_after_seconds == CONCURRENCY_RETRY_SECONDS
                self.expected.drop_expired(self.now)
            return
        assert refusal is None
        self.expected.requests[window_start(self.now, MINUTE_SECONDS)] += 1
        assert (admission.slot is not None) is wants_slot
        if admission.slot is not None:
            self.expected.drop_expired(self.now)
            self.expected.images[window_start(self.now, DAY_SECONDS)] += 1
            self.expected.slots.add(admission.slot)
        left = (
            self.expected.limits.requests_per_minute - self.expected.requests[admission.status.reset_at - 60]
        )
        assert admission.status.remaining == left
        self.in_progress.append(admission)

    @precondition(lambda self: self.in_progress)
    @rule(data=st.data(), images=st.integers(2, 4))
    def reserve(self, data: st.DataObject, images: int) -> None:
        position = data.draw(st.integers(0, len(self.in_progress) - 1))
        admission = self.in_progress[position]
        if admission.slot not in self.expected.slots or admission.images != 1:
            return
        day, limit = window_start(admission.entered_at, DAY_SECONDS), self.expected.limits.images_per_day
        known = admission.consumer.limits.images_per_day
        has_room = limit == known and (limit is None or self.expected.images[day] + images - 1 <= limit)
        try:
            self.in_progress[position] = self.request_limits.reserve_images(admission, images)
            assert has_room or known is None
        except LimitReachedError as error:
            assert not has_room
            assert error.status.name is LimitName.IMAGES_PER_DAY
        self.expected.images[day] += self.in_progress[position].images - 1

    @precondition(lambda self: self.in_progress)
    @rule(data=st.data(), fails=st.booleans())
    def end(self, data: st.DataObject, fails: bool) -> None:
        admission = self.in_progress.pop(data.draw(st.integers(0, len(self.in_progress) - 1)))
        self._leave(admission, 0 if fails else admission.images)
        self.ended.append(admission)

    @precondition(lambda self: self.ended)
    @rule(data=st.data(), images=st.integers(0, 2))
    def end_once_more(self, data: st.DataObject, images: int) -> None:
        self._leave(data.draw(st.sampled_from(self.ended)), images)

    def _leave(self, admission: Admission, images: int) -> None:
        self.request_limits.leave(admission, images=images)
        if admission.slot in self.expected.slots:
            self.expected.slots.remove(admission.slot)
            day = window_start(admission.entered_at, DAY_SECONDS)
            self.expected.images[day] += images - admission.images

    @precondition(lambda self: self.in_progress)
    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        """Its slot is not given back."""
        self.in_progress.pop(data.draw(st.integers(0, len(self.in_progress) - 1)))

    @rule(seconds=st.sampled_from([1, 20, MINUTE_SECONDS, LEASE_SECONDS + 1, DAY_SECONDS]))
    def pass_time(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule(limits=limits)
    def change_limits(self, limits: Limits) -> None:
        assert self.store.replace_consumer(Consumer(self.id, limits))
        self.expected.limits = limits

    @invariant()
    def what_is_stored_is_what_was_used(self) -> None:
        assert standing_of(self.store, self.id, self.now) == self.expected.standing(self.now)


@pytest.mark.parametrize("implementation", ["memory", "moto", "dynalite"])
def test_limits_hold_in_any_order(implementation: str, request: pytest.FixtureRequest) -> None:
    store = (
        InMemoryConsumers()
        if implementation == "memory"
        else ConsumerStore(new_table(request.getfixturevalue(implementation), "ConsumersTable"))
    )
    run_state_machine_as_test(lambda: LimitsInAnyOrder(store), settings=SOME_STEPS)

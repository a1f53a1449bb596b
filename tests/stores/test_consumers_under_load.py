"""However many environments ask at once, a consumer never gets more than its limits allow."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier, Lock
from typing import TypeVar

import pytest

from imagineart.adapters.dynamodb_consumers import DynamoDbConsumers
from imagineart.adapters.dynamodb_table import DynamoDbTable
from imagineart.domain.consumers import Consumer
from imagineart.domain.errors import LimitReachedError
from imagineart.domain.limits import LimitName, Limits, Slot
from imagineart.use_cases.admit_request import Admission, AdmitRequest
from tests.fakes.clock import FakeClock
from tests.fakes.randomness import repeatable_random_below
from tests.stores.tables import consumer_item, new_table, of_another_environment, standing_in

Result = TypeVar("Result")
THREADS = 32
ROUNDS = 6
LEASE_SECONDS = 300
START_SECONDS = 60
UNBOUNDED = Limits(1_000_000, 1000)


@dataclass(slots=True)
class UnderWay:
    """How many requests are under way, and how many were at most."""

    now: int = 0
    most: int = 0
    _turn: Lock = field(default_factory=Lock)

    def change(self, by: int) -> None:
        with self._turn:
            self.now += by
            self.most = max(self.most, self.now)


@dataclass(slots=True)
class Environment:
    """One of many Lambda environments, with connections of its own."""

    number: int
    consumers: DynamoDbConsumers
    admit: AdmitRequest

    def enter(self) -> Admission | LimitName:
        try:
            return self.admit("acme", lease_seconds=LEASE_SECONDS)
        except LimitReachedError as error:
            return error.status.name

    def leave(self, admission: Admission, *, images: int = 1) -> None:
        self.consumers.leave(
            "acme",
            entered_at=admission.entered_at,
            slot=admission.slot,
            images=images,
            past_counters=admission.past_counters,
        )


@dataclass(slots=True)
class Load:
    """Many environments in front of one consumer."""

    table: DynamoDbTable
    clock: FakeClock = field(default_factory=FakeClock)

    def register(self, limits: Limits) -> None:
        assert DynamoDbConsumers(self.table).add_consumer(Consumer("acme", limits))

    def environment(self, number: int) -> Environment:
        consumers = DynamoDbConsumers(of_another_environment(self.table))
        admit = AdmitRequest(consumers, repeatable_random_below(number), self.clock, sleep=lambda _: None)
        return Environment(number, consumers, admit)

    def run(self, act: Callable[[Environment], Result]) -> list[Result]:
        """What `act` returns in each of many threads that start together."""
        barrier = Barrier(THREADS)

        def start(number: int) -> Result:
            environment = self.environment(number)
            barrier.wait(START_SECONDS)
            return act(environment)

        with ThreadPoolExecutor(THREADS) as threads:
            return list(threads.map(start, range(THREADS)))

    @property
    def standing(self):
        return standing_in(consumer_item(self.table, "acme"), int(self.clock()))


@pytest.fixture
def load(store_endpoint: str) -> Load:
    return Load(new_table(store_endpoint, "ConsumersTable"))


def test_no_more_requests_are_under_way_than_the_limit_and_every_slot_is_given_back(load: Load) -> None:
    load.register(Limits(1_000_000, concurrent_requests=5))
    under_way = UnderWay()

    def work(environment: Environment) -> int:
        admitted = 0
        for _ in range(ROUNDS):
            admission = environment.enter()
            if isinstance(admission, Admission):
                under_way.change(1)
                admitted += 1
                environment.consumers.find_consumer("acme")
                under_way.change(-1)
                environment.leave(admission)
            else:
                assert admission is LimitName.CONCURRENT_REQUESTS
        return admitted

    admitted = sum(load.run(work))
    assert admitted >= 5
    assert under_way.most <= 5
    assert (load.standing.slots, load.standing.images_today) == (frozenset(), admitted)
    assert load.standing.requests_this_minute == admitted


def test_exactly_as_many_are_under_way_as_the_limit_where_nobody_leaves(load: Load) -> None:
    load.register(Limits(1_000_000, concurrent_requests=7))
    entered = [each for each in load.run(Environment.enter) if isinstance(each, Admission)]
    assert len(entered) == 7
    assert load.standing.slots == {admission.slot for admission in entered}


@pytest.mark.parametrize(
    ("limits", "name"),
    [(Limits(50, 1000), LimitName.REQUESTS_PER_MINUTE),
     (Limits(1_000_000, 1000, images_per_day=50), LimitName.IMAGES_PER_DAY)],
    ids=["minute", "day"],
)  # fmt: skip
def test_exactly_as_many_are_admitted_as_the_minute_and_the_day_allow(
    load: Load, limits: Limits, name: LimitName
) -> None:
    load.register(limits)

    def ask(environment: Environment) -> list[Admission | LimitName]:
        return [environment.enter() for _ in range(3)]

    answers = [answer for answers in load.run(ask) for answer in answers]
    refused = [answer for answer in answers if not isinstance(answer, Admission)]
    assert len(answers) - len(refused) == 50
    assert set(refused) == {name}
    assert (load.standing.requests_this_minute, load.standing.images_today) == (50, 50)


def test_images_that_many_requests_made_or_did_not_make_add_up(load: Load) -> None:
    load.register(UNBOUNDED)

    def make(environment: Environment) -> int:
        images = environment.number % 3
        admission = environment.enter()
        assert isinstance(admission, Admission)
        environment.leave(admission, images=images)
        return images

    made = sum(load.run(make))
    assert (load.standing.images_today, load.standing.slots) == (made, frozenset())


def test_slots_of_crashed_requests_are_free_once_their_leases_end(load: Load) -> None:
    load.register(Limits(1_000_000, concurrent_requests=6))

    def work(environment: Environment) -> list[Slot]:
        crashed = []
        for _ in range(ROUNDS):
            admission = environment.enter()
            if isinstance(admission, Admission):
                if environment.number % 3 == 0:
                    crashed.append(admission.slot)
                else:
                    environment.leave(admission)
        return crashed

    crashed = {slot for slots in load.run(work) for slot in slots}
    assert load.standing.slots == crashed
    assert 1 <= len(crashed) <= 6

    load.clock.advance(LEASE_SECONDS + 1)
    later = load.environment(THREADS)
    admitted = [later.enter() for _ in range(7)]
    assert all(isinstance(admission, Admission) for admission in admitted[:6])
    assert admitted[6] is LimitName.CONCURRENT_REQUESTS
    assert load.standing.slots == {admission.slot for admission in admitted[:6]}


def test_many_who_find_expired_slots_at_once_get_exactly_as_many_as_the_limit(load: Load) -> None:
    load.register(Limits(1_000_000, concurrent_requests=6))
    load.run(Environment.enter)
    load.clock.advance(LEASE_SECONDS + 1)
    entered = [each for each in load.run(Environment.enter) if isinstance(each, Admission)]
    assert len(entered) == 6
    assert load.standing.slots == {admission.slot for admission in entered}


def test_a_slot_that_many_calls_ask_for_at_once_is_taken_once(load: Load) -> None:
    load.register(UNBOUNDED)
    now = int(load.clock())
    slot = Slot(now + LEASE_SECONDS, "repeated")
    entrances = load.run(lambda environment: environment.consumers.enter("acme", now=now, slot=slot))
    assert [entrance.admitted for entrance in entrances].count(True) == 1
    assert all(slot in entrance.standing.slots for entrance in entrances)
    assert load.standing.requests_this_minute == load.standing.images_today == len(load.standing.slots) == 1


def test_a_slot_that_many_calls_give_back_at_once_is_given_back_once(load: Load) -> None:
    load.register(UNBOUNDED)
    kept, given_back = (load.environment(number).enter() for number in (100, 101))
    assert isinstance(kept, Admission)
    assert isinstance(given_back, Admission)
    load.run(lambda environment: environment.leave(given_back, images=0))
    assert (load.standing.slots, load.standing.images_today) == ({kept.slot}, 1)


def test_a_request_whose_first_call_was_repeated_is_let_in_by_what_that_took(load: Load) -> None:
    """Also where the first call took the last slot."""
    load.register(Limits(1_000_000, concurrent_requests=1))
    environment = load.environment(0)

    class LosesTheFirstAnswer:
        calls = 0

        def enter(self, consumer_id: str, **arguments):
            self.calls += 1
            if self.calls == 1:
                environment.consumers.enter(consumer_id, **arguments)
            return environment.consumers.enter(consumer_id, **arguments)

    admission = AdmitRequest(LosesTheFirstAnswer(), repeatable_random_below(0), load.clock)(
        "acme", lease_seconds=LEASE_SECONDS
    )
    assert load.standing.slots == {admission.slot}
    assert (load.standing.requests_this_minute, load.standing.images_today) == (1, 1)

"""Whatever happens between two attempts with one key, nothing is made twice that was made once.

Each attempt runs in a thread of its own that stands still wherever another may come between: before it
makes its answer, keeps its body, completes its claim, frees its key, or asks again. One moves at a time.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from queue import Queue
from threading import Thread
from typing import Any

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

from imagineart.adapters.aws_http import AwsCallError
from imagineart.adapters.dynamodb_answers import DynamoDbAnswerRecords
from imagineart.domain.errors import AnswerPendingError, InvalidRequestError, ModelError
from imagineart.domain.leases import LEASE_MARGIN_SECONDS
from imagineart.domain.ports import AnswerRecords
from imagineart.domain.repeatable_answers import KEPT_SECONDS, Answer, AnswerRecord, Claim, record_id
from imagineart.use_cases.answer_once import POLL_SECONDS, AnsweredOnce, AnswerOnce
from tests.fakes.answers import InMemoryAnswerRecords, InMemoryAnswerStorage
from tests.fakes.clock import FakeClock
from tests.fakes.randomness import repeatable_random_below
from tests.stores.tables import new_table

LEASE_SECONDS = 100
PATIENCE_SECONDS = 40
MOST_AT_ONCE = 2
STEP_SECONDS = 20
SOME_STEPS = settings(
    max_examples=100, stateful_step_count=25, deadline=None, derandomize=True, database=None, print_blob=False
)
WITHOUT_SHRINKING: dict[str, Any] = {
    "phases": [Phase.generate],
    "report_multiple_bugs": False,
    "max_examples": 500,
}
UNREACHABLE = AwsCallError("Unreachable", detail="the store did not answer")
FAILURES = {"before making": ModelError(), "before keeping the body": UNREACHABLE}


class Killed(BaseException):
    """The environment is gone: nothing that it still wanted to do is done."""


@dataclass(slots=True)
class Attempt:
    """One request with the key, standing still at `place` until it is told to go on."""

    number: int
    fingerprint: str
    place: str = "the beginning"
    result: AnsweredOnce | BaseException | None = None
    began_at: float = 0.0
    _arrivals: "Queue[str]" = field(default_factory=Queue)
    _orders: "Queue[BaseException | None]" = field(default_factory=Queue)
    _thread: Thread | None = None

    def start(self, act: Callable[[], AnsweredOnce]) -> None:
        def run() -> None:
            try:
                self.result = act()
            except BaseException as error:
                self.result = error
            self._arrivals.put("the end")

        self._thread = Thread(target=run)
        self._thread.start()
        self._arrive()

    def stand_still(self, place: str) -> None:
        """Called in the attempt's own thread."""
        self._arrivals.put(place)
        order = self._orders.get(timeout=STEP_SECONDS)
        if order is not None:
            raise order

    def go_on(self, order: BaseException | None = None) -> None:
        self._orders.put(order)
        self._arrive()

    def _arrive(self) -> None:
        self.place = self._arrivals.get(timeout=STEP_SECONDS)
        if self.place == "the end" and self._thread:
            self._thread.join(STEP_SECONDS)


@dataclass(slots=True)
class StandingStill:
    """The records and the storage of answers as one attempt reaches them."""

    attempt: Attempt
    records: AnswerRecords
    storage: InMemoryAnswerStorage
    now: FakeClock
    is_gone: bool = False

    def claim(self, claim: Claim, *, now: float) -> AnswerRecord | None:
        return self.records.claim(claim, now=now)

    def find(self, record_id: str, *, now: float) -> AnswerRecord | None:
        return self.records.find(record_id, now=now)

    def forget(self, record_id: str, answer: AnswerRecord) -> None:
        self.records.forget(record_id, answer)

    def complete(self, claim: Claim, answer: AnswerRecord, *, now: float) -> bool:
        self._stand_still("before completing")
        return self.records.complete(claim, answer, now=self.now())

    def release(self, claim: Claim) -> None:
        self._stand_still("before releasing")
        self.records.release(claim)

    def put(self, key: str, content: bytes, *, within_seconds: float) -> None:
        self._stand_still("before keeping the body")
        self.storage.put(key, content, within_seconds=within_seconds)

    def get(self, key: str, *, within_seconds: float) -> bytes | None:
        return self.storage.get(key, within_seconds=within_seconds)

    def _stand_still(self, place: str) -> None:
        if self.is_gone:
            raise Killed
        try:
            self.attempt.stand_still(place)
        except Killed:
            self.is_gone = True
            raise


@dataclass(slots=True)
class Held:
    """Whose claim the key is, and until when; the answer once there is one."""

    attempt: Attempt
    until: float
    content: bytes | None = None


class AnswersInAnyOrder(RuleBasedStateMachine):
    """One consumer's key, and attempts that come, finish, fail, crash and stall in any order."""

    names = count(1)

    def __init__(self, records: AnswerRecords) -> None:
        super().__init__()
        self.records = records
        self.key = f"key-{next(self.names)}"
        self.clock = FakeClock()
        self.storage = InMemoryAnswerStorage()
        self.attempts: list[Attempt] = []
        self.numbers = count(1)
        self.held: Held | None = None
        self.made: dict[int, bytes] = {}
        self.bodies: set[int] = set()
        self.environments: dict[int, StandingStill] = {}

    def holder(self) -> Held | None:
        """Who has the key now."""
        if self.held and self.clock() <= self.held.until:
            return self.held
        return None

    @precondition(lambda self: len(self.attempts) < MOST_AT_ONCE)
    @rule(fingerprint=st.sampled_from(["the request"] * 4 + ["another request"]))
    def begin(self, fingerprint: str) -> None:
        attempt = Attempt(next(self.numbers), fingerprint)
        environment = StandingStill(attempt, self.records, self.storage, self.clock)
        self.environments[attempt.number] = environment
        answer_once = AnswerOnce(
            environment,
            environment,
            repeatable_random_below(attempt.number),
            lambda _: None,
            self.clock,
            lambda _: attempt.stand_still("waiting"),
        )

        def make() -> Answer:
            environment._stand_still("before making")
            self.made[attempt.number] = f"picture {attempt.number} of {fingerprint}".encode()
            return Answer({"x-number": str(attempt.number)}, self.made[attempt.number])

        self.attempts.append(attempt)
        attempt.start(
            lambda: answer_once(
                "acme", self.key, fingerprint, make,
                seconds_left=lambda: LEASE_SECONDS - LEASE_MARGIN_SECONDS,
                patience_seconds=PATIENCE_SECONDS,
            )
        )  # fmt: skip
        attempt.began_at = self.clock()
        self._judge_look(attempt, began_at=self.clock())

    def _judge_look(self, attempt: Attempt, *, began_at: float) -> None:
        """What an attempt does that has just looked at the key."""
        holder = self.holder()
        if holder and self._has_lost_its_body(holder) and holder.attempt.fingerprint == attempt.fingerprint:
            # The answer is forgotten and made anew.
            self.held = holder = None
        if holder is None:
            assert attempt.place == "before making", (attempt.place, attempt.result)
            self.held = Held(attempt, began_at + LEASE_SECONDS)
        elif holder.attempt.fingerprint != attempt.fingerprint:
            assert isinstance(attempt.result, InvalidRequestError), (attempt.place, attempt.result)
            assert attempt.result.field == "Idempotency-Key"
        elif holder.content is not None:
            assert isinstance(attempt.result, AnsweredOnce), (attempt.place, attempt.result)
            assert attempt.result.replayed
            assert attempt.result.answer.content == holder.content
            assert attempt.result.answer.headers == {"x-number": str(holder.attempt.number)}
        elif self.clock() + POLL_SECONDS > began_at + PATIENCE_SECONDS:
            assert isinstance(attempt.result, AnswerPendingError), (attempt.place, attempt.result)
        else:
            assert attempt.place == "waiting", (attempt.place, attempt.result)
        self._drop_ended()

    def _has_lost_its_body(self, holder: Held) -> bool:
        return holder.content is not None and holder.attempt.number not in self.bodies

    def _drop_ended(self) -> None:
        self.attempts = [each for each in self.attempts if each.place != "the end"]

    @precondition(lambda self: self.attempts)
    @rule(data=st.data())
    def go_on(self, data: st.DataObject) -> None:
        attempt = data.draw(st.sampled_from(self.attempts))
        left = attempt.place
        attempt.go_on()
        match left:
            case "waiting":
                self._judge_look(attempt, began_at=attempt.began_at)
            case "before making":
                assert attempt.place == "before keeping the body"
            case "before keeping the body":
                assert attempt.place == "before completing"
                self.bodies.add(attempt.number)
            case "before completing":
                if self.held and self.held.attempt is attempt:
                    self.held = Held(attempt, self.clock() + KEPT_SECONDS, self.made[attempt.number])
                self._judge_own_answer(attempt)
            case "before releasing":
                self._judge_release(attempt)

    @precondition(lambda self: self.attempts)
    @rule(data=st.data(), crashes=st.booleans())
    def go_wrong(self, data: st.DataObject, crashes: bool) -> None:
        """The backend or the storage fails; or the environment crashes, holding on until its lease ends."""
        attempt = data.draw(st.sampled_from(self.attempts))
        if attempt.place in FAILURES and not crashes:
            attempt.go_on(FAILURES[attempt.place])
            assert attempt.place == "before releasing"
            return
        self.environments[attempt.number].is_gone = True
        attempt.go_on(Killed())
        assert isinstance(attempt.result, Killed)
        self._drop_ended()

    def _judge_release(self, attempt: Attempt) -> None:
        if self.held and self.held.attempt is attempt:
            self.held = None
        if attempt.number in self.made:
            self._judge_own_answer(attempt)
        else:
            assert isinstance(attempt.result, ModelError)
            self._drop_ended()

    def _judge_own_answer(self, attempt: Attempt) -> None:
        """Whoever made an answer gets it, whatever became of the claim."""
        assert isinstance(attempt.result, AnsweredOnce), (attempt.place, attempt.result)
        assert not attempt.result.replayed
        assert attempt.result.answer.content == self.made[attempt.number]
        self._drop_ended()

    @rule()
    def every_lease_ends(self) -> None:
        self.clock.advance(LEASE_SECONDS + 1)

    @rule(seconds=st.sampled_from([1, PATIENCE_SECONDS, KEPT_SECONDS - 50]), bodies_are_lost=st.booleans())
    def pass_time(self, seconds: int, bodies_are_lost: bool) -> None:
        self.clock.advance(seconds)
        if bodies_are_lost:
            # As when S3's lifecycle is faster than the record's.
            self.storage.contents.clear()
            self.bodies.clear()

    @invariant()
    def the_record_is_what_happened(self) -> None:
        found = self.records.find(record_id("acme", self.key), now=self.clock())
        holder = self.holder()
        if holder is None:
            assert found is None
        elif holder.content is None:
            assert found == AnswerRecord(holder.attempt.fingerprint)
        else:
            assert found is not None
            assert found.fingerprint == holder.attempt.fingerprint
            assert found.headers == {"x-number": str(holder.attempt.number)}

    def teardown(self) -> None:
        self._drop_ended()
        for attempt in self.attempts:
            self.environments[attempt.number].is_gone = True
            attempt.go_on(Killed())
            assert attempt.place == "the end"


def run(records: AnswerRecords, **options: Any) -> None:
    run_state_machine_as_test(lambda: AnswersInAnyOrder(records), settings=settings(SOME_STEPS, **options))


def test_answers_are_made_once_in_any_order(store_endpoint: str) -> None:
    run(DynamoDbAnswerRecords(new_table(store_endpoint, "AnswersTable")))


def test_the_records_in_memory_that_other_tests_use_keep_that_too() -> None:
    run(InMemoryAnswerRecords())


class WhoeverAsksGetsTheClaim(InMemoryAnswerRecords):
    def claim(self, claim: Claim, *, now: float) -> AnswerRecord | None:
        super().claim(claim, now=now)
        return None


class WhoeverComesLateCompletes(InMemoryAnswerRecords):
    def complete(self, claim: Claim, answer: AnswerRecord, *, now: float) -> bool:
        held = self.held.get(claim.record_id)
        return bool(held) and super().complete(held.claim, answer, now=now)


class WhoeverComesLateReleases(InMemoryAnswerRecords):
    def release(self, claim: Claim) -> None:
        self.held.pop(claim.record_id, None)


class LeasesNeverEnd(InMemoryAnswerRecords):
    def find(self, record_id: str, *, now: float) -> AnswerRecord | None:
        held = self.held.get(record_id)
        return super().find(record_id, now=min(now, held.claim.lease_ends_at) if held else now)


@pytest.mark.parametrize(
    "wrong", [WhoeverAsksGetsTheClaim, WhoeverComesLateCompletes, WhoeverComesLateReleases, LeasesNeverEnd]
)
def test_the_machine_finds_records_that_are_wrong(wrong: type[InMemoryAnswerRecords]) -> None:
    with pytest.raises(AssertionError):
        run(wrong(), **WITHOUT_SHRINKING)

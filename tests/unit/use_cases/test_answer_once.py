"""One answer for all requests that are one."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from imagineart.domain.errors import AnswerPendingError, InvalidRequestError, ModelError
from imagineart.domain.leases import LEASE_MARGIN_SECONDS
from imagineart.domain.repeatable_answers import KEPT_SECONDS, Answer, Claim, record_id
from imagineart.use_cases.answer_once import (
    ANSWERING_SECONDS,
    POLL_SECONDS,
    AnsweredOnce,
    AnswerOnce,
)
from tests.fakes.answers import InMemoryAnswerRecords, InMemoryAnswerStorage
from tests.fakes.clock import FakeClock
from tests.fakes.randomness import repeatable_random_below

LEASE_SECONDS = 285.0
PATIENCE_SECONDS = 280.0


@dataclass
class Painter:
    """Makes another answer every time."""

    answers: list[Answer] = field(default_factory=list)

    def __call__(self) -> Answer:
        self.answers.append(Answer({"X-Seed": str(len(self.answers))}, b"picture %d" % len(self.answers)))
        return self.answers[-1]


@dataclass
class World:
    """What answers once, and its stores."""

    clock: FakeClock = field(default_factory=FakeClock)
    records: InMemoryAnswerRecords = field(default_factory=InMemoryAnswerRecords)
    storage: InMemoryAnswerStorage = field(default_factory=InMemoryAnswerStorage)
    reports: list[str] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    meanwhile: Callable[[], None] = lambda: None
    paint: Painter = field(default_factory=Painter)

    def __post_init__(self) -> None:
        self.answer_once = AnswerOnce(
            self.records,
            self.storage,
            repeatable_random_below(3),
            self.reports.append,
            self.clock,
            self.sleep,
        )

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.clock.advance(seconds)
        self.meanwhile()

    def ask(
        self,
        make: Callable[[], Answer] | None = None,
        *,
        consumer: str = "acme",
        key: str = "key",
        fingerprint: str = "f",
    ) -> AnsweredOnce:
        """One request, which can last `LEASE_SECONDS`."""
        ends_at = self.clock() + LEASE_SECONDS
        return self.answer_once(
            consumer,
            key,
            fingerprint,
            make or self.paint,
            seconds_left=lambda: ends_at - self.clock(),
            patience_seconds=PATIENCE_SECONDS,
        )

    def begin(self, key: str = "key", *, lasts: float = LEASE_SECONDS) -> Claim:
        """An earlier request that is under way."""
        claim = Claim(record_id("acme", key), "f", "an earlier attempt", self.clock() + lasts)
        assert self.records.claim(claim, now=self.clock()) is None
        return claim


@pytest.fixture
def world() -> World:
    return World()


def fail() -> Answer:
    raise ModelError


def test_the_same_request_gets_the_same_answer_and_nothing_is_made_for_it(world: World) -> None:
    first, second, third = (world.ask() for _ in range(3))
    assert (first.replayed, second.replayed, third.replayed) == (False, True, True)
    assert first.answer == second.answer == third.answer == Answer({"X-Seed": "0"}, b"picture 0")
    assert len(world.paint.answers) == 1
    assert world.pauses == []


def test_another_key_and_another_consumer_get_answers_of_their_own(world: World) -> None:
    answers = [world.ask(), world.ask(key="other"), world.ask(consumer="emca")]
    assert len({each.answer.content for each in answers}) == 3


def test_another_request_under_the_same_key_is_refused(world: World) -> None:
    world.ask()
    with pytest.raises(InvalidRequestError, match=r"^Idempotency-Key: the key came with another request"):
        world.ask(fingerprint="another")


def test_another_request_under_the_key_of_one_that_is_under_way_is_refused_at_once(world: World) -> None:
    world.begin()
    with pytest.raises(InvalidRequestError, match="another request"):
        world.ask(fingerprint="another")
    assert world.pauses == []


def test_what_is_no_key_is_refused_before_anything_is_kept(world: World) -> None:
    with pytest.raises(InvalidRequestError, match=r"^Idempotency-Key: got 0 characters"):
        world.ask(key="")
    assert world.records.held == {}


def test_a_failure_frees_the_key(world: World) -> None:
    with pytest.raises(ModelError):
        world.ask(fail)
    assert not world.ask().replayed


def test_an_unexpected_failure_frees_the_key_too(world: World) -> None:
    def break_down() -> Answer:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.ask(break_down)
    assert not world.ask().replayed


def test_an_answer_is_kept_for_a_day(world: World) -> None:
    world.ask()
    world.clock.advance(KEPT_SECONDS - 1)
    assert world.ask().replayed
    world.clock.advance(2)
    assert not world.ask().replayed


def test_a_second_request_waits_for_the_first_and_gets_its_answer(world: World) -> None:
    world.meanwhile = lambda: None
    claims = [world.begin()]

    def finish_after_three_looks() -> None:
        if len(world.pauses) == 3:
            world.storage.put("there", b"the first one's", within_seconds=1)
            record = world.records.find(claims[0].record_id, now=world.clock())
            assert record is not None
            kept = type(record)("f", {"X-Seed": "9"}, "there")
            world.records.complete(claims[0], kept, now=world.clock())

    world.meanwhile = finish_after_three_looks
    second = world.ask()
    assert second == AnsweredOnce(Answer({"X-Seed": "9"}, b"the first one's"), replayed=True)
    assert world.pauses == [POLL_SECONDS] * 3
    assert world.paint.answers == []


def test_a_second_request_whose_patience_ends_is_told_to_come_again_with_the_key(world: World) -> None:
    world.begin()
    with pytest.raises(AnswerPendingError, match="Retry with the same key") as caught:
        world.ask()
    assert caught.value.retryable
    assert PATIENCE_SECONDS - 2 * POLL_SECONDS <= sum(world.pauses) <= PATIENCE_SECONDS
    assert world.paint.answers == []


def test_a_second_request_takes_over_where_the_first_fails(world: World) -> None:
    claim = world.begin()
    world.meanwhile = lambda: world.records.release(claim)
    assert not world.ask().replayed
    assert world.pauses == [POLL_SECONDS]


def test_a_second_request_takes_over_when_the_lease_of_a_crashed_one_ends(world: World) -> None:
    world.begin(lasts=20)
    assert not world.ask().replayed
    assert 20 <= sum(world.pauses) <= 20 + 2 * POLL_SECONDS


def test_a_stalled_first_request_takes_nothing_from_the_one_that_took_over(world: World) -> None:
    def stall() -> Answer:
        world.clock.advance(LEASE_SECONDS + LEASE_MARGIN_SECONDS + 1)
        assert not world.ask().replayed
        return Answer({}, b"too late")

    assert world.ask(stall).answer.content == b"too late"
    assert world.ask().answer.content == b"picture 0"
    assert len(world.reports) == 1


def test_an_attempt_whose_claim_was_taken_over_while_it_kept_its_answer_changes_nothing(world: World) -> None:
    def lose_the_claim() -> Answer:
        held = world.records.held[record_id("acme", "key")]
        held.claim = replace(held.claim, attempt="another")
        return Answer({}, b"overtaken")

    assert world.ask(lose_the_claim).answer.content == b"overtaken"
    assert "the claim on" in world.reports[0]


def test_a_claim_outlives_its_request_by_a_margin_for_clocks_that_differ(world: World) -> None:
    began = world.clock()
    world.ask(lambda: self_inspecting(world))
    assert world.records.held[record_id("acme", "key")].claim.lease_ends_at == (
        began + LEASE_SECONDS + LEASE_MARGIN_SECONDS
    )


def self_inspecting(world: World) -> Answer:
    assert len(world.records.held) == 1
    return Answer({}, b"made under a claim")


def test_an_answer_for_whose_keeping_no_time_is_left_is_given_at_once_and_frees_the_key(
    world: World,
) -> None:
    def make_at_the_last_moment() -> Answer:
        world.clock.advance(LEASE_SECONDS - ANSWERING_SECONDS)
        return Answer({}, b"just in time")

    assert world.ask(make_at_the_last_moment).answer.content == b"just in time"
    assert world.storage.contents == {}
    assert not world.ask().replayed


def test_where_the_record_cannot_be_completed_the_key_is_free_for_the_next(world: World) -> None:
    world.records.refused_completions = 1
    assert world.ask().answer.content == b"picture 0"
    assert world.ask().answer.content == b"picture 1"
    assert world.ask().replayed


def test_a_stalled_first_request_that_fails_at_last_frees_nothing_of_the_one_that_took_over(
    world: World,
) -> None:
    def stall() -> Answer:
        world.clock.advance(LEASE_SECONDS + LEASE_MARGIN_SECONDS + 1)
        world.ask()
        raise ModelError

    with pytest.raises(ModelError):
        world.ask(stall)
    assert world.ask().replayed


def test_an_answer_that_cannot_be_kept_is_given_all_the_same_and_frees_the_key(world: World) -> None:
    world.storage.is_broken = True
    assert world.ask().answer.content == b"picture 0"
    assert world.reports == ["Unreachable: the store is out of order"]
    world.storage.is_broken = False
    assert not world.ask().replayed


def test_an_answer_whose_record_cannot_be_kept_is_given_all_the_same(world: World) -> None:
    world.records.is_broken = True
    assert world.ask().answer.content == b"picture 0"
    assert world.reports


def test_a_failure_is_told_also_where_the_key_cannot_be_freed(world: World) -> None:
    world.records.is_broken = True
    with pytest.raises(ModelError):
        world.ask(fail)


def test_an_answer_that_is_gone_is_made_anew_and_the_operator_learns_it(world: World) -> None:
    world.ask()
    world.storage.contents.clear()
    anew = world.ask()
    assert (anew.replayed, anew.answer.content) == (False, b"picture 1")
    assert "is gone" in world.reports[0]
    assert world.ask().answer == anew.answer


def test_every_attempts_body_is_kept_in_a_place_of_its_own_under_its_consumer(world: World) -> None:
    world.ask()
    world.clock.advance(KEPT_SECONDS + 1)
    world.ask()
    assert len(world.storage.contents) == 2
    assert all(key.startswith("answers/acme/") for key in world.storage.contents)

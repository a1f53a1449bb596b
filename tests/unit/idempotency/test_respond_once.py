"""One response for all requests that are the same."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from imagineart.access.limits import LEASE_MARGIN_SECONDS
from imagineart.errors import InternalError, InvalidRequestError, ModelError, ResponsePendingError
from imagineart.idempotency.model import KEPT_SECONDS, Claim, Record, StoredResponse, record_id
from imagineart.idempotency.respond_once import POLL_SECONDS, Idempotency
from tests.fakes.bucket import InMemoryBucket
from tests.fakes.clock import FakeClock
from tests.fakes.idempotency import InMemoryRecords
from tests.fakes.randomness import repeatable_random_below

LEASE_SECONDS = 285.0
PATIENCE_SECONDS = 280.0
Make = Callable[[], Awaitable[StoredResponse]]


@dataclass
class World:
    """What responds once, and its stores."""

    clock: FakeClock = field(default_factory=FakeClock)
    records: InMemoryRecords = field(default_factory=InMemoryRecords)
    bucket: InMemoryBucket = field(default_factory=InMemoryBucket)
    reports: list[str] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    meanwhile: Callable[[], None] = lambda: None
    made: int = 0

    def __post_init__(self) -> None:
        self.idempotency = Idempotency(
            self.records, self.bucket, repeatable_random_below(3), self.reports.append, self.clock, self.sleep
        )

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.clock.advance(seconds)
        self.meanwhile()

    async def make(self) -> StoredResponse:
        """Another response every time."""
        self.made += 1
        return StoredResponse({"X-Seed": str(self.made)}, b"image %d" % self.made)

    async def fail(self) -> StoredResponse:
        raise ModelError

    async def respond(
        self, make: Make | None = None, *, consumer: str = "acme", key: str = "key", fingerprint: str = "f"
    ) -> tuple[StoredResponse, bool]:
        """The response to one request, which can last `LEASE_SECONDS`."""
        ends_at = self.clock() + LEASE_SECONDS
        return await self.idempotency.respond_once(
            consumer,
            key,
            fingerprint,
            make or self.make,
            lease_seconds=LEASE_SECONDS,
            transfer_seconds=lambda _: ends_at - self.clock(),
            patience_seconds=PATIENCE_SECONDS,
        )

    def send(self, make: Make | None = None, **request: str) -> tuple[bytes, bool]:
        """The body of the response to one request, and whether it is replayed."""
        response, replayed = asyncio.run(self.respond(make, **request))
        return response.content, replayed

    def begin(self, *, lasts: float = LEASE_SECONDS) -> Claim:
        """An earlier request that is in progress."""
        claim = Claim(record_id("acme", "key"), "f", "an earlier attempt", self.clock() + lasts)
        assert self.records.claim(claim, now=self.clock()) is None
        return claim


@pytest.fixture
def world() -> World:
    return World()


def test_the_same_request_gets_the_same_response_and_nothing_is_made_for_it(world: World) -> None:
    first, second, third = (asyncio.run(world.respond()) for _ in range(3))
    assert (first[1], second[1], third[1]) == (False, True, True)
    assert first[0] == second[0] == third[0] == StoredResponse({"X-Seed": "1"}, b"image 1")
    assert (world.made, world.pauses) == (1, [])


def test_another_request_under_the_same_key_is_refused_at_once(world: World) -> None:
    world.send()
    with pytest.raises(InvalidRequestError, match=r"^Idempotency-Key: the key came with another request"):
        world.send(fingerprint="another")
    in_progress = World()
    in_progress.begin()
    with pytest.raises(InvalidRequestError, match="another request"):
        in_progress.send(fingerprint="another")
    assert in_progress.pauses == []


@pytest.mark.parametrize("error", [ModelError(), KeyError("a bug"), KeyboardInterrupt()], ids=repr)
def test_a_failure_frees_the_key(world: World, error: BaseException) -> None:
    async def fail() -> StoredResponse:
        raise error

    with pytest.raises(type(error)):
        world.send(fail)
    assert world.send() == (b"image 1", False)


def test_a_request_that_is_cancelled_frees_the_key(world: World) -> None:
    async def wait() -> StoredResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async def cancel() -> None:
        request = asyncio.ensure_future(world.respond(wait))
        while not world.records.held:
            await asyncio.sleep(0)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request

    asyncio.run(cancel())
    assert world.send() == (b"image 1", False)


def test_a_response_is_kept_for_a_day(world: World) -> None:
    world.send()
    world.clock.advance(KEPT_SECONDS - 1)
    assert world.send() == (b"image 1", True)
    world.clock.advance(2)
    assert world.send() == (b"image 2", False)


# A second request while the first is in progress


def test_a_second_request_waits_for_the_first_and_gets_its_response(world: World) -> None:
    claim = world.begin()

    def finish_after_three_looks() -> None:
        if len(world.pauses) == 3:
            world.bucket.put("there", b"the first one's")
            world.records.complete(claim, Record("f", {"X-Seed": "9"}, "there"), now=world.clock())

    world.meanwhile = finish_after_three_looks
    assert asyncio.run(world.respond()) == (StoredResponse({"X-Seed": "9"}, b"the first one's"), True)
    assert world.pauses == [POLL_SECONDS] * 3
    assert world.made == 0


def test_a_second_request_that_has_waited_long_enough_has_to_retry(world: World) -> None:
    world.begin()
    with pytest.raises(ResponsePendingError, match="Retry with the same key") as caught:
        world.send()
    assert caught.value.retryable
    assert PATIENCE_SECONDS - 2 * POLL_SECONDS <= sum(world.pauses) <= PATIENCE_SECONDS
    assert world.made == 0


def test_a_second_request_takes_over_when_the_lease_of_a_crashed_one_ends(world: World) -> None:
    world.begin(lasts=20)
    assert world.send() == (b"image 1", False)
    assert 20 <= sum(world.pauses) <= 20 + 2 * POLL_SECONDS


@pytest.mark.parametrize("fails", [False, True])
def test_a_first_request_that_stalled_changes_nothing_of_the_one_that_took_over(
    world: World, fails: bool
) -> None:
    async def stall() -> StoredResponse:
        world.clock.advance(LEASE_SECONDS + LEASE_MARGIN_SECONDS + 1)
        assert await world.respond() == (StoredResponse({"X-Seed": "1"}, b"image 1"), False)
        if fails:
            raise ModelError
        return StoredResponse({}, b"too late")

    if fails:
        with pytest.raises(ModelError):
            world.send(stall)
    else:
        assert world.send(stall) == (b"too late", False)
        assert len(world.reports) == 1
    assert world.send() == (b"image 1", True)


# What cannot be kept


@pytest.mark.parametrize(
    "break_keeping",
    [
        lambda world: setattr(world.bucket, "is_broken", True),
        lambda world: setattr(world.records, "refused_completions", 1),
    ],
    ids=["the body", "the record"],
)
def test_a_response_that_cannot_be_kept_is_sent_all_the_same_and_frees_the_key(
    world: World, break_keeping: Callable[[World], None]
) -> None:
    break_keeping(world)
    assert world.send() == (b"image 1", False)
    assert "is not kept: Unreachable" in world.reports[0]
    world.bucket.is_broken = False
    assert world.send() == (b"image 2", False)
    assert world.send() == (b"image 2", True)


def test_a_response_that_no_time_is_left_to_keep_is_sent_at_once_and_frees_the_key(world: World) -> None:
    async def make_at_the_last_moment() -> StoredResponse:
        world.clock.advance(LEASE_SECONDS)
        return StoredResponse({}, b"just in time")

    assert world.send(make_at_the_last_moment) == (b"just in time", False)
    assert "is not kept: not in time" in world.reports[0]
    assert world.send() == (b"image 1", False)


def test_a_record_store_that_is_out_of_order_changes_neither_response_nor_failure(world: World) -> None:
    world.records.is_broken = True
    assert world.send() == (b"image 1", False)
    assert world.reports
    with pytest.raises(ModelError):
        world.send(world.fail, key="another")


def test_a_response_that_cannot_be_fetched_in_time_is_our_own_failure(world: World) -> None:
    world.send()

    async def respond_late() -> None:
        await world.idempotency.respond_once(
            "acme", "key", "f", world.make, lease_seconds=0, transfer_seconds=lambda _: 0, patience_seconds=0
        )

    with pytest.raises(InternalError):
        asyncio.run(respond_late())


def test_a_response_that_is_gone_is_made_again_and_reported(world: World) -> None:
    world.send()
    world.bucket.contents.clear()
    assert world.send() == (b"image 2", False)
    assert "is gone" in world.reports[0]
    assert world.send() == (b"image 2", True)

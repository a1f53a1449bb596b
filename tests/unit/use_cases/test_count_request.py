"""Requests are counted per consumer and minute."""

import pytest

from imagineart.domain.consumers import Consumer
from imagineart.domain.rate_limits import RateLimitStatus
from imagineart.use_cases.count_request import CountRequest
from tests.fakes.clock import FakeClock
from tests.fakes.request_counter import InMemoryRequestCounter

MINUTE = 1_800_000_000 // 60 * 60
ACME = Consumer("acme", 3)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(MINUTE)


@pytest.fixture
def count(clock: FakeClock) -> CountRequest:
    return CountRequest(InMemoryRequestCounter(), clock)


def test_the_first_request_opens_a_window_of_one_minute(count: CountRequest, clock: FakeClock) -> None:
    clock.advance(12.7)
    assert count(ACME) == RateLimitStatus(limit=3, used=1, reset_at=MINUTE + 60)


def test_a_consumer_may_use_its_limit_and_not_one_request_more(count: CountRequest) -> None:
    statuses = [count(ACME) for _ in range(5)]
    assert [status.exceeded for status in statuses] == [False, False, False, True, True]
    assert [status.remaining for status in statuses] == [2, 1, 0, 0, 0]


def test_the_next_minute_begins_anew(count: CountRequest, clock: FakeClock) -> None:
    for _ in range(4):
        count(ACME)
    clock.advance(59.9)
    assert count(ACME).exceeded
    clock.advance(0.1)
    assert count(ACME) == RateLimitStatus(limit=3, used=1, reset_at=MINUTE + 120)


def test_consumers_do_not_share_a_window(count: CountRequest) -> None:
    for _ in range(4):
        count(ACME)
    assert count(Consumer("other", 1)).used == 1


def test_all_tokens_of_a_consumer_share_its_window_at_the_limit_of_the_moment(count: CountRequest) -> None:
    count(ACME)
    assert count(Consumer("acme", 100)) == RateLimitStatus(limit=100, used=2, reset_at=MINUTE + 60)

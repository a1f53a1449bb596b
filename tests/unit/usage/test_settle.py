"""A request is settled in parts, of which none depends on another."""

from dataclasses import replace

import pytest

from imagineart.access.admit import Admission, RequestLimits
from imagineart.access.authenticate import Caller
from imagineart.access.consumers import Consumer
from imagineart.access.limits import Limits
from imagineart.access.tokens import ALL_SCOPES
from imagineart.usage.model import FinishedRequest
from imagineart.usage.settle import Settlement
from tests.fakes.clock import FakeClock
from tests.fakes.consumers import InMemoryConsumers
from tests.fakes.randomness import repeatable_random_below
from tests.fakes.tokens import InMemoryMarks
from tests.fakes.usage import InMemoryUsage

ACME = Consumer("acme", Limits(30, 2, images_per_day=10))
CALLER = Caller("acme", "p0", ALL_SCOPES)


class Access:
    """What settles requests of ACME, over stores in memory."""

    def __init__(self) -> None:
        self.clock, self.reports = FakeClock(), list[str]()
        self.consumers, self.usage, self.marks = (
            InMemoryConsumers({"acme": ACME}),
            InMemoryUsage(),
            InMemoryMarks(),
        )
        self.limits = RequestLimits(self.consumers, repeatable_random_below(1), self.clock)
        self.settlement = Settlement(self.limits, self.usage, self.marks, self.reports.append)


@pytest.fixture
def access() -> Access:
    return Access()


def enter(access: Access) -> Admission:
    return access.limits.enter("acme", lease_seconds=60.0)


def finished(access: Access, **how) -> FinishedRequest:
    request = FinishedRequest("request 1", "acme", "image-edit", "2K", "ok", 1, 8.0, access.clock())
    return replace(request, **how)


def images_today(access: Access) -> int:
    return access.consumers.standing("acme", int(access.clock())).images_today


@pytest.mark.parametrize("images", [0, 1, 4])
def test_the_slot_is_given_back_and_the_images_that_were_made_count_for_the_day(
    access: Access, images: int
) -> None:
    access.settlement.settle(CALLER, enter(access), finished(access, images=images))
    assert access.consumers.slots["acme"] == {}
    assert images_today(access) == images
    assert access.reports == []


def test_every_request_is_counted_also_one_that_a_limit_refused(access: Access) -> None:
    admitted = finished(access)
    refused = finished(access, request_id="request 2", outcome="rate_limited", images=0)
    access.settlement.settle(CALLER, enter(access), admitted)
    access.settlement.settle(CALLER, None, refused)
    assert access.usage.requests == [admitted, refused]


def test_the_last_use_of_a_token_is_noted_once_a_day(access: Access) -> None:
    today = finished(access).day
    access.settlement.settle(replace(CALLER, last_used_on=today), None, finished(access))
    assert access.marks.last_used == {}
    access.settlement.settle(replace(CALLER, last_used_on="2027-01-14"), None, finished(access))
    assert access.marks.last_used == {"p0": today}


class Broken:
    """A part that fails with any kind of exception."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def fail(self, *_, **__) -> None:
        raise self.error

    leave = count = note_use = fail


@pytest.mark.parametrize(
    "error",
    [RuntimeError("gone"), KeyError("day"), TimeoutError(), AssertionError(), MemoryError()],
    ids=repr,
)
@pytest.mark.parametrize("part", ["limits", "usage", "tokens"])
def test_an_exception_of_any_kind_in_one_part_is_reported_and_skips_no_other(
    access: Access, part: str, error: Exception
) -> None:
    admission = enter(access)
    parts = {"limits": access.limits, "usage": access.usage, "tokens": access.marks}
    settlement = Settlement(**parts | {part: Broken(error)}, report=access.reports.append)
    settlement.settle(CALLER, admission, finished(access, images=4))
    done = {
        "limits": access.consumers.slots["acme"] == {} and images_today(access) == 4,
        "usage": len(access.usage.requests) == 1,
        "tokens": "p0" in access.marks.last_used,
    }
    assert done == {"limits": True, "usage": True, "tokens": True, part: False}
    assert len(access.reports) == 1
    assert type(error).__name__ in access.reports[0]


def test_what_aws_refused_is_reported_with_its_detail(access: Access) -> None:
    admission = enter(access)
    access.consumers.is_broken = access.usage.is_broken = True
    access.settlement.settle(CALLER, admission, finished(access))
    assert access.reports == [
        "slot: Unreachable: the store is out of order", "usage: Unreachable: usage is out of order",
    ]  # fmt: skip

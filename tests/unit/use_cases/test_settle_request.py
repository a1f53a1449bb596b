"""What is done when nobody waits any more."""

from dataclasses import replace

import pytest

from imagineart.domain.accounting import AnsweredRequest
from imagineart.domain.consumers import Consumer
from imagineart.domain.limits import Limits
from imagineart.domain.operations import ALL_SCOPES
from imagineart.use_cases.admit_request import Admission
from imagineart.use_cases.authenticate_caller import Caller
from tests.fakes.access import Deployment

ACME = Consumer("acme", Limits(30, 2, images_per_day=10))
CALLER = Caller("acme", "p0", ALL_SCOPES, last_used_on="2027-01-15")


@pytest.fixture
def deployment() -> Deployment:
    return Deployment(ACME)


def enter(deployment: Deployment, *, with_slot: bool = True) -> Admission:
    return deployment.access.admit("acme", lease_seconds=60.0 if with_slot else None)


def answered(deployment: Deployment, **how) -> AnsweredRequest:
    request = AnsweredRequest("acme", "image-edit", "2K", "ok", 1, 8.0, deployment.clock())
    return replace(request, **how)


def images_today(deployment: Deployment) -> int:
    return deployment.ledger.standing("acme", int(deployment.clock())).images_today


@pytest.mark.parametrize(("images", "counted"), [(1, 1), (4, 4), (0, 0)])
def test_the_slot_is_given_back_and_the_images_that_were_made_count_for_the_day(
    deployment: Deployment, images: int, counted: int
) -> None:
    admission = enter(deployment)
    deployment.settle(CALLER, admission, answered(deployment, images=images))
    assert deployment.ledger.slots["acme"] == set()
    assert images_today(deployment) == counted


def test_every_request_is_counted_in_the_account(deployment: Deployment) -> None:
    let_in = answered(deployment)
    refused = answered(deployment, outcome="rate_limited", images=0)
    deployment.settle(CALLER, enter(deployment, with_slot=False), let_in)
    deployment.settle(CALLER, None, refused)
    assert deployment.usage.requests == [let_in, refused]


def test_the_last_use_of_a_token_is_noted_once_a_day(deployment: Deployment) -> None:
    today = answered(deployment).day
    deployment.settle(replace(CALLER, last_used_on=today), None, answered(deployment))
    assert deployment.marks.last_used == {}
    deployment.settle(replace(CALLER, last_used_on=None), None, answered(deployment))
    assert deployment.marks.last_used == {"p0": today}


def test_what_fails_is_reported_and_the_rest_is_done(deployment: Deployment) -> None:
    admission = enter(deployment)
    deployment.ledger.is_broken = True
    deployment.settle(replace(CALLER, last_used_on=None), admission, answered(deployment))
    assert len(deployment.usage.requests) == 1
    assert deployment.marks.last_used
    deployment.usage.is_broken = True
    deployment.ledger.is_broken = False
    deployment.settle(CALLER, admission, answered(deployment))
    assert deployment.ledger.slots["acme"] == set()
    assert deployment.reports == [
        "Unreachable: the ledger is out of order", "Unreachable: the ledger is out of order",
    ]  # fmt: skip

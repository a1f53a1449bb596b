"""The gate: headers become a caller, and a caller over its limit is told when to come back."""

import pytest
from starlette.datastructures import Headers

from imagineart.domain.consumers import Consumer
from imagineart.domain.errors import (
    InvalidRequestError,
    InvalidTokenError,
    LimitReachedError,
    MissingBearerTokenError,
    MissingScopeError,
)
from imagineart.domain.leases import LEASE_MARGIN_SECONDS
from imagineart.domain.limit_status import LimitName, LimitStatus
from imagineart.domain.limits import Limits, slots_taken
from imagineart.domain.operations import ALL_SCOPES, EDIT_IMAGE, GENERATE_IMAGE, LIST_MODELS, Scope
from imagineart.use_cases.admit_request import Admission
from imagineart.use_cases.authenticate_caller import Caller
from imagineart.web.access import (
    Access,
    bearer_token,
    came_over_plain_http,
    rate_limit_headers,
    require_model,
)
from tests.fakes.access import Deployment

ACME = Consumer("acme", Limits(requests_per_minute=2, concurrent_requests=2))


@pytest.fixture
def deployment() -> Deployment:
    return Deployment(ACME)


@pytest.fixture
def gate(deployment: Deployment) -> tuple[Access, str]:
    """The gate, and a token that opens it."""
    return deployment.access, deployment.issue_token()


@pytest.mark.parametrize(
    ("authorization", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer abc", "abc"),
        ("BEARER abc", "abc"),
        ("Bearer   abc  ", "abc"),
        ("  Bearer abc", "abc"),
        ("Bearer a b", "a b"),
        ("Bearer", None),
        ("Bearer ", None),
        ("Bearer    ", None),
        ("", None),
        ("   ", None),
        ("abc", None),
        ("Basic YTpi", None),
        ("Bearerabc", None),
        ("Token abc", None),
        ("AWS4-HMAC-SHA256 Credential=x/y", None),
    ],
)
def test_a_bearer_token_is_read_from_its_header(authorization: str, token: str | None) -> None:
    assert bearer_token(authorization) == token


@pytest.mark.parametrize(
    ("forwarded_proto", "plain"),
    [("", False), ("https", False), ("HTTPS", False), ("https, https", False), ("http", True), ("HTTP", True),
     ("https,http", True), ("http, https", True), ("https ,  http ", True), ("wss", False), ("httpx", False)],
)  # fmt: skip
def test_one_plain_hop_makes_a_request_plain(forwarded_proto: str, plain: bool) -> None:
    assert came_over_plain_http(forwarded_proto) is plain


@pytest.mark.parametrize("name", ["authorization", "Authorization", "AUTHORIZATION"])
def test_a_caller_is_identified_by_its_header_in_any_case(gate: tuple[Access, str], name: str) -> None:
    access, token = gate
    assert access.identify(Headers({name: f"Bearer {token}"})).consumer_id == "acme"


@pytest.mark.parametrize("headers", [{}, {"authorization": ""}, {"authorization": "Basic YTpi"}])
def test_without_a_bearer_token_nobody_is_identified(
    gate: tuple[Access, str], headers: dict[str, str]
) -> None:
    with pytest.raises(MissingBearerTokenError):
        gate[0].identify(Headers(headers))


def test_a_token_over_plain_http_never_opens_the_gate_again(gate: tuple[Access, str]) -> None:
    access, token = gate
    headers = Headers({"authorization": f"Bearer {token}", "x-forwarded-proto": "https"})
    assert access.identify(headers)
    plain = Headers({"authorization": f"Bearer {token}", "x-forwarded-proto": "https,http"})
    with pytest.raises(InvalidTokenError, match="has been revoked"):
        access.identify(plain)
    with pytest.raises(InvalidTokenError):
        access.identify(headers)


def test_a_token_opens_the_gate_of_its_scopes_alone(deployment: Deployment) -> None:
    token = deployment.issue_token(scopes=frozenset({Scope.EDIT_IMAGES}))
    caller = deployment.access.identify(Headers({"authorization": f"Bearer {token}"}))
    assert deployment.access.let_in(caller, EDIT_IMAGE, remaining_seconds=10, may_be_replayed=False)
    with pytest.raises(MissingScopeError, match="needs the scope 'models:read'; it has images:edit"):
        deployment.access.let_in(caller, LIST_MODELS, remaining_seconds=10, may_be_replayed=False)
    assert deployment.ledger.standing("acme", int(deployment.clock())).requests_this_minute == 1


def test_the_limits_headers_say_which_it_is_what_is_left_and_until_when() -> None:
    status = LimitStatus(LimitName.REQUESTS_PER_MINUTE, limit=30, remaining=26, reset_at=1_800_000_060)
    assert rate_limit_headers(status) == {
        "X-RateLimit-Resource": "requests_per_minute",
        "X-RateLimit-Limit": "30",
        "X-RateLimit-Remaining": "26",
        "X-RateLimit-Reset": "1800000060",
    }


def test_a_caller_within_its_limits_is_let_in(deployment: Deployment) -> None:
    access, caller = deployment.access, Caller("acme", "token", ALL_SCOPES)
    for _ in range(ACME.limits.requests_per_minute):
        assert (
            access.let_in(caller, LIST_MODELS, remaining_seconds=10, may_be_replayed=False).consumer == ACME
        )


def test_a_request_for_images_takes_a_slot_that_outlives_it_and_no_other_does(
    deployment: Deployment,
) -> None:
    access, caller = deployment.access, Caller("acme", "token", ALL_SCOPES)
    assert access.let_in(caller, LIST_MODELS, remaining_seconds=10, may_be_replayed=False).slot is None
    slot = access.let_in(caller, EDIT_IMAGE, remaining_seconds=285, may_be_replayed=False).slot
    assert slot is not None
    assert slot.expires_at == deployment.clock() + 285 + LEASE_MARGIN_SECONDS


def test_a_request_that_may_be_replayed_takes_its_slot_when_it_paints(deployment: Deployment) -> None:
    access, caller = deployment.access, Caller("acme", "token", ALL_SCOPES)
    admission = access.let_in(caller, EDIT_IMAGE, remaining_seconds=285, may_be_replayed=True)
    assert (admission.slot, admission.images) == (None, 0)
    working = access.take_slot(admission, remaining_seconds=200)
    assert working.slot is not None
    assert working.slot.expires_at == deployment.clock() + 200 + LEASE_MARGIN_SECONDS
    assert (working.images, working.status) == (1, admission.status)
    assert access.take_slot(working, remaining_seconds=200) == working
    standing = deployment.ledger.standing("acme", int(deployment.clock()))
    assert (standing.requests_this_minute, standing.images_today) == (1, 1)


@pytest.mark.parametrize(("second", "wait_seconds"), [(0, 60), (0.9, 60), (1, 59), (59, 1), (59.9, 1)])
def test_a_caller_over_its_limit_is_told_when_the_window_ends(
    deployment: Deployment, second: float, wait_seconds: int
) -> None:
    access, caller = deployment.access, Caller("acme", "token", ALL_SCOPES)
    deployment.clock.advance(second)
    for _ in range(ACME.limits.requests_per_minute):
        access.let_in(caller, LIST_MODELS, remaining_seconds=10, may_be_replayed=False)
    with pytest.raises(LimitReachedError, match="The limit of 2 requests a minute") as caught:
        access.let_in(caller, LIST_MODELS, remaining_seconds=10, may_be_replayed=False)
    assert caught.value.retry_after_seconds == wait_seconds


def test_a_model_that_is_not_available_to_a_consumer_is_refused_by_its_name() -> None:
    editor = Consumer("editor", ACME.limits, frozenset({"image-edit"}))
    require_model(admitted(editor), EDIT_IMAGE)
    require_model(admitted(editor), LIST_MODELS)
    require_model(admitted(ACME), GENERATE_IMAGE)
    with pytest.raises(
        InvalidRequestError, match=r"'text-to-image'.*not available to you; allowed are image"
    ):
        require_model(admitted(editor), GENERATE_IMAGE)


def admitted(consumer: Consumer) -> Admission:
    return Admission(consumer, 0, None, slots_taken(consumer.limits, 0), ())

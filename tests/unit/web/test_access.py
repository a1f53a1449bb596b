"""The gate: headers become a caller, and a caller over its limit is told when to come back."""

import pytest
from starlette.datastructures import Headers

from imagineart.domain.consumers import Consumer
from imagineart.domain.errors import InvalidTokenError, MissingBearerTokenError, RateLimitedError
from imagineart.domain.rate_limits import RateLimitStatus
from imagineart.web.access import Access, bearer_token, came_over_plain_http, rate_limit_headers
from tests.fakes.access import gate_for
from tests.fakes.clock import FakeClock

ACME = Consumer("acme", 2)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(1_800_000_000.0)


@pytest.fixture
def gate(clock: FakeClock) -> tuple[Access, str]:
    """The gate, and a token that opens it."""
    return gate_for(ACME, clock)


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
    assert access.identify(Headers({name: f"Bearer {token}"})).consumer == ACME


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
    with pytest.raises(InvalidTokenError, match="has been revoked"):
        access.identify(Headers({"authorization": f"Bearer {token}", "x-forwarded-proto": "https,http"}))
    with pytest.raises(InvalidTokenError):
        access.identify(headers)


def test_the_limits_headers_say_what_is_left_and_until_when() -> None:
    assert rate_limit_headers(RateLimitStatus(limit=30, used=4, reset_at=1_800_000_060)) == {
        "X-RateLimit-Limit": "30",
        "X-RateLimit-Remaining": "26",
        "X-RateLimit-Reset": "1800000060",
    }


def test_nothing_less_than_nothing_remains() -> None:
    assert rate_limit_headers(RateLimitStatus(30, 31, 60))["X-RateLimit-Remaining"] == "0"


def test_a_caller_within_its_limit_is_let_through(gate: tuple[Access, str]) -> None:
    access, _ = gate
    for _ in range(ACME.requests_per_minute):
        access.refuse_over_limit(access.count(ACME))


@pytest.mark.parametrize(("second", "wait_seconds"), [(0, 60), (0.9, 60), (1, 59), (59, 1), (59.9, 1)])
def test_a_caller_over_its_limit_is_told_when_the_window_ends(
    gate: tuple[Access, str], clock: FakeClock, second: float, wait_seconds: int
) -> None:
    access, _ = gate
    clock.advance(second)
    for _ in range(ACME.requests_per_minute):
        access.count(ACME)
    with pytest.raises(RateLimitedError, match="The limit of 2 requests a minute") as caught:
        access.refuse_over_limit(access.count(ACME))
    assert caught.value.retry_after_seconds == wait_seconds


def test_the_wait_is_at_least_a_second_where_the_window_just_ended(
    gate: tuple[Access, str], clock: FakeClock
) -> None:
    access, _ = gate
    with pytest.raises(RateLimitedError) as caught:
        access.refuse_over_limit(RateLimitStatus(limit=1, used=2, reset_at=int(clock()) - 5))
    assert caught.value.retry_after_seconds == 1

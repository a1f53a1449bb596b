"""A request to a caller's URL reaches a checked address or none, once."""

import asyncio
import socket
from collections.abc import Iterator, Sequence

import pytest

from imagineart.outbound.addresses import OutboundUrl, parse_url
from imagineart.outbound.http import Failure, OutboundError, OutboundHttp, OutboundResponse
from tests.receiver import HANG_UP, KEEP_WAITING, Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


class Names:
    """A resolver whose answers change with each question; the last one stays."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def url_at(receiver: Receiver, host: str = "127.0.0.1") -> OutboundUrl:
    return OutboundUrl("http", host, receiver.port, "/hook?key=1")


def post(http: OutboundHttp, url: OutboundUrl, *, seconds: float = 60) -> OutboundResponse:
    return asyncio.run(http.send("POST", url, headers={"Webhook-Id": "wh_1"}, content=b"{}", seconds=seconds))


def failure(http: OutboundHttp, url: OutboundUrl, *, seconds: float = 60) -> Failure:
    with pytest.raises(OutboundError) as caught:
        post(http, url, seconds=seconds)
    assert url.host not in str(caught.value)
    return caught.value.failure


def test_a_request_arrives_as_it_was_given(receiver: Receiver) -> None:
    names = Names(["127.0.0.1"])
    receiver.answers.append((429, {"Retry-After": "7"}))
    response = post(OutboundHttp(allows_loopback=True, resolve=names), url_at(receiver, "hooks.example.com"))
    assert (response.status, response.headers["retry-after"]) == (429, "7")
    (received,) = receiver.requests
    assert (received.path, received.body) == ("/hook?key=1", b"{}")
    assert received.headers["host"] == f"hooks.example.com:{receiver.port}"
    assert received.headers["webhook-id"] == "wh_1"


def test_a_name_that_is_bound_to_another_address_after_the_check_is_not_followed_there(
    receiver: Receiver,
) -> None:
    """The second answer would be loopback, if anybody asked again."""
    names = Names(["203.0.113.7"], ["127.0.0.1"])
    rebound = url_at(receiver, "rebind.example.com")
    assert failure(OutboundHttp(allows_loopback=False, resolve=names), rebound) is Failure.ADDRESS_REFUSED
    assert (names.asked, receiver.requests) == (1, [])


@pytest.mark.parametrize("last", ["127.0.0.1", "10.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254"])
def test_one_refused_address_among_others_refuses_the_name(receiver: Receiver, last: str) -> None:
    names = Names(["8.8.8.8", last])
    assert (
        failure(OutboundHttp(allows_loopback=False, resolve=names), url_at(receiver))
        is Failure.ADDRESS_REFUSED
    )
    assert receiver.requests == []


def test_the_machine_s_own_resolver_does_not_lead_to_loopback(receiver: Receiver) -> None:
    for host in ("localhost", "127.0.0.1", "2130706433", "0x7f000001", "017700000001", "127.1"):
        assert failure(OutboundHttp(allows_loopback=False), url_at(receiver, host)) in (
            Failure.ADDRESS_REFUSED, Failure.UNREACHABLE,
        )  # fmt: skip
    assert receiver.requests == []


def test_the_next_address_is_tried_where_one_cannot_be_reached(receiver: Receiver) -> None:
    names = Names(["::1", "127.0.0.1"])
    assert post(OutboundHttp(allows_loopback=True, resolve=names), url_at(receiver)).status == 204


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.answers.append((307, {"Location": receiver.url}))
    assert post(OutboundHttp(allows_loopback=True), url_at(receiver)).status == 307
    assert len(receiver.requests) == 1


def test_no_proxy_of_the_environment_is_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with Receiver() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert post(OutboundHttp(allows_loopback=True), url_at(receiver)).status == 204
        assert (len(receiver.requests), proxy.requests) == (1, [])


async def resolve_nothing(host: str, port: int) -> Sequence[str]:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def test_every_failure_has_its_name(receiver: Receiver) -> None:
    http = OutboundHttp(allows_loopback=True)
    receiver.answers += [HANG_UP, KEEP_WAITING]
    assert failure(http, url_at(receiver)) is Failure.BROKEN_OFF
    assert failure(http, url_at(receiver), seconds=0.2) is Failure.TIMEOUT
    over_tls = parse_url("url", f"https://127.0.0.1:{receiver.port}/", allows_loopback=True)
    assert failure(http, over_tls) is Failure.TLS_FAILED
    with socket.create_server(("127.0.0.1", 0)) as unused:
        closed = OutboundUrl("http", "127.0.0.1", unused.getsockname()[1], "/")
    assert failure(http, closed) is Failure.UNREACHABLE
    unknown = OutboundHttp(allows_loopback=True, resolve=resolve_nothing)
    assert failure(unknown, url_at(receiver)) is Failure.UNREACHABLE
    assert (
        failure(OutboundHttp(allows_loopback=True, resolve=Names([])), url_at(receiver))
        is Failure.UNREACHABLE
    )


def test_a_name_that_never_resolves_ends_with_the_time(receiver: Receiver) -> None:
    async def hang(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        raise AssertionError

    assert failure(OutboundHttp(True, hang), url_at(receiver), seconds=0.2) is Failure.TIMEOUT


def test_content_is_fetched_within_its_bound_and_from_a_response_that_has_it(receiver: Receiver) -> None:
    http = OutboundHttp(allows_loopback=True)

    def fetch(limit_bytes: int) -> bytes:
        return asyncio.run(http.fetch(url_at(receiver), limit_bytes=limit_bytes, seconds=60))

    receiver.answers += [(200, {"Content-Length": "5"}), (200, {"Content-Length": "5"}), (302, {})]
    assert fetch(5) == b"hello"
    for failure_of_next in (Failure.TOO_LARGE, Failure.REFUSED):
        with pytest.raises(OutboundError) as caught:
            fetch(4)
        assert caught.value.failure is failure_of_next
    (request, *_) = receiver.requests
    assert "authorization" not in request.headers

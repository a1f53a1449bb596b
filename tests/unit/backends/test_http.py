"""Requests go out once, responses are bounded while they arrive, and failures of httpx become ours."""

import asyncio
import gc
import gzip
import socket
import threading
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from imagineart.backends import http as module
from imagineart.backends.http import MAX_REFUSAL_BYTES, HttpClient, HttpResponse
from imagineart.backends.model import MAX_DOCUMENT_BYTES, MAX_IMAGE_BYTES
from imagineart.errors import ModelError, ModelUnavailableError
from tests.fault_backend import FaultBackend, Response, raw_image

MEGABYTE = 1024 * 1024


@pytest.fixture
def server() -> Iterator[FaultBackend]:
    with FaultBackend() as running:
        yield running


async def post(client: HttpClient, url: str = "http://backend.example/v1", **options: Any) -> HttpResponse:
    return await client.send("POST", url, headers={}, **{"content": b"{}", **options})


def post_once(client: HttpClient, url: str = "http://backend.example/v1", **options: Any) -> HttpResponse:
    async def post_and_close() -> HttpResponse:
        try:
            return await post(client, url, **options)
        finally:
            await client.close()

    return asyncio.run(post_and_close())


def mocked(respond: Any) -> HttpClient:
    return HttpClient(httpx.MockTransport(respond))


# Failures


def descendants(kind: type) -> set[type]:
    return {kind, *(each for child in kind.__subclasses__() for each in descendants(child))}


FAILURES = sorted(
    {each for name in httpx.__all__ if isinstance(each := getattr(httpx, name), type)
     and issubclass(each, Exception)} | descendants(httpx.HTTPError) | descendants(httpx.StreamError),
    key=lambda kind: kind.__name__,
)  # fmt: skip
NOTHING_SENT = {httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout}


def test_the_enumeration_finds_the_failures_of_httpx() -> None:
    assert {httpx.ReadError, httpx.InvalidURL, httpx.StreamConsumed, httpx.DecodingError} <= set(FAILURES)


@pytest.mark.parametrize("kind", FAILURES, ids=lambda kind: kind.__name__)
def test_every_failure_of_httpx_is_translated_and_quotes_nobody(kind: type[Exception]) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        error = kind.__new__(kind)
        error.args = ("the server said: a fox",)
        raise error

    with pytest.raises(ModelError) as caught:
        post_once(mocked(fail))
    assert isinstance(caught.value, ModelUnavailableError) is (kind in NOTHING_SENT)
    assert caught.value.detail == kind.__name__


def test_a_name_that_does_not_exist_is_an_unreachable_backend_and_the_log_says_why() -> None:
    with pytest.raises(ModelUnavailableError) as caught:
        post_once(HttpClient(), "http://no-such-host.invalid/v1")
    assert "ConnectError: [Errno" in (caught.value.detail or "")


def test_an_address_that_is_none_is_a_failure() -> None:
    with pytest.raises(ModelError):
        post_once(HttpClient(), "http://[nonsense/v1")


# Bounds


class Chunks(httpx.AsyncByteStream):
    """A body in megabytes that remembers how many were read."""

    def __init__(self, count: int, chunk: bytes = bytes(MEGABYTE)) -> None:
        self.count, self.chunk, self.read = count, chunk, 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(self.count):
            self.read += 1
            yield self.chunk


def stream_of(body: Chunks, status: int = 200, **headers: str) -> HttpClient:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return mocked(lambda _: httpx.Response(status, stream=body, headers=named))


@pytest.mark.parametrize(
    ("content_type", "limit"),
    [("image/png", MAX_IMAGE_BYTES), ("Image/PNG", MAX_IMAGE_BYTES), ("application/json", MAX_DOCUMENT_BYTES),
     ("application/octet-stream", MAX_DOCUMENT_BYTES)],
)  # fmt: skip
def test_a_response_is_given_up_as_soon_as_it_exceeds_its_bound(content_type: str, limit: int) -> None:
    whole = -(-limit // MEGABYTE)
    endless = Chunks(1000)
    with pytest.raises(ModelError, match="failed") as caught:
        post_once(stream_of(endless, content_type=content_type))
    assert f"exceeds {limit} bytes" in (caught.value.detail or "")
    assert endless.read <= whole + 1
    assert len(post_once(stream_of(Chunks(limit // MEGABYTE), content_type=content_type)).content) <= limit


def test_of_a_refusal_only_the_beginning_is_read() -> None:
    endless = Chunks(1000)
    response = post_once(stream_of(endless, status=500))
    assert (len(response.content), endless.read) == (MAX_REFUSAL_BYTES, 1)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_compressed_response_is_decoded_and_its_decoded_bytes_are_counted(encoding: str) -> None:
    compress = gzip.compress if encoding == "gzip" else zlib.compress
    small = stream_of(Chunks(1, compress(b"an image")), content_encoding=encoding)
    assert post_once(small).content == b"an image"
    bomb = compress(bytes(64 * MEGABYTE), 9)
    assert len(bomb) < 100_000
    with pytest.raises(ModelError):
        post_once(stream_of(Chunks(1, bomb), content_encoding=encoding, content_type="image/png"))


def test_a_response_that_was_compressed_twice_is_refused_unread() -> None:
    body = Chunks(1)
    with pytest.raises(ModelError):
        post_once(stream_of(body, content_encoding="gzip, gzip"))
    assert body.read == 0


def test_a_body_that_is_not_compressed_as_it_says_is_a_failure() -> None:
    with pytest.raises(ModelError):
        post_once(stream_of(Chunks(1, b"not gzip"), content_encoding="gzip"))


def test_responses_do_not_pile_up_in_memory(server: FaultBackend) -> None:
    """httpx's objects refer to one another, so that without care each lives until a garbage collection."""

    async def receive(client: HttpClient, count: int) -> None:
        for _ in range(count):
            server.script(raw_image(bytes(MEGABYTE)))
            assert len((await post(client, server.base_url)).content) == MEGABYTE

    async def measure() -> int:
        client = HttpClient()
        await receive(client, 2)
        gc.collect()
        gc.disable()
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        try:
            await receive(client, 20)
            return tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()
            gc.enable()
            await client.close()

    assert asyncio.run(measure()) < 4 * MEGABYTE


# The connection


def test_requests_that_follow_each_other_share_a_connection(server: FaultBackend) -> None:
    async def post_thrice() -> None:
        client = HttpClient()
        for status in (200, 500, 200):
            server.script(Response(status))
            assert (await post(client, server.base_url)).status == status
        await client.close()

    asyncio.run(post_thrice())
    assert (len(server.requests), server.connections) == (3, 1)


def test_each_event_loop_has_connections_of_its_own(server: FaultBackend) -> None:
    client = HttpClient()
    for _ in range(2):
        server.script(Response())
        assert post_once(client, server.base_url).status == 200
    assert server.connections == 2


def test_neither_redirects_nor_cookies_nor_proxies_lead_elsewhere(
    server: FaultBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    leads_away = {"Location": f"{server.origin}/elsewhere", "Set-Cookie": "session=1; Path=/"}
    server.script(Response(307, headers=leads_away), Response())

    async def post_twice() -> list[int]:
        client = HttpClient()
        statuses = [(await post(client, server.base_url)).status for _ in range(2)]
        await client.close()
        return statuses

    assert asyncio.run(post_twice()) == [307, 200]
    assert [request.path for request in server.requests] == ["/v1", "/v1"]
    assert "cookie" not in server.requests[1].headers


def test_a_form_keeps_its_parts_and_their_order(server: FaultBackend) -> None:
    server.script(Response())
    form = [
        ("images", (None, b"upl_1", None)),
        ("images", ("reference-1", b"\x89PNG\r\n", "image/png")),
        ("prompt", (None, "a fox\r\n🦊".encode(), None)),
    ]
    post_once(HttpClient(), server.base_url, content=None, form=form)
    sent = [
        (each.name, (each.filename, each.content, each.content_type)) for each in server.requests[0].parts
    ]
    assert sent == form


def test_a_refusal_that_comes_before_the_request_was_read_is_heard() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
                while connection.recv(65_536):
                    pass

        thread = threading.Thread(target=refuse)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        assert post_once(HttpClient(), url, content=bytes(MEGABYTE)).status == 413
        thread.join()


def test_names_whose_look_up_hangs_leave_other_backends_reachable(
    server: FaultBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look-up that is cancelled keeps its thread."""
    hanging: list[bytes] = []
    ended = threading.Event()
    look_up = socket.getaddrinfo

    def hang(host: bytes, *args: Any, **options: Any) -> Any:
        if host.startswith(b"hangs"):
            hanging.append(host)
            ended.wait()
        return look_up("127.0.0.1", *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    server.script(Response())

    async def call_hanging_then_healthy() -> int:
        client = HttpClient()
        try:
            async with asyncio.timeout(30):
                urls = [f"http://hangs-{number}.example/" for number in range(20)]
                calls = [asyncio.create_task(post(client, url)) for url in urls]
                while len(hanging) < len(calls):
                    await asyncio.sleep(0.001)
                for call in calls:
                    call.cancel()
                port = server.origin.rpartition(":")[2]
                return (await post(client, f"http://healthy.example:{port}/v1")).status
        finally:
            ended.set()
            await client.close()

    assert asyncio.run(call_hanging_then_healthy()) == 200


def test_a_connection_that_is_not_accepted_in_time_did_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECT_SECONDS", 0.01)
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        with socket.create_connection(full.getsockname()), pytest.raises(ModelUnavailableError):
            post_once(HttpClient(), f"http://127.0.0.1:{full.getsockname()[1]}/v1")

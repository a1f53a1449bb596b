"""A deadline holds over a whole exchange, however slowly the other side takes part in it."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

import httpcore
import httpx
import pytest

from imagineart.adapters.deadline_transport import DeadlineTransport
from tests.fault_backend import Answer, Delivery, FaultBackend, raw_picture

AMPLE_SECONDS = 30.0
SHORT_SECONDS = 0.2
MAX_HOLD_SECONDS = 10.0
ANSWER = Answer(body=b"the answer" * 20)


@pytest.fixture
def server() -> Iterator[FaultBackend]:
    with FaultBackend() as server:
        yield server


@pytest.fixture
def transport() -> Iterator[DeadlineTransport]:
    with DeadlineTransport() as transport:
        yield transport


@contextmanager
def listening(conversation: Callable[[socket.socket, Event], None], **options: int) -> Iterator[str]:
    """The origin of a server that holds one `conversation` until the event, or its other side's end."""
    over = Event()

    def serve() -> None:
        with listener.accept()[0] as connection:
            connection.settimeout(MAX_HOLD_SECONDS)
            try:
                conversation(connection, over)
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(MAX_HOLD_SECONDS)
        for name, value in options.items():
            listener.setsockopt(socket.SOL_SOCKET, getattr(socket, name), value)
        thread = Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
            thread.join()


def post(
    transport: DeadlineTransport, url: str, content: bytes = b"", seconds: float = AMPLE_SECONDS
) -> bytes:
    """The body of the answer to a POST."""
    transport.deadline = time.monotonic() + seconds
    client = httpx.Client(transport=transport, trust_env=False)
    return client.post(url, content=content).content


def ticks(over: Event) -> Iterator[None]:
    """One every hundredth of a second, until the other side has given up, as it has to."""
    for _ in range(int(MAX_HOLD_SECONDS * 100)):
        if over.wait(0.01):
            return
        yield
    raise AssertionError("the other side never gave up")


def drip_head(connection: socket.socket, over: Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Endless: ")
    for _ in ticks(over):
        connection.sendall(b"x")


def drip_body(connection: socket.socket, over: Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in ticks(over):
        connection.sendall(b"x")


def drip_interim_answers(connection: socket.socket, over: Event) -> None:
    for _ in ticks(over):
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


def say_nothing(_: socket.socket, over: Event) -> None:
    list(ticks(over))


@pytest.mark.parametrize("conversation", [drip_head, drip_body, drip_interim_answers, say_nothing])
def test_a_server_that_never_ends_its_answer_meets_the_deadline(
    transport: DeadlineTransport, conversation: Callable[[socket.socket, Event], None]
) -> None:
    with listening(conversation) as host, pytest.raises(httpcore.ReadTimeout):
        post(transport, f"http://{host}/", seconds=SHORT_SECONDS)


def test_a_server_that_takes_a_large_request_slowly_meets_the_deadline(transport: DeadlineTransport) -> None:
    """Every single operation succeeds well within the deadline; their sum does not."""
    content = bytes(24_000_000)
    received = []

    def read_slowly(connection: socket.socket, over: Event) -> None:
        for _ in ticks(over):
            received.append(len(connection.recv(200_000)))

    with listening(read_slowly, SO_RCVBUF=65_536) as host, pytest.raises(httpcore.WriteTimeout):
        post(transport, f"http://{host}/", content, SHORT_SECONDS)
    assert sum(received) < len(content)


def test_a_server_that_takes_nothing_of_a_large_request_meets_the_deadline(
    transport: DeadlineTransport,
) -> None:
    with listening(say_nothing) as host, pytest.raises(httpcore.WriteTimeout):
        post(transport, f"http://{host}/", bytes(24_000_000), SHORT_SECONDS)


def test_a_large_request_arrives_whole(transport: DeadlineTransport) -> None:
    received = bytearray()
    content = bytes(range(256)) * 20_000

    def receive(connection: socket.socket, _: Event) -> None:
        while len(received.partition(b"\r\n\r\n")[2]) < len(content):
            received.extend(connection.recv(1_000_000))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with listening(receive) as host:
        assert post(transport, f"http://{host}/", content) == b"ok"
    assert received.partition(b"\r\n\r\n")[2] == content


def test_a_server_that_accepts_no_connection_meets_the_deadline(transport: DeadlineTransport) -> None:
    over = Event()

    def accept_too_late() -> None:
        if not over.wait(SHORT_SECONDS * 10):
            for _ in waiting:
                full.accept()[0].close()

    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        full.settimeout(MAX_HOLD_SECONDS)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        thread = Thread(target=accept_too_late)
        thread.start()
        try:
            with pytest.raises(httpcore.ConnectTimeout):
                post(transport, f"http://127.0.0.1:{full.getsockname()[1]}/", seconds=SHORT_SECONDS)
        finally:
            over.set()
            thread.join()
            for each in waiting:
                each.close()


def drip_handshake(connection: socket.socket, over: Event) -> None:
    connection.sendall(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03")
    for _ in ticks(over):
        connection.sendall(b"x")


@pytest.mark.parametrize("conversation", [say_nothing, drip_handshake])
def test_a_server_that_never_ends_the_tls_handshake_meets_the_deadline(
    transport: DeadlineTransport, conversation: Callable[[socket.socket, Event], None]
) -> None:
    with listening(conversation) as host, pytest.raises(httpcore.ConnectTimeout):
        post(transport, f"https://{host}/", seconds=SHORT_SECONDS)


@pytest.mark.parametrize("seconds", [0.0, -5.0])
def test_after_the_deadline_nothing_is_sent(
    server: FaultBackend, transport: DeadlineTransport, seconds: float
) -> None:
    with pytest.raises(httpcore.ConnectTimeout):
        post(transport, server.origin, seconds=seconds)
    assert (server.connections, server.requests) == (0, [])


def test_after_the_deadline_nothing_is_sent_over_a_kept_connection_either(
    server: FaultBackend, transport: DeadlineTransport
) -> None:
    server.script(ANSWER)
    post(transport, server.origin)
    with pytest.raises(httpcore.TimeoutException):
        post(transport, server.origin, seconds=-1)
    assert len(server.requests) == 1


def test_a_refused_connection_is_told_at_once(transport: DeadlineTransport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
    with pytest.raises(httpcore.ConnectError):
        post(transport, url)


def test_a_connection_serves_one_exchange_after_another(
    server: FaultBackend, transport: DeadlineTransport
) -> None:
    server.script(ANSWER, Answer(500, body=b"failed"), Answer(204), ANSWER)
    assert [post(transport, server.origin) for _ in range(4)] == [ANSWER.body, b"failed", b"", ANSWER.body]
    assert server.connections == 1


def test_a_connection_that_the_server_has_closed_meanwhile_is_replaced(
    server: FaultBackend, transport: DeadlineTransport
) -> None:
    server.script(Answer(headers={"Connection": "close"}, body=b"first"), ANSWER)
    assert post(transport, server.origin) == b"first"
    assert post(transport, server.origin) == ANSWER.body
    assert server.connections == 2


@pytest.mark.parametrize(
    "delivery",
    [Delivery.HELD, Delivery.HELD_BODY, Delivery.DRIPPED, Delivery.DRIPPED_BODY],
    ids=lambda delivery: delivery.name,
)
def test_a_connection_whose_exchange_met_the_deadline_is_not_used_again(
    server: FaultBackend, transport: DeadlineTransport, delivery: Delivery
) -> None:
    server.script(ANSWER.delivered(delivery), raw_picture(b"another"))
    with pytest.raises(httpcore.ReadTimeout):
        post(transport, server.origin, seconds=SHORT_SECONDS)
    assert post(transport, server.origin) == b"another"
    assert server.connections == 2


def test_more_ended_exchanges_than_the_pool_has_places_leave_it_usable(
    server: FaultBackend, transport: DeadlineTransport
) -> None:
    for delivery in (Delivery.HELD_BODY, Delivery.CUT, Delivery.RESET):
        for _ in range(12):
            server.script(ANSWER.delivered(delivery))
            with pytest.raises((httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError)):
                post(transport, server.origin, seconds=0.05)
    server.script(ANSWER)
    assert post(transport, server.origin) == ANSWER.body


def test_an_answer_is_read_as_it_comes_and_may_be_left(
    server: FaultBackend, transport: DeadlineTransport
) -> None:
    server.script(ANSWER.delivered(Delivery.HELD_BODY), ANSWER)
    transport.deadline = time.monotonic() + AMPLE_SECONDS
    client = httpx.Client(transport=transport, trust_env=False)
    with client.stream("POST", server.origin) as response:
        assert next(response.iter_raw()) == ANSWER.body[: len(ANSWER.body) // 2]
    assert post(transport, server.origin) == ANSWER.body
    assert server.connections == 2

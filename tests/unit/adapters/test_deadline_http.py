"""A deadline holds over a whole exchange, however slowly the other side takes part in it."""

import builtins
import gc
import http.client
import io
import socket
import ssl
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from types import ModuleType
from typing import ClassVar, Self

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from imagineart.adapters.deadline_http import Deadline, DeadlineHttpClient
from imagineart.domain.errors import (
    ImagineArtError,
    ModelError,
    ModelTimeoutError,
    ModelUnavailableError,
)
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
def client(server: FaultBackend) -> Iterator[DeadlineHttpClient]:
    with closing(DeadlineHttpClient(server.origin)) as client:
        yield client


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


def post(client: DeadlineHttpClient, content: bytes = b"", seconds: float = AMPLE_SECONDS) -> bytes:
    """The body of the answer to a POST."""
    with client.send("/", headers={}, body=[content], deadline=Deadline.after(seconds)) as answer:
        return b"".join(answer.pieces())


def post_to(url: str, content: bytes = b"", seconds: float = AMPLE_SECONDS) -> bytes:
    """The same with a client of its own."""
    with closing(DeadlineHttpClient(url)) as client:
        return post(client, content, seconds)


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
    conversation: Callable[[socket.socket, Event], None],
) -> None:
    with listening(conversation) as host, pytest.raises(ModelTimeoutError):
        post_to(f"http://{host}/", seconds=SHORT_SECONDS)


def test_a_server_that_takes_a_large_request_slowly_meets_the_deadline() -> None:
    """Every single operation succeeds well within the deadline; their sum does not."""
    content = bytes(24_000_000)
    received = []

    def read_slowly(connection: socket.socket, over: Event) -> None:
        for _ in ticks(over):
            received.append(len(connection.recv(200_000)))

    with listening(read_slowly, SO_RCVBUF=65_536) as host, pytest.raises(ModelTimeoutError):
        post_to(f"http://{host}/", content, SHORT_SECONDS)
    assert sum(received) < len(content)


def test_a_server_that_takes_nothing_of_a_large_request_meets_the_deadline() -> None:
    with listening(say_nothing) as host, pytest.raises(ModelTimeoutError):
        post_to(f"http://{host}/", bytes(24_000_000), SHORT_SECONDS)


def test_a_large_request_arrives_whole() -> None:
    received = bytearray()
    content = bytes(range(256)) * 20_000

    def receive(connection: socket.socket, _: Event) -> None:
        while len(received.partition(b"\r\n\r\n")[2]) < len(content):
            received.extend(connection.recv(1_000_000))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with listening(receive) as host:
        assert post_to(f"http://{host}/", content) == b"ok"
    assert received.partition(b"\r\n\r\n")[2] == content


def test_a_server_that_accepts_no_connection_meets_the_deadline() -> None:
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
            with pytest.raises(ModelTimeoutError):
                post_to(f"http://127.0.0.1:{full.getsockname()[1]}/", seconds=SHORT_SECONDS)
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
    conversation: Callable[[socket.socket, Event], None],
) -> None:
    with listening(conversation) as host, pytest.raises(ModelTimeoutError):
        post_to(f"https://{host}/", seconds=SHORT_SECONDS)


@pytest.mark.parametrize("seconds", [0.0, -5.0])
def test_after_the_deadline_nothing_is_sent(
    server: FaultBackend, client: DeadlineHttpClient, seconds: float
) -> None:
    with pytest.raises(ModelTimeoutError):
        post(client, seconds=seconds)
    assert (server.connections, server.requests) == (0, [])


def test_after_the_deadline_nothing_is_sent_over_a_kept_connection_either(
    server: FaultBackend, client: DeadlineHttpClient
) -> None:
    server.script(ANSWER)
    post(client)
    with pytest.raises(ModelTimeoutError):
        post(client, seconds=-1)
    assert len(server.requests) == 1


def test_a_refused_connection_is_told_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
    with pytest.raises(ModelUnavailableError):
        post_to(url)


def test_a_connection_serves_one_exchange_after_another(
    server: FaultBackend, client: DeadlineHttpClient
) -> None:
    server.script(ANSWER, Answer(500, body=b"failed"), Answer(204), ANSWER)
    assert [post(client) for _ in range(4)] == [ANSWER.body, b"failed", b"", ANSWER.body]
    assert server.connections == 1


def test_a_connection_that_the_server_has_closed_meanwhile_is_replaced(
    server: FaultBackend, client: DeadlineHttpClient
) -> None:
    server.script(Answer(headers={"Connection": "close"}, body=b"first"), ANSWER)
    assert post(client) == b"first"
    assert post(client) == ANSWER.body
    assert server.connections == 2


@pytest.mark.parametrize(
    "delivery",
    [Delivery.HELD, Delivery.HELD_BODY, Delivery.DRIPPED, Delivery.DRIPPED_BODY],
    ids=lambda delivery: delivery.name,
)
def test_a_connection_whose_exchange_met_the_deadline_is_not_used_again(
    server: FaultBackend, client: DeadlineHttpClient, delivery: Delivery
) -> None:
    server.script(ANSWER.delivered(delivery), raw_picture(b"another"))
    with pytest.raises(ModelTimeoutError):
        post(client, seconds=SHORT_SECONDS)
    assert post(client) == b"another"
    assert server.connections == 2


def test_more_ended_exchanges_than_the_pool_has_places_leave_it_usable(
    server: FaultBackend, client: DeadlineHttpClient
) -> None:
    for delivery in (Delivery.HELD_BODY, Delivery.CUT, Delivery.RESET):
        for _ in range(12):
            server.script(ANSWER.delivered(delivery))
            with pytest.raises(ImagineArtError):
                post(client, seconds=0.05)
    server.script(ANSWER)
    assert post(client) == ANSWER.body


def test_an_answer_is_read_as_it_comes_and_may_be_left(
    server: FaultBackend, client: DeadlineHttpClient
) -> None:
    server.script(ANSWER.delivered(Delivery.HELD_BODY), ANSWER)
    deadline = Deadline.after(AMPLE_SECONDS)
    with client.send("/", headers={}, body=[], deadline=deadline) as answer:
        assert next(answer.pieces()) == ANSWER.body[: len(ANSWER.body) // 2]
    assert post(client) == ANSWER.body
    assert server.connections == 2


def test_a_client_that_nobody_closed_closes_its_connection_when_it_goes(server: FaultBackend) -> None:
    """Else every environment that ends would warn of a socket left open."""
    left = DeadlineHttpClient(server.origin)
    server.script(ANSWER)
    post(left)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        del left
        gc.collect()
    assert [each.message for each in told if issubclass(each.category, ResourceWarning)] == []


def test_an_idle_connection_is_used_for_a_minute_and_no_longer(
    monkeypatch: pytest.MonkeyPatch, server: FaultBackend, client: DeadlineHttpClient
) -> None:
    """Address translators on the way forget an idle connection and tell nobody."""
    idle_seconds = 0.0
    clock = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: clock() + idle_seconds)
    server.script(ANSWER, ANSWER, ANSWER)
    post(client)
    idle_seconds += 55
    post(client)
    assert server.connections == 1
    idle_seconds += 61
    post(client)
    assert server.connections == 2


@pytest.mark.parametrize("head", ["HTTP/1.1 103 Early Hints", "HTTP/1.1 101 Switching Protocols"])
def test_what_follows_an_interim_answer_is_never_taken_for_the_answer_to_the_next_request(
    server: FaultBackend, client: DeadlineHttpClient, head: str
) -> None:
    """It would be another caller's picture."""
    status = int(head.split()[1])
    server.script(Answer(status, body=b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nother's p"), ANSWER)
    with client.send("/", headers={}, body=[], deadline=Deadline.after(AMPLE_SECONDS)) as answer:
        assert (answer.status, list(answer.pieces())) == (status, [])
    assert post(client) == ANSWER.body
    assert server.connections == 2


def test_what_a_server_says_beyond_its_answer_is_not_taken_for_the_next_one(
    server: FaultBackend, client: DeadlineHttpClient
) -> None:
    more = ANSWER.body + b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother"
    server.script(Answer(body=more, headers={"Content-Length": str(len(ANSWER.body))}), ANSWER)
    assert post(client) == ANSWER.body
    assert post(client) == ANSWER.body


def test_a_refusal_that_comes_before_the_request_was_read_is_heard() -> None:
    refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno!"

    def refuse(connection: socket.socket, _: Event) -> None:
        connection.recv(1)
        connection.sendall(refusal)

    with listening(refuse) as host, closing(DeadlineHttpClient(f"http://{host}")) as client:
        body = [bytes(1_000_000)] * 24
        with client.send("/", headers={}, body=body, deadline=Deadline.after(AMPLE_SECONDS)) as answer:
            assert (answer.status, b"".join(answer.pieces())) == (413, b"no!")


@pytest.mark.parametrize(
    ("framing", "content"),
    [
        ({"Transfer-Encoding": "chunked"}, b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: t\r\n\r\n"),
        ({"Content-Length": "5"}, b"abcde"),
        ({"Connection": "close"}, b"abcde"),
    ],
    ids=["chunked", "of a known length", "until the end"],
)
def test_a_body_is_read_however_it_is_framed(framing: dict[str, str], content: bytes) -> None:
    head = "".join(f"{name}: {value}\r\n" for name, value in framing.items())

    def answer(connection: socket.socket, _: Event) -> None:
        connection.recv(10_000)
        connection.sendall(f"HTTP/1.1 200 OK\r\n{head}\r\n".encode() + content)

    with listening(answer) as host:
        assert post_to(f"http://{host}") == b"abcde"


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"nonsense\r\n\r\n", b"HTTP/9.9 200 OK\r\n\r\n", b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 70_000,
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-Many: x\r\n" * 200 + b"\r\n",
    ],
    ids=lambda answer: ascii(answer[-30:]),
)  # fmt: skip
def test_an_answer_that_breaks_the_protocol_is_a_failure_of_the_backend(answer: bytes) -> None:
    def say(connection: socket.socket, _: Event) -> None:
        connection.recv(10_000)
        connection.sendall(answer)

    with listening(say) as host, pytest.raises(ModelError, match="failed"):
        post_to(f"http://{host}")


class FailingConnection:
    """A connection that fails when it is asked, or when its answer is read."""

    sock = None

    def __init__(self, failure: Exception, step: str) -> None:
        self._failure = failure
        self._step = step

    def __call__(self, *_: object, **__: object) -> Self:
        return self

    def request(self, *_: object) -> None:
        self._fail_at("request")

    def getresponse(self) -> None:
        self._fail_at("getresponse")
        raise http.client.RemoteDisconnected("after what went before")

    def close(self) -> None:
        """Nothing is open."""

    def _fail_at(self, step: str) -> None:
        if step == self._step:
            raise self._failure


@pytest.fixture
def unconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connecting succeeds at once and leads nowhere."""
    monkeypatch.setattr(DeadlineHttpClient, "_connect", lambda *_: io.BytesIO())


def all_kinds_of(root: type[Exception], *modules: ModuleType) -> list[type[Exception]]:
    found = [value for module in modules for value in vars(module).values() if isinstance(value, type)]
    return sorted({each for each in found if issubclass(each, root)}, key=lambda each: each.__name__)


LIBRARY_FAILURES = [
    *all_kinds_of(http.client.HTTPException, http.client),
    *all_kinds_of(OSError, builtins, socket, ssl),
]


def test_the_enumeration_finds_the_failures_of_the_libraries() -> None:
    assert {
        ConnectionRefusedError, ConnectionResetError, TimeoutError, socket.gaierror, ssl.SSLError,
        ssl.SSLCertVerificationError, http.client.IncompleteRead, http.client.RemoteDisconnected,
        http.client.BadStatusLine, http.client.InvalidURL,
    } < set(LIBRARY_FAILURES)  # fmt: skip


@pytest.mark.usefixtures("unconnected")
@pytest.mark.parametrize("step", ["request", "getresponse"])
@pytest.mark.parametrize("failure_class", LIBRARY_FAILURES, ids=lambda each: each.__name__)
def test_every_failure_of_the_libraries_is_translated(
    monkeypatch: pytest.MonkeyPatch, failure_class: type[Exception], step: str
) -> None:
    monkeypatch.setattr(http.client, "HTTPConnection", FailingConnection(failure_class("a cause"), step))
    with pytest.raises(ModelError) as caught:
        post_to("http://127.0.0.1")
    assert caught.value.detail
    assert not isinstance(caught.value, ModelUnavailableError)


@pytest.mark.parametrize(
    "failure_class", all_kinds_of(OSError, builtins, socket, ssl), ids=lambda each: each.__name__
)
@pytest.mark.parametrize("step", ["getaddrinfo", "socket"])
def test_who_cannot_be_reached_did_no_work(
    monkeypatch: pytest.MonkeyPatch, failure_class: type[OSError], step: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise failure_class("a cause")

    monkeypatch.setattr(socket, step, fail)
    with pytest.raises(ModelUnavailableError) as caught:
        post_to("http://127.0.0.1")
    assert caught.value.detail


@pytest.mark.usefixtures("unconnected")
def test_a_failure_after_the_deadline_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = FailingConnection(ConnectionResetError("late"), "getresponse")
    monkeypatch.setattr(http.client, "HTTPConnection", connection)
    clock = time.monotonic
    late = iter([0.0])
    monkeypatch.setattr(time, "monotonic", lambda: clock() + next(late, 99.0))
    with pytest.raises(ModelTimeoutError):
        post_to("http://127.0.0.1", seconds=50)


class SilentSocket:
    """A socket to an address that never answers; each time-out passes at once on the clock."""

    waited_seconds: ClassVar[list[float]]

    def __init__(self, *_: object) -> None:
        self._timeout = 0.0

    def settimeout(self, seconds: float) -> None:
        self._timeout = seconds

    def connect(self, _: object) -> None:
        self.waited_seconds.append(self._timeout)
        raise TimeoutError("timed out")

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(
    ("seconds", "waited_seconds"), [(270.0, [10.0, 10.0, 10.0]), (14.0, [10.0, 4.0]), (3.0, [3.0])]
)
def test_all_addresses_of_a_server_share_the_deadline_and_none_gets_all_of_it(
    monkeypatch: pytest.MonkeyPatch, seconds: float, waited_seconds: list[float]
) -> None:
    addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{each}", 80)) for each in (1, 2, 3)]
    SilentSocket.waited_seconds = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)
    monkeypatch.setattr(socket, "socket", SilentSocket)
    monkeypatch.setattr(time, "monotonic", lambda: sum(SilentSocket.waited_seconds))
    with pytest.raises(ImagineArtError) as caught:
        post_to("http://many.example.com", seconds=seconds)
    assert SilentSocket.waited_seconds == waited_seconds
    assert isinstance(caught.value, ModelUnavailableError) == (seconds > 30)


def tls_contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """For a server that calls itself localhost, and for a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "server.pem"
        file.write_bytes(private + pem)
        server.load_cert_chain(file)
    return server, ssl.create_default_context(cadata=pem.decode())


def test_what_a_server_says_beyond_its_answer_over_tls_is_not_taken_for_the_next_one() -> None:
    """OpenSSL holds it decrypted, where nothing that waits for the connection sees it."""
    surplus = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nSTALE"
    context, trusting = tls_contexts()
    connections = []

    def serve(listener: socket.socket) -> None:
        for _ in range(2):
            with listener.accept()[0] as plain, context.wrap_socket(plain, server_side=True) as connection:
                connection.settimeout(MAX_HOLD_SECONDS)
                connections.append(connection)
                connection.recv(10_000)
                body = bytes(10_000)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n" + body + surplus)
                with suppress(OSError):
                    connection.recv(10_000)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(MAX_HOLD_SECONDS)
        thread = Thread(target=serve, args=(listener,))
        thread.start()
        url = f"https://localhost:{listener.getsockname()[1]}"
        with closing(DeadlineHttpClient(url, tls_context=lambda: trusting)) as client:
            assert [len(post(client)) for _ in range(2)] == [10_000, 10_000]
        thread.join()
    assert len(connections) == 2

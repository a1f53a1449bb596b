"""HTTP with a deadline over a whole exchange, not only over each operation on a socket.

A time-out of single operations lets a server that sends a byte now and then hold its client for ever. Here
every operation gets what is left until the deadline. Why http.client: docs/decisions/0005.
"""

import http.client
import io
import select
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, cast
from urllib.parse import urlsplit

from imagineart.domain.errors import ImagineArtError, ModelError, ModelTimeoutError, ModelUnavailableError

_READ_BYTES: Final = 96 * 1024
"""Fewer pieces cost less to pass on; from 128 KiB on, each would be new memory from the system."""

_CONNECT_SECONDS: Final = 10.0
"""What each address of a server gets, so that the next one is tried while there is time."""

_KEPT_ALIVE_SECONDS: Final = 60.0
"""An idle connection is used again this long; address translators forget longer ones without a word."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """The end of the `seconds` that an exchange may take, `at` a time of `time.monotonic`."""

    seconds: float
    at: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """The deadline that is `seconds` away."""
        return cls(seconds, time.monotonic() + seconds)

    @property
    def has_passed(self) -> bool:
        """Whether no time is left."""
        return time.monotonic() >= self.at

    @property
    def elapsed_seconds(self) -> float:
        """What has gone by of its seconds."""
        return time.monotonic() - self.at + self.seconds

    def remaining_seconds(self) -> float:
        """What is left. Raises TimeoutError where nothing is."""
        remaining = self.at - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("the deadline has passed")
        return remaining


@dataclass(frozen=True, slots=True)
class HttpFailures:
    """What the failures of an exchange become: the deadline passed, nobody could be asked, or it broke off.

    The first is made from the deadline's seconds, the others from a text for the log.
    """

    timeout: Callable[[float], ImagineArtError]
    unreachable: Callable[[str], ImagineArtError]
    broken: Callable[[str], ImagineArtError]


MODEL_FAILURES: Final = HttpFailures(
    timeout=lambda seconds: ModelTimeoutError(deadline_seconds=seconds),
    unreachable=lambda detail: ModelUnavailableError(detail=detail),
    broken=lambda detail: ModelError(detail=detail),
)


class HttpAnswer:
    """An answer whose head has come."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self._response = response
        self.status = response.status

    def header(self, name: str) -> str:
        """The value of a header, in any case of its name; empty where there is none."""
        return self._response.headers.get(name, "")

    def pieces(self) -> Iterator[bytes]:
        """The body as it arrives."""
        while piece := self._response.read1(_READ_BYTES):
            yield piece
        if self._response.length:
            raise http.client.IncompleteRead(b"", self._response.length)
        self._response.close()


class DeadlineHttpClient:
    """Talks to one server over a connection that is kept; for one exchange at a time."""

    def __init__(
        self,
        base_url: str,
        failures: HttpFailures = MODEL_FAILURES,
        tls_context: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        """`base_url` is absolute, http or https, and without a query."""
        self._failures = failures
        self._tls_context = tls_context or _shared_tls_context
        self._connection: http.client.HTTPConnection | None = None
        self._last_used = 0.0
        self._url = urlsplit(base_url)

    @property
    def is_secure(self) -> bool:
        """Whether the server is spoken to over TLS."""
        return self._url.scheme == "https"

    def __del__(self) -> None:
        # Nobody closes what an environment holds when it ends.
        self.close()

    @contextmanager
    def send(
        self,
        path: str,
        *,
        headers: Mapping[str, str],
        body: Sequence[bytes],
        deadline: Deadline,
        method: str = "POST",
    ) -> Iterator[HttpAnswer]:
        """The answer to the joined `body`, sent to `path` under the base URL; a redirect is an answer too.

        Raises the failures that the client was made with: `timeout` when the deadline passes, also while the
        answer is read within the context, `unreachable` where nobody could be asked, else `broken`.
        """
        with self._failures_as(self._failures.unreachable, deadline):
            connection = self._usable_connection(deadline)
        with (
            self._failures_as(self._failures.broken, deadline),
            self._exchange(connection, method, path, headers, body) as answer,
        ):
            yield answer

    def close(self) -> None:
        """Close the connection; the next exchange opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: Sequence[bytes],
    ) -> Iterator[HttpAnswer]:
        length = {"Content-Length": str(sum(map(len, body)))}
        response = None
        try:
            # A server that refuses a request may answer and hang up before it has read the whole.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, self._url.path + path, body, {**headers, **length})
            response = connection.getresponse()
            yield HttpAnswer(response)
        finally:
            self._last_used = time.monotonic()
            # After an interim answer, which http.client takes for the answer, the real one is still to come.
            if response is None or not response.isclosed() or response.status < 200:
                self.close()
            if response is not None:
                response.close()

    def _usable_connection(self, deadline: Deadline) -> http.client.HTTPConnection:
        kept = self._connection
        if kept is not None and kept.sock is not None:
            usable = cast(_DeadlineSocket, kept.sock)
            if time.monotonic() - self._last_used < _KEPT_ALIVE_SECONDS and not usable.has_input():
                usable.deadline = deadline
                return kept
        self.close()
        self._connection = self._new_connection()
        self._connection.sock = cast(socket.socket, _DeadlineSocket(self._connect(deadline), deadline))
        return self._connection

    def _new_connection(self) -> http.client.HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "https":
            return http.client.HTTPSConnection(host, port, context=self._tls_context())
        return http.client.HTTPConnection(host, port)

    def _connect(self, deadline: Deadline) -> socket.socket:
        """A socket to the first of the server's addresses that answers, secured for https. Raises OSError."""
        host = self._url.hostname or ""
        port = self._url.port or (443 if self._url.scheme == "https" else 80)
        failure: OSError | None = None
        for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            connected = socket.socket(family, kind, protocol)
            try:
                connected.settimeout(min(deadline.remaining_seconds(), _CONNECT_SECONDS))
                connected.connect(address)
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self._url.scheme != "https":
                    return connected
                connected.settimeout(min(deadline.remaining_seconds(), _CONNECT_SECONDS))
                return self._tls_context().wrap_socket(connected, server_hostname=host)
            except OSError as error:
                connected.close()
                failure = error
        raise failure or OSError("the host has no address")

    @contextmanager
    def _failures_as(self, kind: Callable[[str], ImagineArtError], deadline: Deadline) -> Iterator[None]:
        try:
            yield
        except (OSError, http.client.HTTPException) as error:
            if deadline.has_passed:
                raise self._failures.timeout(deadline.seconds) from error
            # What http.client says may quote the server, which may quote the prompt.
            said = f": {error}" if isinstance(error, OSError) else ""
            raise kind(type(error).__name__ + said) from error


@cache
def _shared_tls_context() -> ssl.SSLContext:
    """One for every connection: reading the system's certificates takes some 25 ms."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


class _DeadlineSocket:
    """What http.client asks of a socket, every operation bounded by the deadline."""

    def __init__(self, connected: socket.socket, deadline: Deadline) -> None:
        self._socket = connected
        self.deadline = deadline
        self.close = connected.close

    def has_input(self) -> bool:
        """Whether a connection on which nothing is expected has its end or something else to read."""
        if isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
            return True
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))

    def sendall(self, content: bytes) -> None:
        rest = memoryview(content)
        while rest:
            self._socket.settimeout(self.deadline.remaining_seconds())
            rest = rest[self._socket.send(rest) :]

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_DeadlineReader(self._socket, self.deadline))


class _DeadlineReader(io.RawIOBase):
    """The reading end of a socket, for one answer."""

    def __init__(self, connected: socket.socket, deadline: Deadline) -> None:
        self._socket = connected
        self._deadline = deadline
        self._hold = connected.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._socket.settimeout(self._deadline.remaining_seconds())
        return self._socket.recv_into(buffer)

    def close(self) -> None:
        """Let go of the socket, which stays open until its connection is closed too."""
        self._hold.close()
        super().close()

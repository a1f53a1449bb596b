"""An httpx transport that keeps a deadline over a whole exchange, not only over each operation.

httpx bounds single operations, so a server that sends a byte now and then would hold its client for ever.
Here every operation on a socket gets what is left until the deadline.
"""

import time
from collections.abc import Iterable, Iterator
from typing import Any, Final, cast

import httpcore
import httpx

_READ_BYTES: Final = 96 * 1024
"""Fewer pieces cost less to pass on; from 128 KiB on, each would be new memory from the system."""

_WRITTEN_BYTES: Final = 16 * 1024
"""What one operation sends, as much as a TLS record holds."""

_KEPT_ALIVE_SECONDS: Final = 60.0
"""An idle connection is used again this long; address translators forget longer ones without a word."""


class DeadlineTransport(httpx.BaseTransport):
    """One connection pool; `deadline` (`time.monotonic` seconds) bounds the exchange under way.

    It is for one exchange at a time, as in a Lambda environment. Raises httpcore's exceptions.
    """

    def __init__(self) -> None:
        self.deadline = time.monotonic()
        self._pool = httpcore.ConnectionPool(
            retries=1, keepalive_expiry=_KEPT_ALIVE_SECONDS, network_backend=_Backend(self)
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request; the body of the answer is read from the socket as it is iterated."""
        url = request.url
        response = self._pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=request.headers.raw,
                content=cast(Iterable[bytes], request.stream),
            )
        )
        body = _Body(cast(Iterable[bytes], response.stream), response.close)
        return httpx.Response(response.status, headers=response.headers, stream=body)

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    """The body of an answer."""

    def __init__(self, pieces: Iterable[bytes], close: Any) -> None:
        self._pieces = pieces
        self._close = close

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)

    def close(self) -> None:
        self._close()


class _Backend(httpcore.NetworkBackend):
    """httpcore's own sockets, each operation bounded by the transport's deadline."""

    def __init__(self, transport: DeadlineTransport) -> None:
        self._transport = transport
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, *rest: Any, **more: Any) -> Any:
        remaining = _remaining(self._transport, httpcore.ConnectTimeout)
        return _Stream(self._transport, self._sockets.connect_tcp(host, port, remaining, *rest, **more))

    def sleep(self, seconds: float) -> None:
        self._sockets.sleep(min(seconds, _remaining(self._transport, httpcore.ConnectTimeout)))


class _Stream(httpcore.NetworkStream):
    """A connection whose every operation is bounded by the transport's deadline."""

    def __init__(self, transport: DeadlineTransport, stream: httpcore.NetworkStream) -> None:
        self._transport = transport
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        # More than httpcore asks for, which it copes with.
        return self._stream.read(_READ_BYTES, _remaining(self._transport, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # httpcore sends a buffer in as many operations as the other side makes of it, each with the time-out
        # of the first.
        for at in range(0, len(buffer), _WRITTEN_BYTES):
            part = buffer[at : at + _WRITTEN_BYTES]
            self._stream.write(part, _remaining(self._transport, httpcore.WriteTimeout))

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> Any:
        remaining = _remaining(self._transport, httpcore.ConnectTimeout)
        return _Stream(self._transport, self._stream.start_tls(ssl_context, server_hostname, remaining))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def close(self) -> None:
        self._stream.close()


def _remaining(transport: DeadlineTransport, too_late: type[httpcore.TimeoutException]) -> float:
    """Seconds until the deadline. Raises `too_late` when it has passed."""
    remaining = transport.deadline - time.monotonic()
    if remaining <= 0:
        raise too_late("the deadline has passed")
    return remaining

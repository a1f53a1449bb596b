"""One request to a URL that a caller gave: no redirect, no proxy, and no address that was not checked.

httpx has no public way to choose the address that is connected to; httpcore, on which it is built, has.
Source: https://www.encode.io/httpcore/network-backends/
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from ipaddress import ip_address
from typing import Any, Final, Protocol, TypeAlias

import httpcore

from imagineart.outbound.addresses import OutboundUrl, may_connect

CONNECT_SECONDS: Final = 5.0
"""So long one address may take, so that the next one can be tried."""

_OK: Final = 200

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]


class Failure(StrEnum):
    """Why a request has no response, or none that can be used."""

    ADDRESS_REFUSED = "address_refused"
    UNREACHABLE = "unreachable"
    TLS_FAILED = "tls_failed"
    BROKEN_OFF = "broken_off"
    TIMEOUT = "timeout"
    REFUSED = "refused"
    TOO_LARGE = "too_large"


class OutboundError(Exception):
    """A request got no response. Its text names neither the host nor an address."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class OutboundResponse:
    """Status and headers, with names in lower case. The body is not read."""

    status: int
    headers: Mapping[str, str]


async def resolve_name(host: str, port: int) -> Sequence[str]:
    """Every address of a host. Raises OSError, UnicodeError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class Sender(Protocol):
    """Sends one request. See `OutboundHttp`."""

    @property
    def allows_loopback(self) -> bool: ...

    async def send(
        self, method: str, url: OutboundUrl, *, headers: Mapping[str, str], content: bytes, seconds: float
    ) -> OutboundResponse: ...


@dataclass(frozen=True, slots=True)
class OutboundHttp:
    """Sends requests, each exactly once, over a connection of its own.

    `allows_loopback` is for the local stack: on AWS, loopback is the runtime of the function.
    """

    allows_loopback: bool
    resolve: Resolve = resolve_name

    async def send(
        self, method: str, url: OutboundUrl, *, headers: Mapping[str, str], content: bytes, seconds: float
    ) -> OutboundResponse:
        """The response, within `seconds` for the whole exchange. Raises OutboundError."""
        sent = {"Content-Length": str(len(content)), **headers}
        async with self._exchange(method, url, sent, content, seconds) as response:
            received = {name.decode("latin-1").lower(): value for name, value in response.headers}
            return OutboundResponse(
                response.status, {name: value.decode("latin-1") for name, value in received.items()}
            )

    async def fetch(self, url: OutboundUrl, *, limit_bytes: int, seconds: float) -> bytes:
        """The content of a response with the status 200.

        Raises OutboundError, for another status and for more than `limit_bytes` too.
        """
        content = bytearray()
        async with self._exchange("GET", url, {"User-Agent": "ImagineArt"}, b"", seconds) as response:
            if response.status != _OK:
                raise OutboundError(Failure.REFUSED)
            async for chunk in response.aiter_stream():
                content += chunk
                if len(content) > limit_bytes:
                    raise OutboundError(Failure.TOO_LARGE)
        return bytes(content)

    @asynccontextmanager
    async def _exchange(
        self, method: str, url: OutboundUrl, headers: Mapping[str, str], content: bytes, seconds: float
    ) -> AsyncIterator[httpcore.Response]:
        backend = _CheckedBackend(self.resolve, allows_loopback=self.allows_loopback)
        sent = {"Host": url.authority, **headers}
        target = httpcore.URL(
            scheme=url.scheme.encode(), host=url.host.strip("[]"), port=url.port, target=url.target
        )
        with _translated_errors():
            async with (
                asyncio.timeout(seconds),
                httpcore.AsyncConnectionPool(_tls_context(), network_backend=backend) as pool,
                pool.stream(method, target, headers=list(sent.items()), content=content) as response,
            ):
                yield response


class _CheckedBackend(httpcore.AsyncNetworkBackend):
    """Resolves a name once, checks every address, and connects to one of those and to nothing else."""

    def __init__(self, resolve: Resolve, *, allows_loopback: bool) -> None:
        self._resolve = resolve
        self._allows_loopback = allows_loopback
        self._dialler = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = list(dict.fromkeys(await self._resolve(host, port)))
        if not all(
            may_connect(ip_address(each), allows_loopback=self._allows_loopback) for each in addresses
        ):
            raise OutboundError(Failure.ADDRESS_REFUSED)
        for address in addresses:
            try:
                return await self._dialler.connect_tcp(address, port, CONNECT_SECONDS)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        raise OutboundError(Failure.UNREACHABLE)


@contextmanager
def _translated_errors() -> Iterator[None]:
    """Raise OutboundError in place of what httpcore and the look-up of the name raise."""
    try:
        yield
    except (TimeoutError, httpcore.TimeoutException) as error:
        raise OutboundError(Failure.TIMEOUT) from error
    except httpcore.ConnectError as error:
        # Connecting raises OutboundError, so that this is TLS.
        raise OutboundError(Failure.TLS_FAILED) from error
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise OutboundError(Failure.BROKEN_OFF) from error
    except (OSError, UnicodeError) as error:
        raise OutboundError(Failure.UNREACHABLE) from error


@cache
def _tls_context() -> ssl.SSLContext:
    """One for all requests: reading the certificates takes some 25 ms."""
    return ssl.create_default_context()

"""HTTP to backends: one client an event loop, bounded responses, one translation of httpx's errors."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final, TypeAlias
from weakref import WeakKeyDictionary

import httpx

from imagineart.backends.model import MAX_DOCUMENT_BYTES, MAX_IMAGE_BYTES
from imagineart.errors import ModelError, ModelUnavailableError, ResponseTooLargeError

MAX_REFUSAL_BYTES: Final = 64 * 1024
"""More of a response that is not a success is not read."""

MAX_EVENTS: Final = 4
"""An image and what is shown of it before."""

CONNECT_SECONDS: Final = 10.0
"""So long the addresses of a server may take, so that another backend can be tried while there is time."""

KEPT_ALIVE_SECONDS: Final = 5.0
"""An idle connection is used again for so long: a POST on one that the server is closing is lost."""

_MAX_THREADS: Final = 64
"""Of the event loop's own pool. Look-ups of names run there, and one that hangs keeps its thread when it is
cancelled: with the usual six threads, six such names would make every other backend time out."""

_NOTHING_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_EVERY_FAILURE: Final = (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError)

Part: TypeAlias = tuple[str, tuple[str | None, bytes, str | None]]
"""A part of a form: its name, then file name, content and media type. Without a file name it is text."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response that has been read, decoded and let go; of a refusal, its first 64 KiB."""

    status: int
    headers: httpx.Headers
    content: bytes

    @property
    def media_type(self) -> str:
        """The media type in lower case, without parameters; empty where there is none."""
        return str(self.headers.get("content-type", "")).partition(";")[0].strip().lower()


class HttpClient:
    """Sends requests, each exactly once; the caller bounds the time, look-up of the name included.

    No redirect is followed, no cookie is kept, and the environment's proxies are not asked.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """`transport` replaces the network, for a test."""
        self._transport = transport
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = WeakKeyDictionary()

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: bytes | None = None,
        form: Sequence[Part] | None = None,
        event_came: Callable[[bytes], Awaitable[None]] | None = None,
    ) -> HttpResponse:
        """The response to `content`, or to the parts of a multipart `form`.

        Where it is a stream of events, `event_came` gets the data of each, and that of the last is the body.
        Raises ModelUnavailableError where nothing was sent, and ModelError where the exchange broke off, was
        too large, or was not HTTP.
        """
        with translated_errors():
            async with self._client().stream(
                method, url, headers=headers, content=content, files=form
            ) as response:
                if event_came is not None and _has_events(response):
                    body = await _read_events(response, event_came)
                else:
                    body = await _read(response)
                return HttpResponse(response.status_code, response.headers, body)

    async def close(self) -> None:
        """Close the connections of the running event loop."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    def _client(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            loop.set_default_executor(ThreadPoolExecutor(_MAX_THREADS, "short work"))
            self._clients[loop] = httpx.AsyncClient(
                transport=self._transport,
                verify=self._tls_context,
                trust_env=False,
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                headers={"Accept-Encoding": "identity"},
                timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
                limits=httpx.Limits(keepalive_expiry=KEPT_ALIVE_SECONDS),
            )
        return self._clients[loop]

    @cached_property
    def _tls_context(self) -> ssl.SSLContext:
        """One for all clients: reading the certificates takes some 25 ms."""
        return ssl.create_default_context()


async def _read(response: httpx.Response) -> bytes:
    """The decoded body, bounded while it arrives. Raises ModelError."""
    if "," in response.headers.get("content-encoding", ""):
        # One compression makes at most a thousand bytes of one, two make a million.
        raise ModelError(detail="the backend compressed its response more than once")
    is_success = response.status_code == httpx.codes.OK
    is_image = response.headers.get("content-type", "").lower().startswith("image/")
    limit = MAX_IMAGE_BYTES if is_image else MAX_DOCUMENT_BYTES
    chunks: list[bytes] = []
    received = 0
    async for chunk in response.aiter_bytes():
        chunks.append(chunk)
        received += len(chunk)
        if not is_success and received > MAX_REFUSAL_BYTES:
            break
        if received > limit:
            raise ResponseTooLargeError(detail=f"the backend's response exceeds {limit} bytes")
    body = b"".join(chunks)
    return body if is_success else body[:MAX_REFUSAL_BYTES]


def _has_events(response: httpx.Response) -> bool:
    media_type = str(response.headers.get("content-type", ""))
    return response.status_code == httpx.codes.OK and media_type.startswith("text/event-stream")


async def _read_events(response: httpx.Response, event_came: Callable[[bytes], Awaitable[None]]) -> bytes:
    """The data of the last event, which is in one line, as in OpenAI's API. Raises ModelError."""
    last, line, received = b"", list[bytes](), 0
    async for chunk in response.aiter_bytes():
        received += len(chunk)
        if received > MAX_EVENTS * MAX_DOCUMENT_BYTES:
            raise ModelError(detail=f"the backend's events exceed {MAX_EVENTS * MAX_DOCUMENT_BYTES} bytes")
        begun, *ended = chunk.split(b"\n")
        line.append(begun)
        for part in ended:
            field, _, value = b"".join(line).partition(b":")
            line = [part]
            if field == b"data" and value.strip() != b"[DONE]":
                last = value.strip()
                await event_came(last)
    return last


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raise an error of ours in place of what httpx raises."""
    try:
        yield
    except _EVERY_FAILURE as error:
        # httpx quotes the server, which may quote the prompt; only the system's words are safe to log.
        system_error = _system_error(error)
        detail = type(error).__name__ + (f": {system_error}" if system_error else "")
        raise (ModelUnavailableError if isinstance(error, _NOTHING_SENT) else ModelError)(
            detail=detail
        ) from error


def _system_error(error: BaseException | None) -> OSError | None:
    """The first cause that has a number; anyio puts one without before it."""
    while error is not None and not (isinstance(error, OSError) and error.errno):
        error = error.__cause__ or error.__context__
    return error

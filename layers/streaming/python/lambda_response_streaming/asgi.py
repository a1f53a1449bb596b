"""A Lambda handler for any ASGI application: each part of a body leaves Lambda when the application sends it.

Sources: https://asgi.readthedocs.io/en/latest/specs/www.html (what applications and servers may expect) and
https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html (function URLs).
"""

import asyncio
import gc
import logging
from collections.abc import Iterable, Iterator
from typing import Any, Final

from mangum.handlers import APIGateway, HTTPGateway
from mangum.types import ASGI, LambdaConfig, Message, Scope

from lambda_response_streaming.response import Piece, StreamedResponse

try:
    import pybase64 as base64  # decodes 6 MB some fifty times as fast
except ImportError:
    import base64  # type: ignore[no-redef]

_CONFIG: Final[LambdaConfig] = {"api_gateway_base_path": "/", "text_mime_types": [], "exclude_headers": []}
# Headers that describe one connection (RFC 9110, section 7.6.1): Lambda and API Gateway set their own.
_CONNECTION_HEADERS: Final = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
_PROXY_HEADERS: Final = {"proxy-authenticate", "proxy-authorization", "proxy-connection"}
_OMITTED_HEADERS: Final = frozenset({"content-length", *_CONNECTION_HEADERS, *_PROXY_HEADERS})

logger: Final = logging.getLogger(__name__)


class StreamingHandler:
    """A Lambda handler that serves REST proxy events and function URL events with an ASGI application.

    All requests run on one event loop, which the first request makes, so that a snapshot of the environment
    (SnapStart) holds none. `lifespan` events are not sent.
    """

    def __init__(self, app: ASGI) -> None:
        self._app = app
        self._loop: asyncio.AbstractEventLoop | None = None

    def __call__(self, event: dict[str, Any], context: Any) -> StreamedResponse:
        """The response, once the application has sent the first part of its body; reading it runs the rest.

        Raises ValueError for an event that is no HTTP request, and what the application raises until then.
        """
        exchange = _Exchange(self._app, _read_scope(event, context), self._event_loop())
        exchange.start()
        headers, cookies = exchange.headers, list[str]()
        if event.get("version") == "2.0":
            # A function URL takes several values for cookies alone, and those in a field of their own.
            cookies = headers.pop("set-cookie", cookies)
            headers = {name: [", ".join(values)] for name, values in headers.items()}
        return StreamedResponse(exchange.status, headers, exchange, cookies=cookies)

    def _event_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            # As with Mangum, code that asks for this thread's loop between requests gets the one that serves.
            asyncio.set_event_loop(self._loop)
        return self._loop


class _Exchange(Iterator[Piece]):
    """One request and its response. The application runs only while its next message is awaited."""

    def __init__(self, app: ASGI, scope: Scope, loop: asyncio.AbstractEventLoop) -> None:
        self.status = 0
        self.headers: dict[str, list[str]] = {}
        self._scope = scope
        self._loop = loop
        self._first: Piece | None = None
        self._expected: str | None = "http.response.start"
        self._is_body_received = False
        self._is_over = asyncio.Event()
        self._turn = asyncio.Lock()
        self._is_taken = asyncio.Event()
        self._offer: asyncio.Future[Piece | None] = loop.create_future()
        self._error: BaseException | None = None
        self._task: asyncio.Task[None] | None = loop.create_task(self._run(app))
        self._task.add_done_callback(self._end)

    def start(self) -> None:
        """Run the application until its status, its headers and the first part of its body exist."""
        next(self)
        self._first = next(self)

    def __next__(self) -> Piece:
        """The next part that the application sends. Raises what it raises before it has sent the last one."""
        if (first := self._first) is not None:
            self._first = None
            return first
        piece = self._run_until_sent() if self._task else None
        if piece is None:
            self._check_end()
            raise StopIteration
        return piece

    def close(self) -> None:
        """The client has left: cancel the application unless its response is complete, and await its end."""
        self._first = None
        if self._task:
            if self._expected:
                self._is_over.set()
                self._task.cancel()
            else:
                self._is_taken.set()
            self._loop.run_until_complete(self._wait_for_end(self._task))

    async def _run(self, app: ASGI) -> None:
        await app(self._scope, self._receive, self._send)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._task = None
        self._error = RuntimeError("The application was cancelled") if task.cancelled() else task.exception()
        if not self._offer.done():
            self._offer.set_result(None)

    async def _receive(self) -> Message:
        """The request with its body, then nothing until the response is over. Raises ValueError."""
        if not self._is_body_received:
            self._is_body_received = True
            return {"type": "http.request", "body": _read_body(self._scope["aws.event"]), "more_body": False}
        await self._is_over.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        """Offer a message, and wait until it was taken and the next one is awaited."""
        async with self._turn:
            if self._is_over.is_set() and self._expected:
                raise OSError("The client has left")
            if message["type"] != self._expected:
                raise RuntimeError(f"The application sent {message['type']!r}; allowed: {self._expected!r}")
            self._offer.set_result(self._read(message))
            await self._is_taken.wait()

    def _read(self, message: Message) -> Piece:
        if message["type"] == "http.response.start":
            self.headers = _group_headers(message.get("headers", ()))
            self.status = message["status"]
            self._expected = "http.response.body"
            return b""
        if not message.get("more_body", False):
            self._expected = None
            self._is_over.set()
        return b"" if self._scope["method"] == "HEAD" else message.get("body", b"")

    def _run_until_sent(self) -> Piece | None:
        """Let the last `send` return, and run until the next one; None where the application ends first."""
        self._is_taken.set()
        self._is_taken = asyncio.Event()
        self._offer = self._loop.create_future()
        return self._loop.run_until_complete(self._offer)

    def _check_end(self) -> None:
        """Raise what ended the application, or log it where the response was complete before."""
        if self._expected:
            raise self._error or RuntimeError(f"The application ended without {self._expected!r}")
        if self._error:
            logger.error("The application failed after its response", exc_info=self._error)

    async def _wait_for_end(self, task: asyncio.Task[None]) -> None:
        """Wait until the application has ended, and each generator that it was reading when it was cancelled.

        asyncio closes such a generator in a task of its own when the generator is collected, which would
        otherwise happen during some later request.
        """
        await asyncio.wait({task})
        if not task.cancelled() and self._error:
            logger.warning("The application failed after its client had left: %s", repr(self._error))
        del task
        self._error = None
        others = asyncio.all_tasks()
        gc.collect()
        await asyncio.sleep(0)
        while closing := asyncio.all_tasks() - others:
            await asyncio.wait(closing)
            await asyncio.sleep(0)


def _read_scope(event: dict[str, Any], context: Any) -> Scope:
    """Mangum's scope of the event. Raises ValueError where it is no HTTP request."""
    for kind in (HTTPGateway, APIGateway):
        if kind.infer(event, context, _CONFIG):
            return {**kind(_without_port_list(event), context, _CONFIG).scope, "aws.event": event}
    raise ValueError(f"The event is no request of API Gateway or a function URL; its fields: {sorted(event)}")


def _without_port_list(event: dict[str, Any]) -> dict[str, Any]:
    """The event without an X-Forwarded-Port of several proxies, on which Mangum fails.

    Source: https://github.com/Kludex/mangum/issues/303
    """
    headers = {
        field: {
            name: value
            for name, value in event[field].items()
            if name.lower() != "x-forwarded-port" or _is_port(value)
        }
        for field in ("headers", "multiValueHeaders")
        if event.get(field)
    }
    return {**event, **headers}


def _is_port(value: str | list[str]) -> bool:
    return (value if isinstance(value, str) else ", ".join(value)).isdecimal()


def _read_body(event: dict[str, Any]) -> bytes:
    body = event.get("body") or ""
    return base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()


def _group_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, list[str]]:
    """Every value of each header that is the application's to send."""
    values: dict[str, list[str]] = {}
    for raw_name, value in headers:
        name = raw_name.decode("latin-1").lower()
        if name not in _OMITTED_HEADERS:
            values.setdefault(name, []).append(value.decode("latin-1"))
    return values

"""The gateway over HTTP/1.1, and the same gateway as an httpx transport."""

import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

import anyio
import anyio.to_thread
import httpx

from local.environments import MAX_ENVIRONMENTS_PER_FUNCTION, FunctionCrashError, FunctionTimeoutError
from local.gateway import MAX_BODY_BYTES, Gateway
from local.proxy_events import BodyStream, HttpAnswer, HttpRequest

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

BROKEN_OFF: Final = "An answer broke off"


class GatewayApp:
    """The gateway as an ASGI application."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._threads = anyio.CapacityLimiter(2 * MAX_ENVIRONMENTS_PER_FUNCTION)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        request = HttpRequest(
            method=scope["method"],
            path=scope["raw_path"].decode("latin-1").partition("?")[0],
            query=scope["query_string"].decode("latin-1"),
            headers=tuple(
                (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
            ),
            body=await _read_body(receive),
            source_ip=(scope.get("client") or ("127.0.0.1",))[0],
        )
        answer = await anyio.to_thread.run_sync(self._gateway.answer, request, limiter=self._threads)
        start = {"type": "http.response.start", "status": answer.status, "headers": _encoded(answer)}
        if isinstance(answer.body, bytes):
            await send(start)
            await send({"type": "http.response.body", "body": answer.body})
        else:
            await self._send_stream(start, answer.body, send)

    async def _send_stream(self, start: dict[str, Any], body: BodyStream, send: Send) -> None:
        """Send pieces as they come; a failure among them breaks the connection off, as it does on AWS."""
        try:
            await send(start)
            while piece := await anyio.to_thread.run_sync(next, body, b"", limiter=self._threads):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        finally:
            body.close()
        await send({"type": "http.response.body", "body": b""})


class BrokenOffInOneLine(logging.Filter):
    """For a server's log: an answer that broke off is a function's failure, of which no trace tells more."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep every record, one of such an answer in one line."""
        failure = record.exc_info[1] if record.exc_info else None
        if isinstance(failure, FunctionCrashError | FunctionTimeoutError):
            record.msg, record.args, record.exc_info = f"{BROKEN_OFF}: {failure!r}", (), None
        return True


async def _read_body(receive: Receive) -> bytes:
    """The body, read no further than what shows that it is too large."""
    body = bytearray()
    more = True
    while more and len(body) <= MAX_BODY_BYTES:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body)


def _encoded(answer: HttpAnswer) -> list[tuple[bytes, bytes]]:
    headers = [
        (name.encode("latin-1"), value.encode("latin-1"))
        for name, value in answer.headers
        if name.lower() != "content-length"
    ]
    if isinstance(answer.body, bytes):
        headers.append((b"content-length", str(len(answer.body)).encode()))
    return headers


class GatewayTransport(httpx.BaseTransport):
    """Hands an httpx client's requests to a gateway without a socket."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The gateway's answer."""
        answer = self._gateway.answer(
            HttpRequest(
                method=request.method,
                path=request.url.raw_path.decode("ascii").partition("?")[0],
                query=request.url.query.decode("ascii"),
                headers=tuple(request.headers.multi_items()),
                body=request.read(),
            )
        )
        if isinstance(answer.body, bytes):
            return httpx.Response(answer.status, headers=list(answer.headers), content=answer.body)
        return httpx.Response(answer.status, headers=list(answer.headers), stream=_Stream(answer.body))


class _Stream(httpx.SyncByteStream):
    """A streamed body; httpx closes it when its reader is done with it."""

    def __init__(self, body: BodyStream) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        """The pieces. Raises httpx.RemoteProtocolError where they break off."""
        try:
            yield from self._body
        except (FunctionCrashError, FunctionTimeoutError) as error:
            raise httpx.RemoteProtocolError("incomplete read") from error

    def close(self) -> None:
        """Read no further."""
        self._body.close()

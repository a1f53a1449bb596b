"""The gateway as an ASGI application, and as a transport of httpx."""

import asyncio
import contextlib
from collections.abc import Iterator

import httpx
from anyio import CapacityLimiter, to_thread
from starlette.types import Receive, Scope, Send

from local.environments import MAX_ENVIRONMENTS_PER_FUNCTION, FunctionCrashError, FunctionTimeoutError
from local.gateway import MAX_BODY_BYTES, Gateway
from local.proxy_events import BodyStream, HttpRequest, HttpResponse
from local.websocket_api import WebSocketApi


class GatewayApp:
    """The gateway as an ASGI application, with the WebSocket API at its path."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._websockets = WebSocketApi(gateway)
        self._threads = CapacityLimiter(2 * MAX_ENVIRONMENTS_PER_FUNCTION)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to one HTTP request. A failure amid a stream breaks the connection off, as on AWS."""
        # uvicorn cancels what still runs some time after Ctrl-C.
        with contextlib.suppress(asyncio.CancelledError):
            if scope["type"] == "websocket":
                await self._websockets.serve(scope, receive, send)
            elif self._websockets.manages(scope):
                await self._websockets.manage(scope, receive, send)
            else:
                await self._respond(scope, receive, send)

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = HttpRequest(
            scope["method"],
            scope["raw_path"].decode("latin-1").partition("?")[0],
            scope["query_string"].decode("latin-1"),
            tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]),
            await _read_body(receive),
            source_ip=(scope.get("client") or ("127.0.0.1",))[0],
        )
        response = await to_thread.run_sync(
            self._gateway.respond, request, limiter=self._threads, abandon_on_cancel=True
        )
        pieces = iter([response.body]) if isinstance(response.body, bytes) else response.body
        try:
            head = {"status": response.status, "headers": _encoded(response)}
            await send({"type": "http.response.start", **head})
            while piece := await to_thread.run_sync(next, pieces, b"", limiter=self._threads):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        finally:
            if isinstance(response.body, BodyStream):
                response.body.close()
        await send({"type": "http.response.body", "body": b""})


async def _read_body(receive: Receive) -> bytes:
    """The body, read no further than what shows that it is too large."""
    body, more = bytearray(), True
    while more and len(body) <= MAX_BODY_BYTES:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body)


def _encoded(response: HttpResponse) -> list[tuple[bytes, bytes]]:
    headers = [pair for pair in response.headers if pair[0].lower() != "content-length"]
    if isinstance(response.body, bytes):
        headers.append(("content-length", str(len(response.body))))
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


class GatewayTransport(httpx.BaseTransport):
    """Hands the requests of an httpx client to a gateway, without a socket."""

    def __init__(self, gateway: Gateway, source_ip: str = "127.0.0.1") -> None:
        self._gateway = gateway
        self._source_ip = source_ip

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The gateway's response."""
        path, _, query = request.url.raw_path.decode("ascii").partition("?")
        headers = tuple(request.headers.multi_items())
        came = HttpRequest(request.method, path, query, headers, request.read(), source_ip=self._source_ip)
        response = self._gateway.respond(came)
        body = response.body
        stream = httpx.ByteStream(body) if isinstance(body, bytes) else _Stream(body)
        return httpx.Response(response.status, headers=list(response.headers), stream=stream)


class _Stream(httpx.SyncByteStream):
    """A streamed body; httpx closes it when its reader has finished."""

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

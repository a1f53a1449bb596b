"""A stand-in for the WebSocket API of API Gateway, at one path of the local gateway's port.

It enforces AWS's limits. Sources:
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
and https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
"""

import asyncio
import base64
import contextlib
import json
import secrets
import sys
import time
import traceback
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.protocols.websockets.wsproto_impl import FrameTooLargeError, WebsocketBuffer, WSProtocol
from wsproto.events import BytesMessage, TextMessage

from local.environments import (
    MAX_ENVIRONMENTS_PER_FUNCTION,
    FunctionCrashError,
    FunctionTimeoutError,
    IntegrationTimeoutError,
    TooManyEnvironmentsError,
)
from local.gateway import Gateway
from local.proxy_events import ACCOUNT_ID
from local.template import DEFAULT_INTEGRATION_TIMEOUT_MS, WEBSOCKET_PATH

MAX_FRAME_BYTES: Final = 32 * 1024
MAX_MESSAGE_BYTES: Final = 128 * 1024
IDLE_SECONDS: Final = 600.0
CONNECTION_SECONDS: Final = 7200.0

_CONNECTIONS: Final = f"{WEBSOCKET_PATH}/@connections/"
_GOING_AWAY, _BINARY_DATA = 1001, 1003
_CLOSED: Final = (WebSocketDisconnect, RuntimeError)
"""What Starlette raises where a message is sent to a client that has gone."""


class _Buffer(WebsocketBuffer):
    """The frames of a message, each of a bounded size; uvicorn closes with 1009 where one is larger."""

    def __init__(self) -> None:
        super().__init__(MAX_MESSAGE_BYTES)
        self._frame_bytes = 0

    def extend(self, event: TextMessage | BytesMessage) -> None:
        """Raises FrameTooLargeError."""
        self._frame_bytes += len(event.data.encode() if isinstance(event, TextMessage) else event.data)
        if self._frame_bytes > MAX_FRAME_BYTES:
            raise FrameTooLargeError
        if event.frame_finished:
            self._frame_bytes = 0
        super().extend(event)


class WebSocketProtocol(WSProtocol):
    """What uvicorn speaks with a client: to be given to its configuration as ``ws``."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.buffer = _Buffer()


WEBSOCKET_OPTIONS: Final[Mapping[str, Any]] = {
    "ws": WebSocketProtocol,
    # API Gateway neither compresses nor sends pings.
    "ws_per_message_deflate": False,
    "ws_ping_interval": None,
}
"""The configuration of uvicorn under which the limits hold."""


@dataclass(eq=False, slots=True)
class _Connection:
    socket: WebSocket
    # API Gateway's ids have a character too that has to be quoted in a URL.
    id: str = field(default_factory=lambda: base64.urlsafe_b64encode(secrets.token_bytes(11)).decode())
    connected_at: float = field(default_factory=time.time)
    active_at: float = field(default_factory=time.time)

    @property
    def source_ip(self) -> str:
        return self.socket.client.host if self.socket.client else "127.0.0.1"


class WebSocketApi:
    """The connections of clients, and the function that gets their messages."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._connections: dict[str, _Connection] = {}
        self._threads = CapacityLimiter(MAX_ENVIRONMENTS_PER_FUNCTION)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection until it ends."""
        socket = WebSocket(scope, receive, send)
        if scope["path"].rstrip("/") != WEBSOCKET_PATH:
            await socket.close()
            return
        await socket.accept()
        connection = _Connection(socket)
        async with asyncio.TaskGroup() as handling:
            self._connections[connection.id] = connection
            try:
                await self._read(connection, handling)
            finally:
                del self._connections[connection.id]

    def manages(self, scope: Scope) -> bool:
        """Whether a request is one of the functions to ``@connections``."""
        return bool(scope["path"].startswith(_CONNECTIONS))

    async def manage(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve PostToConnection, GetConnection or DeleteConnection."""
        request = Request(scope, receive)
        connection = self._connections.get(unquote(scope["path"].removeprefix(_CONNECTIONS)))
        gone = _refusal(410, "GoneException")
        try:
            response = await _manage(connection, request.method, await request.body()) if connection else gone
        except _CLOSED:
            response = gone
        await response(scope, receive, send)

    async def _read(self, connection: _Connection, handling: asyncio.TaskGroup) -> None:
        ends_at = connection.connected_at + CONNECTION_SECONDS
        while (left := min(ends_at, connection.active_at + IDLE_SECONDS) - time.time()) > 0:
            try:
                message = await asyncio.wait_for(connection.socket.receive(), left)
            except TimeoutError:
                continue
            if message["type"] == "websocket.disconnect":
                return
            if message.get("text") is None:
                await connection.socket.close(_BINARY_DATA)
                return
            connection.active_at = time.time()
            handling.create_task(self._handle(connection, message["text"]))
        await connection.socket.close(_GOING_AWAY)

    async def _handle(self, connection: _Connection, text: str) -> None:
        """Call the function; where it fails, the client gets API Gateway's own message."""
        event = _message_event(connection, text)
        try:
            await to_thread.run_sync(self._invoke, event, limiter=self._threads, abandon_on_cancel=True)
        except IntegrationTimeoutError:
            problem = "Endpoint request timed out"
        except (FunctionCrashError, FunctionTimeoutError, TooManyEnvironmentsError):
            traceback.print_exc(file=sys.stderr)
            problem = "Internal server error"
        else:
            return
        refusal = {"message": problem, "connectionId": connection.id}
        with contextlib.suppress(*_CLOSED):
            await _send(connection, json.dumps(refusal | {"requestId": event["requestContext"]["requestId"]}))

    def _invoke(self, event: dict[str, Any]) -> None:
        seconds = DEFAULT_INTEGRATION_TIMEOUT_MS / 1000
        self._gateway.invoke(self._gateway.websocket_function, event, wait_seconds=seconds)


async def _manage(connection: _Connection, method: str, body: bytes) -> Response:
    match method:
        case "POST" if len(body) > MAX_MESSAGE_BYTES:
            return _refusal(413, "PayloadTooLargeException")
        case "POST":
            await _send(connection, body.decode())
            return Response()
        case "DELETE":
            await connection.socket.close(_GOING_AWAY)
            return Response(status_code=204)
    times = {"connectedAt": connection.connected_at, "lastActiveAt": connection.active_at}
    identity = {"sourceIp": connection.source_ip, "userAgent": connection.socket.headers.get("user-agent")}
    return JSONResponse({name: _iso(value) for name, value in times.items()} | {"identity": identity})


async def _send(connection: _Connection, text: str) -> None:
    connection.active_at = time.time()
    await connection.socket.send_text(text)


def _refusal(status: int, kind: str) -> Response:
    return JSONResponse({"message": kind}, status, {"x-amzn-ErrorType": kind})


def _iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _message_event(connection: _Connection, text: str) -> dict[str, Any]:
    now, request_id = time.time(), str(uuid.uuid4())
    return {
        "requestContext": {
            "accountId": ACCOUNT_ID,
            "apiId": "local",
            "connectedAt": int(connection.connected_at * 1000),
            "connectionId": connection.id,
            "domainName": connection.socket.headers.get("host"),
            "eventType": "MESSAGE",
            "extendedRequestId": request_id,
            "identity": {"sourceIp": connection.source_ip},
            "messageDirection": "IN",
            "messageId": str(uuid.uuid4()),
            "requestId": request_id,
            "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "requestTimeEpoch": int(now * 1000),
            "routeKey": "$default",
            "stage": "v1",
        },
        "body": text,
        "isBase64Encoded": False,
    }

"""The stand-in for WebSocket APIs keeps what clients and functions are promised by AWS."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from local import websocket_api
from local.environments import FunctionCrashError, IntegrationTimeoutError
from local.websocket_api import MAX_FRAME_BYTES, MAX_MESSAGE_BYTES
from tests.functions.served_gateway import served

KB = 1024


@dataclass
class FakeGateway:
    """A gateway whose function keeps its events, and fails with `error`."""

    websocket_function: str = "SocketFunction"
    error: Exception | None = None
    events: list[dict[str, Any]] = field(default_factory=list)
    has_event: threading.Event = field(default_factory=threading.Event)

    def invoke(self, function_id: str, event: dict[str, Any], *, wait_seconds: float) -> None:
        assert (function_id, wait_seconds) == (self.websocket_function, 29)
        self.events.append(event)
        self.has_event.set()
        if self.error:
            raise self.error


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def base_url(gateway: FakeGateway) -> Iterator[str]:
    with served(gateway) as url:
        yield f"{url}/runware/v1"


@pytest.fixture
def client(base_url: str) -> Iterator[ClientConnection]:
    with connect(base_url.replace("http", "ws"), proxy=None, close_timeout=0) as client:
        yield client


@pytest.fixture
def connections(base_url: str) -> Any:
    """What functions send messages with."""
    return boto3.client(
        "apigatewaymanagementapi",
        region_name="us-east-1",
        endpoint_url=base_url,
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )


def connection_id(client: ClientConnection, gateway: FakeGateway) -> str:
    """The id of the client's connection, which a function learns with the first message."""
    client.send("[]")
    assert gateway.has_event.wait(60)
    context = gateway.events[0]["requestContext"]
    assert (context["routeKey"], context["eventType"], context["stage"]) == ("$default", "MESSAGE", "v1")
    connection_id: str = context["connectionId"]
    return connection_id


def close_code(client: ClientConnection) -> int:
    with pytest.raises(ConnectionClosed) as closed:
        client.recv()
    assert closed.value.rcvd
    return closed.value.rcvd.code


def test_a_message_in_frames_reaches_the_function_whole(
    client: ClientConnection, gateway: FakeGateway
) -> None:
    frames = ["a" * MAX_FRAME_BYTES] * 4
    client.send(frames)
    assert gateway.has_event.wait(60)
    assert gateway.events[0]["body"] == "".join(frames)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("a" * (MAX_FRAME_BYTES + 1), 1009),
        (["a" * MAX_FRAME_BYTES] * 4 + ["a"], 1009),
        (b"binary", 1003),
    ],
)
def test_what_api_gateway_does_not_take_closes_the_connection(
    client: ClientConnection, gateway: FakeGateway, message: Any, code: int
) -> None:
    client.send(message)
    assert close_code(client) == code
    assert gateway.events == []


def test_functions_send_to_a_connection_until_it_ends(
    client: ClientConnection, gateway: FakeGateway, connections: Any
) -> None:
    to = {"ConnectionId": connection_id(client, gateway)}
    largest = "a" * MAX_MESSAGE_BYTES
    connections.post_to_connection(**to, Data=largest.encode())
    assert client.recv() == largest
    with pytest.raises(ClientError, match="PayloadTooLarge"):
        connections.post_to_connection(**to, Data=b"a" * (MAX_MESSAGE_BYTES + 1))
    assert connections.get_connection(**to)["Identity"]["SourceIp"] == "127.0.0.1"
    connections.delete_connection(**to)
    assert close_code(client) == 1001
    with pytest.raises(ClientError) as gone:
        connections.post_to_connection(**to, Data=b"late")
    assert gone.value.response["Error"]["Code"] == "GoneException"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (FunctionCrashError("x"), "Internal server error"),
        (IntegrationTimeoutError("x"), "Endpoint request timed out"),
    ],
)
def test_a_failed_function_is_told_in_the_gateways_words(
    client: ClientConnection, gateway: FakeGateway, error: Exception, text: str
) -> None:
    gateway.error = error
    client.send("[]")
    assert json.loads(client.recv())["message"] == text


@pytest.mark.parametrize("limit", ["IDLE_SECONDS", "CONNECTION_SECONDS"])
def test_a_connection_ends_by_itself(base_url: str, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(websocket_api, limit, 0.0)
    with connect(base_url.replace("http", "ws"), proxy=None) as client:
        assert close_code(client) == 1001


def test_another_path_is_refused(base_url: str) -> None:
    with pytest.raises(InvalidStatus), connect(base_url.replace("http", "ws") + "/other", proxy=None):
        pass


def test_no_extension_is_negotiated(client: ClientConnection) -> None:
    assert client.protocol.extensions == []

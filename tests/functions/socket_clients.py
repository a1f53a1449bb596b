"""Clients of the WebSocket API as functions see them: messages come as events, and leave by @connections."""

import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from local.wsgi_server import serving

if TYPE_CHECKING:
    from tests.functions.deployment import Deployment

_NUMBERS = itertools.count()


@dataclass
class ManagementServer:
    """A stand-in for @connections: what each open connection got, and no answer but 410 for the others."""

    url: str = ""
    received: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    failures: int = 0
    """So many calls fail first."""

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        messages = self.received.get(unquote(environ["PATH_INFO"]).rpartition("/")[2])
        if self.failures:
            self.failures -= 1
            start("500 Failed", [("x-amzn-ErrorType", "InternalServerError")])
        elif messages is None:
            start("410 Gone", [("x-amzn-ErrorType", "GoneException")])
        else:
            assert len(body) <= 128 * 1024
            messages.append(json.loads(body))
            start("200 OK", [])
        return [b"{}"]


@contextmanager
def serving_management() -> Iterator[ManagementServer]:
    """A server of @connections."""
    server = ManagementServer()
    with serving(server) as server.url:
        yield server


@dataclass
class SocketClient:
    """A connection of a client, with its key and its session once it has authenticated."""

    api: "Deployment"
    management: ManagementServer
    key: str = ""
    session: str = ""
    id: str = field(default_factory=lambda: f"connection-{next(_NUMBERS)}=")

    def __post_init__(self) -> None:
        self.management.received[self.id] = []

    @property
    def received(self) -> list[dict[str, Any]]:
        """What it got so far."""
        return self.management.received[self.id]

    def send_text(self, text: str) -> list[dict[str, Any]]:
        """Send a message; returns what came in response while the function ran."""
        before = len(self.received)
        context = {"connectionId": self.id, "requestId": "a-request", "routeKey": "$default"}
        event = {"requestContext": context, "body": text, "isBase64Encoded": False}
        self.api.gateway.invoke(self.api.gateway.websocket_function, event)
        return self.received[before:]

    def send(self, *tasks: Any) -> list[dict[str, Any]]:
        """Send tasks; returns what came in response while the function ran."""
        return self.send_text(json.dumps(tasks))

    def authenticate(self, key: str, **fields: str) -> str:
        """The session of the connection."""
        first, *_ = self.send({"taskType": "authentication", "apiKey": key, **fields})
        (answer,) = first["data"]
        assert answer.keys() == {"taskType", "connectionSessionUUID"}
        self.key, self.session = key, answer["connectionSessionUUID"]
        return self.session

    def resumed(self) -> "SocketClient":
        """A new connection of the session."""
        again = SocketClient(self.api, self.management)
        assert again.authenticate(self.key, connectionSessionUUID=self.session) == self.session
        return again

    def results(self) -> list[dict[str, Any]]:
        """The results that came since it authenticated, each in a message of its own."""
        return results_of(self.received[1:])

    def disconnect(self) -> None:
        del self.management.received[self.id]


def results_of(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The results of messages that have one each."""
    assert all(message.keys() == {"data"} and len(message["data"]) == 1 for message in messages)
    return [message["data"][0] for message in messages]

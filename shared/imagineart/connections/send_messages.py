"""Messages to connections, through API Gateway's management API.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from imagineart.aws import AwsCallError, AwsClients, translated_errors
from imagineart.connections.model import Session


class ConnectionGoneError(Exception):
    """The connection has ended."""


@dataclass(frozen=True, slots=True)
class ManagementApi:
    """The management API of a WebSocket API, by the URL that clients connect to."""

    clients: AwsClients
    url: str

    def send(self, connection_id: str, message: str) -> None:
        """Send a message of at most `MAX_MESSAGE_BYTES`. Raises ConnectionGoneError, AwsCallError."""
        # wss becomes https, and ws, which a stand-in has, http.
        endpoint_url = self.url.replace("ws", "http", 1)
        client = self.clients.client("apigatewaymanagementapi", endpoint_url=endpoint_url)
        try:
            with translated_errors("apigatewaymanagementapi PostToConnection"):
                client.post_to_connection(ConnectionId=connection_id, Data=message.encode())
        except AwsCallError as error:
            if error.aws_code == "GoneException":
                raise ConnectionGoneError(connection_id) from error
            raise


class Sessions(Protocol):
    """The sessions. See `ConnectionStore` for what each method does."""

    def find_session(self, session_id: str) -> Session | None: ...

    def keep_undelivered(self, session: Session, job_id: str) -> bool: ...


class Sender(Protocol):
    """What sends a message to a connection. See `ManagementApi.send`."""

    def send(self, connection_id: str, message: str) -> None: ...


@dataclass(frozen=True, slots=True)
class SendMessages:
    """Sends to the connection that a session has by now."""

    sessions: Sessions
    sender: Sender

    def send_results(self, session_id: str, job_id: str, messages: Sequence[str]) -> bool:
        """Send all messages about a job; False where it is noted in the session instead. Raises AwsCallError.

        Where a connection ends amid the messages, those that it got come again when the session is resumed.
        Nothing is sent to a session that has expired.
        """
        while session := self.sessions.find_session(session_id):
            try:
                for message in messages:
                    self.sender.send(session.connection_id, message)
                return True
            except ConnectionGoneError:
                if self.sessions.keep_undelivered(session, job_id):
                    return False
        return True

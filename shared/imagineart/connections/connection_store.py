"""Connections and sessions in DynamoDB, an item each, which end by themselves."""

from dataclasses import dataclass

from imagineart.connections.model import CONNECTION_SECONDS, RESUME_SECONDS, Connection, Session
from imagineart.dynamodb import ConditionFailed, DynamoDbTable, Item, number, read_item, text, texts


@dataclass(frozen=True, slots=True)
class ConnectionStore:
    """The connections of all consumers. Every method raises AwsCallError."""

    table: DynamoDbTable

    def add(self, connection: Connection, *, now: float) -> Session | None:
        """Keep a connection, which becomes that of its session; the session as it was.

        None where the session is another consumer's, and then nothing is kept.
        """
        ends_at = number(int(now) + CONNECTION_SECONDS + RESUME_SECONDS)
        updated = self.table.update(
            _session_key(connection.session_id),
            "SET consumer_id = :consumer, connection_id = :connection, expires_at = :end",
            ConditionExpression="attribute_not_exists(id) OR consumer_id = :consumer",
            ExpressionAttributeValues={
                ":consumer": text(connection.consumer_id),
                ":connection": text(connection.id),
                ":end": ends_at,
            },
        )
        if isinstance(updated, ConditionFailed):
            return None
        item = {
            "consumer_id": text(connection.consumer_id),
            "token_id": text(connection.token_id),
            "session_id": text(connection.session_id),
            "expires_at": ends_at,
        }
        self.table.put(_connection_key(connection.id), item)
        return read_item(updated, _session_from_item)

    def find(self, connection_id: str) -> Connection | None:
        """The connection, or None where it has not authenticated."""
        item = self.table.get(_connection_key(connection_id))
        return read_item(item, _connection_from_item) if item else None

    def find_session(self, session_id: str) -> Session | None:
        """The session, or None."""
        item = self.table.get(_session_key(session_id))
        return read_item(item, _session_from_item) if item else None

    def keep_undelivered(self, session: Session, job_id: str) -> bool:
        """Note a job for when the session is resumed; False where it was, since `session` was read."""
        updated = self.table.update(
            _session_key(session.id),
            "ADD undelivered :job",
            ConditionExpression="connection_id = :connection",
            ExpressionAttributeValues={
                ":job": texts(frozenset({job_id})),
                ":connection": text(session.connection_id),
            },
        )
        return not isinstance(updated, ConditionFailed)

    def forget_undelivered(self, session_id: str, job_ids: frozenset[str]) -> None:
        """Forget jobs that were noted, of which there is at least one."""
        self.table.update(
            _session_key(session_id),
            "DELETE undelivered :jobs",
            ConditionExpression="attribute_exists(id)",
            ExpressionAttributeValues={":jobs": texts(job_ids)},
        )

    def erase(self, consumer_id: str) -> None:
        """Forget the connections and sessions of a consumer."""
        self.table.delete_where("consumer_id", consumer_id, key="id")


def _connection_key(connection_id: str) -> Item:
    return {"id": text(f"connection#{connection_id}")}


def _session_key(session_id: str) -> Item:
    return {"id": text(f"session#{session_id}")}


def _connection_from_item(item: Item) -> Connection:
    return Connection(
        item["id"]["S"].partition("#")[2],
        item["consumer_id"]["S"],
        item["token_id"]["S"],
        item["session_id"]["S"],
    )


def _session_from_item(item: Item) -> Session:
    return Session(
        item["id"]["S"].partition("#")[2],
        item["consumer_id"]["S"],
        item["connection_id"]["S"],
        frozenset(item.get("undelivered", {"SS": []})["SS"]),
    )

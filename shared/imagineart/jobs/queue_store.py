"""Which jobs of a consumer are in the queue, in one item of the jobs' table for each consumer.

``in_flight`` is the set of the jobs of which a message is in the queue or at a worker; ``last_sent`` is the
largest id of all that were sent, and ``last_accepted`` of all that were accepted. No job waits where both are
the same, except those in the set ``late``, which have smaller ids.
"""

from dataclasses import dataclass

from imagineart.dynamodb import ConditionFailed, DynamoDbTable, Item, number, read_item, text, texts
from imagineart.jobs.model import JobKey, JobQueue


@dataclass(frozen=True, slots=True)
class QueueStore:
    """The places of consumers in the queue. Every method raises AwsCallError."""

    table: DynamoDbTable

    def find(self, consumer_id: str) -> JobQueue:
        """What the consumer has in the queue."""
        item = self.table.get(_key(consumer_id))
        return read_item(item, _queue_from_item) if item else JobQueue()

    def enter(self, key: JobKey, *, limit: int) -> bool:
        """Take one of the `limit` places for a new job; False where none is free, or another job waits."""
        updated = self.table.update(
            _key(key.consumer_id),
            "ADD in_flight :ids SET last_sent = :id, last_accepted = :id",
            ConditionExpression=(
                "(attribute_not_exists(last_accepted) "
                "OR (last_accepted = last_sent AND last_accepted < :id)) "
                "AND (attribute_not_exists(in_flight) OR size(in_flight) < :limit)"
            ),
            ExpressionAttributeValues=_values(key) | {":limit": number(limit)},
        )
        if not isinstance(updated, ConditionFailed):
            return True
        if updated.item and key.id in read_item(updated.item, _queue_from_item).in_flight:
            # The response to the first call was lost.
            return True
        self.table.update(
            _key(key.consumer_id),
            "SET last_accepted = :id",
            ConditionExpression="last_accepted < :id",
            ExpressionAttributeValues={":id": text(key.id)},
        )
        return False

    def note_late(self, key: JobKey) -> None:
        """Note that a job waits though a later one was sent, unless it has a place."""
        self.table.update(
            _key(key.consumer_id),
            "ADD late :ids",
            ConditionExpression="attribute_not_exists(in_flight) OR NOT contains(in_flight, :id)",
            ExpressionAttributeValues=_values(key),
        )

    def take_place(self, key: JobKey, *, limit: int, is_newest: bool) -> bool:
        """Take one of the `limit` places for a job; False where none is free, or the job has one.

        `is_newest` says that no later job was sent before.
        """
        room = (
            "attribute_not_exists(in_flight) OR (size(in_flight) < :limit AND NOT contains(in_flight, :id))"
        )
        order = " AND (attribute_not_exists(last_sent) OR last_sent < :id)" if is_newest else ""
        updated = self.table.update(
            _key(key.consumer_id),
            f"ADD in_flight :ids DELETE late :ids{' SET last_sent = :id' if is_newest else ''}",
            ConditionExpression=f"({room}){order}",
            ExpressionAttributeValues=_values(key) | {":limit": number(limit)},
        )
        return not isinstance(updated, ConditionFailed)

    def release_place(self, key: JobKey) -> bool:
        """Give back the place of a job, if it has one; False where no other job of its consumer waits."""
        updated = self.table.update(
            _key(key.consumer_id),
            "DELETE in_flight :ids",
            ConditionExpression="contains(in_flight, :id)",
            ExpressionAttributeValues=_values(key),
        )
        item = updated.item if isinstance(updated, ConditionFailed) else updated
        return item is None or "late" in item or item.get("last_accepted") != item.get("last_sent")


def _key(consumer_id: str) -> Item:
    return {"consumer_id": text(consumer_id), "id": text("in_flight")}


def _values(key: JobKey) -> Item:
    return {":ids": texts(frozenset({key.id})), ":id": text(key.id)}


def _queue_from_item(item: Item) -> JobQueue:
    in_flight, late = (frozenset(item.get(name, {"SS": []})["SS"]) for name in ("in_flight", "late"))
    return JobQueue(in_flight, item.get("last_sent", {"S": ""})["S"], late)

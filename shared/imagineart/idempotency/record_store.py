"""Which idempotency keys are claimed or completed, in DynamoDB.

The items are those of Powertools' DynamoDBPersistenceLayer: id, status (INPROGRESS or COMPLETED), expiration
(Unix seconds), in_progress_expiration (milliseconds), validation (the request's fingerprint) and data (JSON:
headers, storage_key); and also attempt, on which every write but the first is conditional. Source:
https://docs.powertools.aws.dev/lambda/python/latest/utilities/idempotency/
"""

import json
from dataclasses import dataclass
from typing import Final

from imagineart.dynamodb import ConditionFailed, DynamoDbTable, Item, number, read_item, text
from imagineart.idempotency.model import KEPT_SECONDS, Claim, Record

_IN_PROGRESS: Final = "INPROGRESS"
_COMPLETED: Final = "COMPLETED"
_IS_FREE: Final = (
    "attribute_not_exists(id) OR expiration < :now "
    "OR (#status = :in_progress AND in_progress_expiration < :now_ms)"
)


@dataclass(frozen=True, slots=True)
class RecordStore:
    """The records of keys; every change is atomic. Every method raises AwsCallError."""

    table: DynamoDbTable

    def claim(self, claim: Claim, *, now: float) -> Record | None:
        """Claim the key; None where it was free, else the record that has it."""
        failed = self.table.put(
            _key(claim.record_id),
            {
                "status": text(_IN_PROGRESS),
                "expiration": number(int(now) + KEPT_SECONDS),
                "in_progress_expiration": number(int(claim.lease_ends_at * 1000)),
                "validation": text(claim.fingerprint),
                "attempt": text(claim.attempt),
            },
            ConditionExpression=_IS_FREE,
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={
                ":now": number(int(now)),
                ":now_ms": number(int(now * 1000)),
                ":in_progress": text(_IN_PROGRESS),
            },
        )
        # A call that was sent again after its response was lost finds its own first copy.
        if failed is None or (failed.item and failed.item.get("attempt") == text(claim.attempt)):
            return None
        # A record that was deleted meanwhile is not found by the next look either, which claims the key.
        return read_item(failed.item, _record_from_item) if failed.item else Record(claim.fingerprint)

    def find(self, record_id: str, *, now: float) -> Record | None:
        """The record, or None where the key is free, as it is after a lease that ended."""
        item = self.table.get(_key(record_id))
        if item is None or read_item(item, lambda item: _is_over(item, now)):
            return None
        return read_item(item, _record_from_item)

    def complete(self, claim: Claim, record: Record, *, now: float) -> bool:
        """Keep the record of the attempt that has the claim; False where it has lost the claim."""
        data = json.dumps({"headers": dict(record.headers or {}), "storage_key": record.storage_key})
        updated = self.table.update(
            _key(claim.record_id),
            "SET #status = :completed, #data = :data, expiration = :expiration",
            ConditionExpression="attempt = :attempt",
            ExpressionAttributeNames={"#status": "status", "#data": "data"},
            ExpressionAttributeValues={
                ":attempt": text(claim.attempt),
                ":completed": text(_COMPLETED),
                ":data": text(data),
                ":expiration": number(int(now) + KEPT_SECONDS),
            },
        )
        return not isinstance(updated, ConditionFailed)

    def release(self, claim: Claim) -> None:
        """Free the key, if this attempt still has the claim and has not completed it."""
        self.table.delete(
            _key(claim.record_id),
            ConditionExpression="attempt = :attempt AND #status = :in_progress",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":attempt": text(claim.attempt), ":in_progress": text(_IN_PROGRESS)},
        )

    def forget(self, record_id: str, record: Record) -> None:
        """Free the key of a response that is gone."""
        self.table.delete(
            _key(record_id),
            ConditionExpression="contains(#data, :storage_key)",
            ExpressionAttributeNames={"#data": "data"},
            ExpressionAttributeValues={":storage_key": text(record.storage_key or "")},
        )


def _key(record_id: str) -> Item:
    return {"id": text(record_id)}


def _is_over(item: Item, now: float) -> bool:
    if int(item["expiration"]["N"]) < int(now):
        return True
    in_progress = item["status"]["S"] == _IN_PROGRESS
    return in_progress and int(item["in_progress_expiration"]["N"]) < int(now * 1000)


def _record_from_item(item: Item) -> Record:
    if item["status"]["S"] != _COMPLETED:
        return Record(item["validation"]["S"])
    data = json.loads(item["data"]["S"])
    return Record(item["validation"]["S"], data["headers"], data["storage_key"])

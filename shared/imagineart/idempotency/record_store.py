"""Which idempotency keys have been claimed or answered, in DynamoDB.

The items are those of Powertools' DynamoDBPersistenceLayer: id, status (INPROGRESS or COMPLETED), expiration
(Unix seconds), in_progress_expiration (milliseconds), validation (the request's fingerprint) and data (JSON:
headers, storage_key); and beside them attempt, on which every write but the first is conditional. Source:
https://docs.powertools.aws.dev/lambda/python/latest/utilities/idempotency/
"""

import json
from dataclasses import dataclass
from typing import Final

from imagineart.dynamodb import ConditionFailed, DynamoDbTable, Item, number, read_item, text
from imagineart.idempotency.model import KEPT_SECONDS, AnswerRecord, Claim

_IN_PROGRESS: Final = "INPROGRESS"
_COMPLETED: Final = "COMPLETED"
_IS_FREE: Final = (
    "attribute_not_exists(id) OR expiration < :now "
    "OR (#status = :in_progress AND in_progress_expiration < :now_ms)"
)


@dataclass(frozen=True, slots=True)
class DynamoDbAnswerRecords:
    """An AnswerRecords. Every method raises AwsCallError."""

    table: DynamoDbTable

    def claim(self, claim: Claim, *, now: float) -> AnswerRecord | None:
        """Claim the key; None where it was free, else the record that is in the way."""
        written = self.table.write(
            "PutItem",
            Item={
                "id": text(claim.record_id),
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
        if not isinstance(written, ConditionFailed):
            return None
        # Some stand-ins for DynamoDB do not say what stood in the way.
        item = written.item or self.table.get({"id": text(claim.record_id)})
        # A call that was repeated under way finds its own first copy.
        if item and item.get("attempt") == text(claim.attempt):
            return None
        # What was in the way a moment ago and is gone is found by nobody: ask again.
        return read_item(item, _record_from_item) if item else AnswerRecord(claim.fingerprint)

    def find(self, record_id: str, *, now: float) -> AnswerRecord | None:
        """The record, or None where the key is free."""
        item = self.table.get({"id": text(record_id)})
        if item is None or read_item(item, lambda item: _is_over(item, now)):
            return None
        return read_item(item, _record_from_item)

    def complete(self, claim: Claim, answer: AnswerRecord, *, now: float) -> bool:
        """Keep the answer of the attempt that holds the claim; False where it holds it no longer."""
        data = json.dumps({"headers": dict(answer.headers or {}), "storage_key": answer.storage_key})
        written = self.table.write(
            "UpdateItem",
            Key={"id": text(claim.record_id)},
            UpdateExpression="SET #status = :completed, #data = :data, expiration = :expiration",
            ConditionExpression="attempt = :attempt",
            ExpressionAttributeNames={"#status": "status", "#data": "data"},
            ExpressionAttributeValues={
                ":attempt": text(claim.attempt),
                ":completed": text(_COMPLETED),
                ":data": text(data),
                ":expiration": number(int(now) + KEPT_SECONDS),
            },
        )
        return not isinstance(written, ConditionFailed)

    def release(self, claim: Claim) -> None:
        """Free the key, if this attempt still holds the claim."""
        self.table.write(
            "DeleteItem",
            Key={"id": text(claim.record_id)},
            ConditionExpression="attempt = :attempt AND #status = :in_progress",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":attempt": text(claim.attempt), ":in_progress": text(_IN_PROGRESS)},
        )

    def forget(self, record_id: str, answer: AnswerRecord) -> None:
        """Free the key of an answer that can no longer be given."""
        self.table.write(
            "DeleteItem",
            Key={"id": text(record_id)},
            ConditionExpression="contains(#data, :storage_key)",
            ExpressionAttributeNames={"#data": "data"},
            ExpressionAttributeValues={":storage_key": text(answer.storage_key or "")},
        )


def _is_over(item: Item, now: float) -> bool:
    if int(item["expiration"]["N"]) < int(now):
        return True
    in_progress = item["status"]["S"] == _IN_PROGRESS
    return in_progress and int(item["in_progress_expiration"]["N"]) < int(now * 1000)


def _record_from_item(item: Item) -> AnswerRecord:
    if item["status"]["S"] != _COMPLETED:
        return AnswerRecord(item["validation"]["S"])
    data = json.loads(item["data"]["S"])
    return AnswerRecord(item["validation"]["S"], data["headers"], data["storage_key"])

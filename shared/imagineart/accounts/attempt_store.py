"""Counted attempts in the table of accounts, under the keys that `Attempts` makes."""

from dataclasses import dataclass

from imagineart.dynamodb import ConditionFailed, DynamoDbTable, number, text


@dataclass(frozen=True, slots=True)
class AttemptStore:
    """Counters of attempts. Every method raises AwsCallError."""

    table: DynamoDbTable

    def count(self, key: str, *, limit: int, expires_at: int, nonce: str) -> bool:
        """Count an attempt where fewer than `limit` are counted; a repeated call counts once."""
        updated = self.table.update(
            {"key": text(key)},
            "ADD attempts :one SET expires_at = :expires, last_nonce = :nonce",
            ConditionExpression=(
                "attribute_not_exists(attempts) OR (attempts < :limit AND last_nonce <> :nonce)"
            ),
            ExpressionAttributeValues={
                ":one": number(1),
                ":limit": number(limit),
                ":expires": number(expires_at),
                ":nonce": text(nonce),
            },
        )
        if not isinstance(updated, ConditionFailed):
            return True
        return (updated.item or {}).get("last_nonce") == text(nonce)

    def forget(self, key: str) -> None:
        """Delete a counter."""
        self.table.delete({"key": text(key)})

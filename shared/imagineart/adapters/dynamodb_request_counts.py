"""Requests counted per consumer and minute with one atomic DynamoDB update; old windows expire by TTL."""

from dataclasses import dataclass
from typing import Final

from imagineart.adapters.aws_client import AwsClient

_KEPT_SECONDS: Final = 3600


@dataclass(frozen=True, slots=True)
class DynamoDbRequestCounter:
    """A RequestCounter; key ``<consumer id>#<window start>``, attributes ``requests`` and ``expires_at``."""

    client: AwsClient
    table_name: str

    def count(self, consumer_id: str, *, window_start: int) -> int:
        """Count one request; return how many the window holds now. Raises AwsCallError."""
        answer = self.client.call(
            "dynamodb",
            "UpdateItem",
            {
                "TableName": self.table_name,
                "Key": {"key": {"S": f"{consumer_id}#{window_start}"}},
                "UpdateExpression": "SET expires_at = :expiry ADD requests :one",
                "ExpressionAttributeValues": {
                    ":one": {"N": "1"},
                    ":expiry": {"N": str(window_start + _KEPT_SECONDS)},
                },
                "ReturnValues": "UPDATED_NEW",
            },
        )
        return int(answer["Attributes"]["requests"]["N"])

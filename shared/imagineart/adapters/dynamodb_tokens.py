"""Partner tokens and the record of revocations, in DynamoDB, read consistently on every request.

One item a token, key ``token#<id>``: consumer_id, requests_per_minute, digest, pepper_version, created_at,
expires_at, revoked_at (numbers are Unix seconds); a token that expires also has purge_at, when the table's
time to live takes it away. A revocation of a token that another store holds leaves an item with revoked_at
alone. One item a consumer, key ``consumer#<id>``: consumer_id, requests_per_minute. The item
``tokens-configured`` appears with the first token.
"""

from dataclasses import dataclass
from typing import Any, Final

from imagineart.adapters.aws_client import AwsCallError, AwsClient
from imagineart.domain.consumers import Consumer
from imagineart.domain.tokens import StoredToken

Item = dict[str, dict[str, str]]

_CONFIGURED_KEY: Final = "tokens-configured"
_KEPT_AFTER_EXPIRY_SECONDS: Final = 90 * 86_400


@dataclass(frozen=True, slots=True)
class DynamoDbTokenStore:
    """A TokenStore, the Revocations of both stores, and the register of consumers."""

    client: AwsClient
    table_name: str

    def find(self, token_id: str) -> StoredToken | None:
        """The stored token, or None. Raises AwsCallError."""
        item = self._get(f"token#{token_id}")
        return _token_from_item(item) if item and "digest" in item else None

    def has_tokens(self) -> bool:
        """Whether a token was ever added."""
        return self._get(_CONFIGURED_KEY) is not None

    def revoke(self, token_id: str, *, now: int) -> None:
        """End the token; the first time of revocation is kept."""
        self._call(
            "UpdateItem",
            Key=_key(f"token#{token_id}"),
            UpdateExpression="SET revoked_at = if_not_exists(revoked_at, :now)",
            ExpressionAttributeValues={":now": {"N": str(now)}},
        )

    def revoked_at(self, token_id: str) -> int | None:
        """When the token was ended, in Unix seconds, or None."""
        return _optional_number(self._get(f"token#{token_id}") or {}, "revoked_at")

    def add_token(self, token: StoredToken) -> None:
        """Put a new token. Raises AwsCallError, also when the id is taken."""
        self._call("PutItem", Item=_token_to_item(token), ConditionExpression="attribute_not_exists(#k)",
                   ExpressionAttributeNames={"#k": "key"})  # fmt: skip
        self.mark_configured()

    def mark_configured(self) -> None:
        """Remember that tokens exist."""
        self._call("PutItem", Item=_key(_CONFIGURED_KEY))

    def list_tokens(self) -> list[StoredToken]:
        """Every partner token, in no order."""
        return [_token_from_item(item) for item in self._scan("token#") if "digest" in item]

    def add_consumer(self, consumer: Consumer) -> bool:
        """Register a consumer; False where the id is taken already."""
        item = _key(f"consumer#{consumer.id}") | _consumer_to_item(consumer)
        try:
            self._call("PutItem", Item=item, ConditionExpression="attribute_not_exists(#k)",
                       ExpressionAttributeNames={"#k": "key"})  # fmt: skip
        except AwsCallError as error:
            if error.aws_code != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def find_consumer(self, consumer_id: str) -> Consumer | None:
        """The registered consumer, or None."""
        item = self._get(f"consumer#{consumer_id}")
        return _consumer_from_item(item) if item else None

    def list_consumers(self) -> list[Consumer]:
        """Every registered consumer, in no order."""
        return [_consumer_from_item(item) for item in self._scan("consumer#")]

    def _get(self, key: str) -> Item | None:
        item: Item | None = self._call("GetItem", Key=_key(key), ConsistentRead=True).get("Item")
        return item

    def _scan(self, prefix: str) -> list[Item]:
        items: list[Item] = []
        page: dict[str, Any] = {}
        while True:
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]} if page else {}
            page = self._call(
                "Scan",
                ConsistentRead=True,
                FilterExpression="begins_with(#k, :prefix)",
                ExpressionAttributeNames={"#k": "key"},
                ExpressionAttributeValues={":prefix": {"S": prefix}},
                **start,
            )
            items += page["Items"]
            if not page.get("LastEvaluatedKey"):
                return items

    def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return self.client.call("dynamodb", operation, {"TableName": self.table_name, **parameters})


def _key(key: str) -> Item:
    return {"key": {"S": key}}


def _consumer_to_item(consumer: Consumer) -> Item:
    return {
        "consumer_id": {"S": consumer.id},
        "requests_per_minute": {"N": str(consumer.requests_per_minute)},
    }


def _consumer_from_item(item: Item) -> Consumer:
    return Consumer(item["consumer_id"]["S"], int(item["requests_per_minute"]["N"]))


def _token_to_item(token: StoredToken) -> Item:
    purge_at = token.expires_at + _KEPT_AFTER_EXPIRY_SECONDS if token.expires_at else None
    times = {
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "revoked_at": token.revoked_at,
        "purge_at": purge_at,
    }
    return (
        _key(f"token#{token.id}")
        | _consumer_to_item(token.consumer)
        | {"digest": {"S": token.digest}, "pepper_version": {"S": token.pepper_version}}
        | {name: {"N": str(time)} for name, time in times.items() if time is not None}
    )


def _token_from_item(item: Item) -> StoredToken:
    return StoredToken(
        id=item["key"]["S"].removeprefix("token#"),
        consumer=_consumer_from_item(item),
        digest=item["digest"]["S"],
        pepper_version=item["pepper_version"]["S"],
        created_at=int(item["created_at"]["N"]),
        expires_at=_optional_number(item, "expires_at"),
        revoked_at=_optional_number(item, "revoked_at"),
    )


def _optional_number(item: Item, name: str) -> int | None:
    return int(item[name]["N"]) if name in item else None

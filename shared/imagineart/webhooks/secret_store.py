"""Which secrets of a consumer sign its webhooks, in the table of webhooks under the key ``secret``."""

from dataclasses import dataclass

from imagineart.dynamodb import ConditionFailed, DynamoDbTable, Item, number, read_item, text
from imagineart.webhooks.signing import SecretVersion, SigningVersions


@dataclass(frozen=True, slots=True)
class SecretStore:
    """The versions of secrets. Every method raises AwsCallError."""

    table: DynamoDbTable

    def find(self, consumer_id: str) -> SigningVersions | None:
        """The versions of a consumer, or None where its secret was never shown."""
        item = self.table.get(_key(consumer_id))
        return read_item(item, _versions_from_item) if item else None

    def add(self, consumer_id: str, version: SecretVersion) -> bool:
        """Note that a consumer has its first secret; False where it has one already."""
        failed = self.table.put(
            _key(consumer_id),
            {"number": number(version.number), "key_name": text(version.key_name)},
            ConditionExpression="attribute_not_exists(consumer_id)",
        )
        return failed is None

    def replace(self, consumer_id: str, versions: SigningVersions) -> SigningVersions:
        """Let `versions` sign where they follow those that sign now; returns those that sign afterwards."""
        previous = versions.previous
        assert previous is not None
        updated = self.table.update(
            _key(consumer_id),
            "SET #number = :number, key_name = :key, previous_number = :previous, previous_key_name = "
            ":previous_key, previous_ends_at = :ends",
            ConditionExpression="#number = :previous",
            ExpressionAttributeNames={"#number": "number"},
            ExpressionAttributeValues={
                ":number": number(versions.current.number),
                ":key": text(versions.current.key_name),
                ":previous": number(previous.number),
                ":previous_key": text(previous.key_name),
                ":ends": number(versions.previous_ends_at),
            },
        )
        item = updated.item if isinstance(updated, ConditionFailed) else updated
        return read_item(item or {}, _versions_from_item)


def _key(consumer_id: str) -> Item:
    return {"consumer_id": text(consumer_id), "key": text("secret")}


def _versions_from_item(item: Item) -> SigningVersions:
    current = SecretVersion(int(item["number"]["N"]), item["key_name"]["S"])
    if "previous_number" not in item:
        return SigningVersions(current)
    previous = SecretVersion(int(item["previous_number"]["N"]), item["previous_key_name"]["S"])
    return SigningVersions(current, previous, int(item["previous_ends_at"]["N"]))

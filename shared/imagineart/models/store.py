"""The models document in DynamoDB: an item for each version, and one that names the current version.

Items ``version#<number>`` hold document (JSON) and applied_at (Unix seconds). The item ``current`` holds
version and changed_at, and a copy of the document, so that a function reads one item. Version 0 is the
document of the package, of which there is no copy.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from imagineart.dynamodb import ConditionFailed, DynamoDbTable, Item, number, read_item, text

PACKAGED_VERSION: Final = 0
_CURRENT: Final[Item] = {"key": text("current")}
_VERSION_PREFIX: Final = "version#"


@dataclass(frozen=True, slots=True)
class CurrentVersion:
    """The version that holds; `document` is None for the package's."""

    version: int = PACKAGED_VERSION
    document: str | None = None


@dataclass(frozen=True, slots=True)
class AppliedVersion:
    """A version that was applied, in Unix seconds."""

    version: int
    applied_at: int


@dataclass(frozen=True, slots=True)
class ModelStore:
    """Versions of the models document. Every method raises AwsCallError."""

    table: DynamoDbTable

    def current(self) -> CurrentVersion:
        """The version that holds. Raises InternalError where the item was edited into something else."""
        item = self.table.get(_CURRENT)
        return read_item(item, _current_from_item) if item else CurrentVersion()

    def find(self, version: int) -> str | None:
        """The document of a version, or None."""
        item = self.table.get(_key(version))
        return read_item(item, lambda found: found["document"]["S"]) if item else None

    def versions(self) -> Iterator[AppliedVersion]:
        """Every version but the package's, in no order."""
        for item in self.table.pages(
            "scan", ProjectionExpression="#key, applied_at", ExpressionAttributeNames={"#key": "key"}
        ):
            if item["key"]["S"].startswith(_VERSION_PREFIX):
                yield read_item(item, _applied_from_item)

    def add(self, version: int, document: str, *, now: int) -> bool:
        """Keep a new version; False where another document has its number."""
        found = self.table.put(
            _key(version),
            {"document": text(document), "applied_at": number(now)},
            ConditionExpression="attribute_not_exists(#key) OR document = :document",
            ExpressionAttributeNames={"#key": "key"},
            ExpressionAttributeValues={":document": text(document)},
        )
        return found is None

    def move(self, before: CurrentVersion, after: CurrentVersion, *, now: int) -> bool:
        """Let `after` hold in place of `before`; False where another version holds by now."""
        document = {} if after.document is None else {"document": text(after.document)}
        is_first = before == CurrentVersion()
        found = self.table.put(
            _CURRENT,
            {"version": number(after.version), "changed_at": number(now), **document},
            ConditionExpression=f"version = :before{' OR attribute_not_exists(#key)' if is_first else ''}",
            ExpressionAttributeValues={":before": number(before.version)},
            **({"ExpressionAttributeNames": {"#key": "key"}} if is_first else {}),
        )
        # A put that was sent again after its response was lost is refused though it was done.
        return found is None or _holds(found, after)


def _holds(found: ConditionFailed, version: CurrentVersion) -> bool:
    return found.item is not None and read_item(found.item, _current_from_item) == version


def _key(version: int) -> Item:
    return {"key": text(f"{_VERSION_PREFIX}{version}")}


def _current_from_item(item: Item) -> CurrentVersion:
    return CurrentVersion(int(item["version"]["N"]), item["document"]["S"] if "document" in item else None)


def _applied_from_item(item: Item) -> AppliedVersion:
    number_of_version = item["key"]["S"].removeprefix(_VERSION_PREFIX)
    return AppliedVersion(int(number_of_version), int(item["applied_at"]["N"]))

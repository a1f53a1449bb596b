"""What the DynamoDB adapters have in common: items, conditional writes, reads and scans of one table.

Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB.html
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from imagineart.aws import AwsClient
from imagineart.aws import AwsCallError
from imagineart.errors import ImagineArtError, InternalError

Item: TypeAlias = dict[str, dict[str, Any]]

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class ConditionFailed:
    """A write that was not made; `item` is what stood in its way, None where it cannot be known."""

    item: Item | None


@dataclass(frozen=True, slots=True)
class DynamoDbTable:
    """One table. Every method raises AwsCallError."""

    client: AwsClient
    name: str

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """An operation on this table."""
        return self.client.call("dynamodb", operation, {"TableName": self.name, **parameters})

    def get(self, key: Item) -> Item | None:
        """The item, read consistently, or None."""
        item: Item | None = self.call("GetItem", Key=key, ConsistentRead=True).get("Item")
        return item

    def write(self, operation: str, **parameters: Any) -> dict[str, Any] | ConditionFailed:
        """The answer to a write with a condition, or what stood in its way."""
        try:
            return self.call(operation, **parameters, ReturnValuesOnConditionCheckFailure="ALL_OLD")
        except AwsCallError as error:
            if error.aws_code != "ConditionalCheckFailedException":
                raise
            return ConditionFailed(error.answer.get("Item"))

    def pages(self, operation: str, **parameters: Any) -> Iterator[Item]:
        """Every item of a Scan or a Query, read consistently."""
        start: dict[str, Any] = {}
        while True:
            page = self.call(operation, ConsistentRead=True, **parameters, **start)
            yield from page["Items"]
            if not page.get("LastEvaluatedKey"):
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def text(value: str) -> dict[str, str]:
    """A text as DynamoDB spells it."""
    return {"S": value}


def number(value: float) -> dict[str, str]:
    """A number as DynamoDB spells it."""
    return {"N": str(value)}


def texts(values: frozenset[str]) -> dict[str, list[str]]:
    """A set of texts, which must not be empty, as DynamoDB spells it."""
    return {"SS": sorted(values)}


def optional_number(item: Item, name: str) -> int | None:
    """The whole number that an attribute holds, or None where there is none."""
    return int(item[name]["N"]) if name in item else None


def read_item(item: Item, read: Callable[[Item], _Value]) -> _Value:
    """What `read` makes of an item. Raises InternalError where a hand has written something else into it."""
    try:
        return read(item)
    except (ImagineArtError, AttributeError, LookupError, TypeError, ValueError) as error:
        key: Mapping[str, Any] = item.get("key", {})
        raise InternalError(detail=f"the item {key} is malformed: {type(error).__name__} {error}") from error

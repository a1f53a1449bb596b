"""One table of DynamoDB: items, conditional writes, and reads of all pages.

Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB.html
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from imagineart.aws import AwsCallError, AwsClients, translated_errors
from imagineart.errors import ImagineArtError, InternalError

Item: TypeAlias = dict[str, dict[str, Any]]

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class ConditionFailed:
    """A write that was not made because of `item`; None where there is no such item."""

    item: Item | None


@dataclass(frozen=True, slots=True)
class DynamoDbTable:
    """One table. Every method raises AwsCallError.

    boto3 sends a call again where the response is lost, so a write may come twice: each of them has to be
    one that changes nothing the second time.
    """

    clients: AwsClients
    name: str

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """An operation on this table, by boto3's name, such as ``get_item``."""
        with translated_errors(f"dynamodb {operation}"):
            act = getattr(self.clients.client("dynamodb"), operation)
            response: dict[str, Any] = act(TableName=self.name, **parameters)
            return response

    def get(self, key: Item) -> Item | None:
        """The item, read consistently, or None."""
        item: Item | None = self.call("get_item", Key=key, ConsistentRead=True).get("Item")
        return item

    def update(self, key: Item, expression: str, **parameters: Any) -> Item | ConditionFailed:
        """The item after a conditional update, or what the condition found."""
        response = self._write(
            "update_item", key, Key=key, UpdateExpression=expression, ReturnValues="ALL_NEW", **parameters
        )
        return response if isinstance(response, ConditionFailed) else response["Attributes"]

    def put(self, key: Item, item: Item, **parameters: Any) -> ConditionFailed | None:
        """Put an item, which `key` is part of; returns what the condition found where it is not met."""
        response = self._write("put_item", key, Item=key | item, **parameters)
        return response if isinstance(response, ConditionFailed) else None

    def delete(self, key: Item, **parameters: Any) -> None:
        """Delete an item where the condition is met."""
        self._write("delete_item", key, Key=key, **parameters)

    def delete_partition(self, name: str, value: str, *, sort_key: str) -> None:
        """Delete every item whose partition key has a value; `sort_key` is the name of the other key."""
        self._delete_found("query", name, value, (name, sort_key), "KeyConditionExpression")

    def delete_where(self, name: str, value: str, *, key: str) -> None:
        """Delete every item that has a value, found by a scan; `key` is the name of the table's only key."""
        self._delete_found("scan", name, value, (key,), "FilterExpression")

    def _delete_found(self, operation: str, name: str, value: str, key: Sequence[str], clause: str) -> None:
        parameters: dict[str, Any] = {
            clause: f"#{name} = :value",
            "ProjectionExpression": ", ".join(f"#{each}" for each in key),
            "ExpressionAttributeNames": {f"#{each}": each for each in (name, *key)},
            "ExpressionAttributeValues": {":value": text(value)},
        }
        for found in self.pages(operation, **parameters):
            self.delete(found)

    def pages(self, operation: str, *, is_consistent: bool = True, **parameters: Any) -> Iterator[Item]:
        """Every item of a scan or a query, read consistently, which a global index cannot."""
        start: dict[str, Any] = {}
        while True:
            page = self.call(operation, ConsistentRead=is_consistent, **parameters, **start)
            yield from page["Items"]
            if not page.get("LastEvaluatedKey"):
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _write(self, operation: str, key: Item, **parameters: Any) -> dict[str, Any] | ConditionFailed:
        if "ConditionExpression" in parameters:
            parameters["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        try:
            return self.call(operation, **parameters)
        except AwsCallError as error:
            if error.aws_code != "ConditionalCheckFailedException":
                raise
            # Some stand-ins for DynamoDB do not return the item.
            return ConditionFailed(error.response.get("Item") or self.get(key))


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
    """What `read` makes of an item. Raises InternalError where it was edited manually into something else."""
    try:
        return read(item)
    except (ImagineArtError, AttributeError, LookupError, TypeError, ValueError) as error:
        key: Mapping[str, Any] = item.get("key", {})
        raise InternalError(detail=f"the item {key} is malformed: {type(error).__name__} {error}") from error

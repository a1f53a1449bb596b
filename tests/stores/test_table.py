"""What every store relies on: conditional writes that return the item, whole lists, one kind of failure."""

from dataclasses import replace

import pytest

from imagineart.aws import AwsCallError, AwsClients
from imagineart.dynamodb import ConditionFailed, DynamoDbTable
from tests.stores.tables import new_table

KEY = {"key": {"S": "x"}}


@pytest.fixture
def table(aws: AwsClients) -> DynamoDbTable:
    return new_table(aws, "TokensTable")


def test_a_write_whose_condition_is_not_met_returns_the_item_and_changes_nothing(
    table: DynamoDbTable,
) -> None:
    new = {"ConditionExpression": "attribute_not_exists(#key)", "ExpressionAttributeNames": {"#key": "key"}}
    one = {"ExpressionAttributeValues": {":n": {"N": "1"}}}
    assert table.update(KEY, "SET n = :n", ConditionExpression="n = :n", **one) == ConditionFailed(None)
    assert table.put(KEY, {"n": {"N": "1"}}, **new) is None
    item = KEY | {"n": {"N": "1"}}
    assert table.put(KEY, {"n": {"N": "2"}}, **new) == ConditionFailed(item)
    assert table.update(KEY, "SET n = :n", ConditionExpression="n <> :n", **one) == ConditionFailed(item)
    table.delete(KEY, ConditionExpression="n <> :n", **one)
    assert table.get(KEY) == item
    table.delete(KEY, ConditionExpression="n = :n", **one)
    assert table.get(KEY) is None


def test_a_list_longer_than_a_page_is_complete(table: DynamoDbTable) -> None:
    """DynamoDB ends a page at 1 MB."""
    for number in range(6):
        table.put({"key": {"S": str(number)}}, {"note": {"S": "x" * 300_000}})
    assert sorted(item["key"]["S"] for item in table.pages("scan")) == list("012345")


def test_a_missing_table_is_our_own_failure(table: DynamoDbTable) -> None:
    absent = replace(table, name="absent")
    for call in (lambda: absent.get(KEY), lambda: absent.put(KEY, {}), lambda: list(absent.pages("scan"))):
        with pytest.raises(AwsCallError) as caught:
            call()
        assert caught.value.aws_code == "ResourceNotFoundException"

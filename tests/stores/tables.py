"""Tables as the template declares them, in either implementation of DynamoDB."""

from dataclasses import replace
from itertools import count

from imagineart.adapters.aws_client import AwsClient
from imagineart.adapters.aws_signature import Credentials
from imagineart.adapters.dynamodb_table import DynamoDbTable, Item
from imagineart.domain.consumers import Consumer
from imagineart.domain.limits import DAY_SECONDS, MINUTE_SECONDS, Slot, Standing, window_start
from local.template import load_template

REGION = "us-east-1"
CREATED = ("AttributeDefinitions", "KeySchema", "BillingMode")
LOOKS_UNTIL_ACTIVE = 1000
declared_tables = load_template().resources("AWS::DynamoDB::Table")
numbers = count(1)


def client_of(endpoint_url: str) -> AwsClient:
    """A client with connections of its own, as each Lambda environment has them."""
    return AwsClient(REGION, lambda: Credentials("local", "local"), endpoint_url)


def new_table(endpoint_url: str, declared_name: str) -> DynamoDbTable:
    """An empty table with the key of the template's `declared_name`."""
    properties = declared_tables[declared_name]
    table = DynamoDbTable(client_of(endpoint_url), f"{declared_name}-{next(numbers)}")
    table.call("CreateTable", **{name: properties[name] for name in CREATED})
    for _ in range(LOOKS_UNTIL_ACTIVE):
        if table.call("DescribeTable")["Table"]["TableStatus"] == "ACTIVE":
            return table
    raise AssertionError(f"{table.name} did not become active")


def of_another_environment(table: DynamoDbTable) -> DynamoDbTable:
    """The same table over other connections."""
    assert table.client.endpoint_url
    return DynamoDbTable(client_of(table.client.endpoint_url), table.name)


def consumer_item(table: DynamoDbTable, consumer_id: str) -> Item:
    """The item of a consumer that exists."""
    item = table.get({"key": {"S": consumer_id}})
    assert item is not None
    return item


def standing_in(item: Item, now: int) -> Standing:
    """What the item says that the consumer has used."""
    minute = item.get(f"minute_{window_start(now, MINUTE_SECONDS)}", {"N": "0"})
    day = item.get(f"day_{window_start(now, DAY_SECONDS)}", {"N": "0"})
    slots = frozenset(map(Slot.parse, item.get("slots", {"SS": []})["SS"]))
    return Standing(int(minute["N"]), int(day["N"]), slots)


def counters_in(item: Item) -> set[str]:
    """The names of the windows that are counted."""
    return {name for name in item if name.startswith(("minute_", "day_"))}


def with_limits(consumer: Consumer, **limits: int | None) -> Consumer:
    """The consumer with some limits changed."""
    return replace(consumer, limits=replace(consumer.limits, **limits))

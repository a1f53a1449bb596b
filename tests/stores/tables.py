"""Tables as the template declares them, in any implementation of DynamoDB."""

from itertools import count

from imagineart.access.consumer_store import ConsumerStore
from imagineart.access.limits import DAY_SECONDS, MINUTE_SECONDS, Slot, Standing, window_start
from imagineart.aws import AwsClients
from imagineart.dynamodb import DynamoDbTable, Item
from local.template import load_template
from tests.fakes.consumers import InMemoryConsumers

CREATED = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")
LOOKS_UNTIL_ACTIVE = 1000
declared_tables = load_template().resources("AWS::DynamoDB::Table")
numbers = count(1)


def variables_of(endpoint_url: str) -> dict[str, str]:
    """The environment variables of a Lambda environment that uses the stand-in at `endpoint_url`."""
    return {
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_ENDPOINT_URL": endpoint_url,
    }


def new_table(clients: AwsClients, declared_name: str) -> DynamoDbTable:
    """An empty table with the key of the template's `declared_name`."""
    properties = declared_tables[declared_name]
    table = DynamoDbTable(clients, f"{declared_name}-{next(numbers)}")
    table.call("create_table", **{name: properties[name] for name in CREATED if name in properties})
    for _ in range(LOOKS_UNTIL_ACTIVE):
        if table.call("describe_table")["Table"]["TableStatus"] == "ACTIVE":
            return table
    raise AssertionError(f"{table.name} did not become active")


def consumer_item(store: ConsumerStore, consumer_id: str = "acme") -> Item:
    """The item of a consumer that exists."""
    item = store.table.get({"key": {"S": consumer_id}})
    assert item is not None
    return item


def standing_of(store: ConsumerStore | InMemoryConsumers, consumer_id: str, now: int) -> Standing:
    """What a consumer has used."""
    if isinstance(store, InMemoryConsumers):
        return store.standing(consumer_id, now)
    item = consumer_item(store, consumer_id)
    minute = item.get(f"minute_{window_start(now, MINUTE_SECONDS)}", {"N": "0"})
    day = item.get(f"day_{window_start(now, DAY_SECONDS)}", {"N": "0"})
    slots = frozenset(map(Slot.parse, item.get("slots", {"SS": []})["SS"]))
    return Standing(int(minute["N"]), int(day["N"]), slots)

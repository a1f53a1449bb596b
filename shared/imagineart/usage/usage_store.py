"""The account of answered requests in DynamoDB, one item per consumer and day.

Keys consumer_id and day; ``<operation>|<resolution>|<outcome>|<what>`` holds a count, where what is
``images``, ``ms`` (the sum of all durations) or ``d<class>`` (requests of that class of duration).
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from imagineart.dynamodb import DynamoDbTable, Item, number, read_item, text
from imagineart.usage.model import AnsweredRequest, UsageRow, duration_class

KEPT_SECONDS: Final = 400 * 86_400


@dataclass(frozen=True, slots=True)
class DynamoDbUsageLedger:
    """A UsageLedger. Every method raises AwsCallError."""

    table: DynamoDbTable

    def count(self, request: AnsweredRequest) -> None:
        """Add one request."""
        group = f"{request.operation}|{request.resolution}|{request.outcome}"
        counted = {
            f"d{duration_class(request.seconds)}": 1,
            "ms": round(request.seconds * 1000),
            "images": request.images,
        }
        self.table.call(
            "UpdateItem",
            Key={"consumer_id": text(request.consumer_id), "day": text(request.day)},
            UpdateExpression="SET expires_at = :expiry ADD "
            + ", ".join(f"#{what} :{what}" for what in counted),
            ExpressionAttributeNames={f"#{what}": f"{group}|{what}" for what in counted},
            ExpressionAttributeValues={
                ":expiry": number(int(request.answered_at) + KEPT_SECONDS),
                **{f":{what}": number(amount) for what, amount in counted.items()},
            },
        )

    def rows(self, consumer_id: str, *, first_day: str, last_day: str) -> list[UsageRow]:
        """What is counted of a consumer from the first to the last day."""
        items = self.table.pages(
            "Query",
            KeyConditionExpression="consumer_id = :consumer AND #day BETWEEN :first AND :last",
            ExpressionAttributeNames={"#day": "day"},
            ExpressionAttributeValues={
                ":consumer": text(consumer_id),
                ":first": text(first_day),
                ":last": text(last_day),
            },
        )
        return [row for item in items for row in read_item(item, _rows_from_item)]


def _rows_from_item(item: Item) -> list[UsageRow]:
    groups: defaultdict[tuple[str, str, str], dict[str, int]] = defaultdict(dict)
    for name, value in item.items():
        if name.count("|") == 3:
            operation, resolution, outcome, what = name.split("|")
            groups[operation, resolution, outcome][what] = int(value["N"])
    return [
        UsageRow(
            consumer_id=item["consumer_id"]["S"],
            day=item["day"]["S"],
            operation=operation,
            resolution=resolution,
            outcome=outcome,
            images=counts.get("images", 0),
            total_seconds=counts.get("ms", 0) / 1000,
            durations={int(what[1:]): n for what, n in counts.items() if what.startswith("d")},
        )
        for (operation, resolution, outcome), counts in sorted(groups.items())
    ]

"""The usage of every consumer in DynamoDB, one item per consumer, day and Lambda environment.

Keys consumer_id and ``<day>#<environment>``; ``<operation>|<resolution>|<outcome>|<what>`` is a count, where
what is ``images``, ``ms`` (the sum of all durations) or ``d<class>`` (requests of that class of duration).
``last_request`` is the id of the request that was counted last. One environment has one request at a time, so
no other request comes between a call and its repetition after a lost response, and each is counted once.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Final

from imagineart.access.base62 import to_base62
from imagineart.dynamodb import DynamoDbTable, Item, number, read_item, text
from imagineart.images.seeds import RandomBelow
from imagineart.usage.model import FinishedRequest, UsageRow, duration_class

KEPT_SECONDS: Final = 400 * 86_400

_AFTER_EVERY_ENVIRONMENT: Final = "~"
_ENVIRONMENT_BITS: Final = 64
_DAY_CHARACTERS: Final = len("2026-11-21")


@dataclass(slots=True)
class UsageStore:
    """The usage of consumers, counted by one environment. Every method raises AwsCallError."""

    table: DynamoDbTable
    random_below: RandomBelow
    _environment: str = field(default="", init=False)

    def count(self, request: FinishedRequest) -> None:
        """Add one request; a repeated call with the same request counts once."""
        # Drawn at the first request: a snapshot is restored into many environments.
        self._environment = self._environment or to_base62(self.random_below(2**_ENVIRONMENT_BITS), 11)
        group = f"{request.operation}|{request.resolution}|{request.outcome}"
        counted = {
            f"d{duration_class(request.seconds)}": 1,
            "ms": round(request.seconds * 1000),
            "images": request.images,
        }
        self.table.update(
            {"consumer_id": text(request.consumer_id), "day": text(f"{request.day}#{self._environment}")},
            "SET expires_at = :expiry, last_request = :request ADD "
            + ", ".join(f"#{what} :{what}" for what in counted),
            ConditionExpression="attribute_not_exists(last_request) OR last_request <> :request",
            ExpressionAttributeNames={f"#{what}": f"{group}|{what}" for what in counted},
            ExpressionAttributeValues={
                ":expiry": number(int(request.finished_at) + KEPT_SECONDS),
                ":request": text(request.request_id),
                **{f":{what}": number(amount) for what, amount in counted.items()},
            },
        )

    def erase(self, consumer_id: str) -> None:
        """Forget all usage of a consumer."""
        self.table.delete_partition("consumer_id", consumer_id, sort_key="day")

    def rows(self, consumer_id: str, *, first_day: str, last_day: str) -> list[UsageRow]:
        """What is counted of a consumer from the first to the last day (UTC, ISO form)."""
        items = self.table.pages(
            "query",
            KeyConditionExpression="consumer_id = :consumer AND #day BETWEEN :first AND :last",
            ExpressionAttributeNames={"#day": "day"},
            ExpressionAttributeValues={
                ":consumer": text(consumer_id),
                ":first": text(first_day),
                ":last": text(last_day + _AFTER_EVERY_ENVIRONMENT),
            },
        )
        groups: defaultdict[tuple[str, str, str, str], Counter[str]] = defaultdict(Counter)
        for item in items:
            for group, what, count in read_item(item, _counts_in):
                groups[group][what] += count
        return [_row(consumer_id, group, counts) for group, counts in sorted(groups.items())]


def _counts_in(item: Item) -> list[tuple[tuple[str, str, str, str], str, int]]:
    counts = []
    for name, value in item.items():
        if name.count("|") == 3:
            operation, resolution, outcome, what = name.split("|")
            day = item["day"]["S"][:_DAY_CHARACTERS]
            if what not in ("images", "ms"):
                int(what.removeprefix("d"))
            counts.append(((day, operation, resolution, outcome), what, int(value["N"])))
    return counts


def _row(consumer_id: str, group: tuple[str, str, str, str], counts: Counter[str]) -> UsageRow:
    return UsageRow(
        consumer_id,
        *group,
        images=counts["images"],
        total_seconds=counts["ms"] / 1000,
        durations={int(what[1:]): count for what, count in counts.items() if what.startswith("d")},
    )

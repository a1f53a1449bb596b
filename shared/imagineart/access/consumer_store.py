"""Consumers in DynamoDB: their limits and models, and what they have under way, in one item each.

Key ``<consumer id>``; attributes requests_per_minute, concurrent_requests, images_per_day?, models? (a set);
``minute_<start>`` and ``day_<start>`` count requests and images of the window that began then, in Unix
seconds; ``slots`` is the set of slots that are taken. So one conditional update checks every limit and
counts, or does neither, and a change of limits holds from the next request on.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from imagineart.dynamodb import (
    ConditionFailed,
    DynamoDbTable,
    Item,
    number,
    optional_number,
    read_item,
    text,
    texts,
)
from imagineart.access.consumers import Consumer
from imagineart.access.limits import DAY_SECONDS, MINUTE_SECONDS, Limits, Slot, Standing, window_start
from imagineart.domain.ports import Entrance

_EXISTS: Final = "attribute_exists(#key)"
_MINUTE_HAS_ROOM: Final = "(attribute_not_exists(#minute) OR #minute < requests_per_minute)"
_DAY_HAS_ROOM: Final = (
    "(attribute_not_exists(images_per_day) OR attribute_not_exists(#day) OR #day < images_per_day)"
)
# A call that is repeated under way, its first answer lost, must not count twice.
_SLOT_IS_FREE: Final = (
    "(attribute_not_exists(slots) OR (size(slots) < concurrent_requests AND NOT contains(slots, :entering)))"
)
_KEPT_WINDOWS: Final = 2
"""The present window and the one before, in which a clock that lags may still count."""

_FORGOTTEN_AT_ONCE: Final = 50
"""Counters that crashes left behind may be many, and an expression has 4 KB and 300 operators at most.

Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
"""


@dataclass(frozen=True, slots=True)
class DynamoDbConsumers:
    """A ConsumerRegister and a ConsumerLedger. Every method raises AwsCallError."""

    table: DynamoDbTable

    def add_consumer(self, consumer: Consumer) -> bool:
        """Register a consumer; False where the id is taken already."""
        written = self.table.write(
            "PutItem",
            Item=_key(consumer.id) | _consumer_to_item(consumer),
            ConditionExpression="attribute_not_exists(#key)",
            ExpressionAttributeNames={"#key": "key"},
        )
        return not isinstance(written, ConditionFailed)

    def replace_consumer(self, consumer: Consumer) -> bool:
        """Give a consumer other limits and models; what it has used stays. False where there is none."""
        item = _consumer_to_item(consumer)
        absent = {"images_per_day", "models"} - item.keys()
        sets = ", ".join(f"{name} = :{name}" for name in item)
        written = self.table.write(
            "UpdateItem",
            Key=_key(consumer.id),
            UpdateExpression=f"SET {sets}" + (f" REMOVE {', '.join(sorted(absent))}" if absent else ""),
            ConditionExpression=_EXISTS,
            ExpressionAttributeNames={"#key": "key"},
            ExpressionAttributeValues={f":{name}": value for name, value in item.items()},
        )
        return not isinstance(written, ConditionFailed)

    def find_consumer(self, consumer_id: str) -> Consumer | None:
        """The registered consumer, or None."""
        item = self.table.get(_key(consumer_id))
        return read_item(item, _consumer_from_item) if item else None

    def list_consumers(self) -> list[Consumer]:
        """Every registered consumer, in no order."""
        return [read_item(item, _consumer_from_item) for item in self.table.pages("Scan")]

    def enter(
        self, consumer_id: str, *, now: int, slot: Slot | None, counts_request: bool = True
    ) -> Entrance | None:
        """Count one request if every limit leaves room; None where there is no such consumer.

        A second call with the same slot counts nothing and is not let in; it finds its slot in the standing.
        """
        names = {"#key": "key"}
        values: dict[str, Any] = {":one": number(1)}
        conditions, added = [_EXISTS], []
        if counts_request:
            names["#minute"] = _window("minute", now)
            conditions.append(_MINUTE_HAS_ROOM)
            added.append("#minute :one")
        if slot is not None:
            names["#day"] = _window("day", now)
            values |= {":slot": texts(frozenset({str(slot)})), ":entering": text(str(slot))}
            conditions += [_DAY_HAS_ROOM, _SLOT_IS_FREE]
            added += ["#day :one", "slots :slot"]
        written = self.table.write(
            "UpdateItem",
            Key=_key(consumer_id),
            UpdateExpression=f"ADD {', '.join(added)}",
            ConditionExpression=" AND ".join(conditions),
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
            ReturnValues="ALL_NEW",
        )
        return self._read_entrance(consumer_id, written, now)

    def reserve(
        self, consumer_id: str, *, entered_at: int, slot: Slot, more: int, images_per_day: int
    ) -> Entrance | None:
        """Count `more` images if the day leaves room for all; a repeated call may count them twice."""
        written = self.table.write(
            "UpdateItem",
            Key=_key(consumer_id),
            UpdateExpression="ADD #day :more",
            # Conditions cannot add, so the room is told; where the limit was changed meanwhile, it is not.
            ConditionExpression="contains(slots, :slot) AND images_per_day = :limit AND #day <= :room",
            ExpressionAttributeNames={"#day": _window("day", entered_at)},
            ExpressionAttributeValues={
                ":more": number(more),
                ":slot": text(str(slot)),
                ":limit": number(images_per_day),
                ":room": number(images_per_day - more),
            },
            ReturnValues="ALL_NEW",
        )
        return self._read_entrance(consumer_id, written, entered_at)

    def leave(
        self,
        consumer_id: str,
        *,
        entered_at: int,
        slot: Slot | None,
        images: int,
        past_counters: Sequence[str],
        reserved: int = 1,
    ) -> None:
        """Give the slot back, set the day's images right, and forget counters of past windows."""
        names = {f"#past{index}": name for index, name in enumerate(past_counters)}
        removed = f" REMOVE {', '.join(names)}" if names else ""
        if slot is None:
            if removed:
                self.table.write(
                    "UpdateItem",
                    Key=_key(consumer_id),
                    UpdateExpression=removed.lstrip(),
                    ConditionExpression=_EXISTS,
                    ExpressionAttributeNames=names | {"#key": "key"},
                )
            return
        self.table.write(
            "UpdateItem",
            Key=_key(consumer_id),
            UpdateExpression=f"ADD #day :images DELETE slots :slots{removed}",
            # Whoever leaves a second time, as in a call that was repeated under way, has no slot any more.
            ConditionExpression="contains(slots, :slot)",
            ExpressionAttributeNames=names | {"#day": _window("day", entered_at)},
            ExpressionAttributeValues={
                ":images": number(images - reserved),
                ":slot": text(str(slot)),
                ":slots": texts(frozenset({str(slot)})),
            },
        )

    def drop_slots(self, consumer_id: str, slots: Iterable[Slot]) -> None:
        """Forget slots of requests that never left; their images were never seen."""
        self.table.write(
            "UpdateItem",
            Key=_key(consumer_id),
            UpdateExpression="DELETE slots :slots",
            ConditionExpression=_EXISTS,
            ExpressionAttributeNames={"#key": "key"},
            ExpressionAttributeValues={":slots": texts(frozenset(map(str, slots)))},
        )

    def _read_entrance(
        self, consumer_id: str, written: dict[str, Any] | ConditionFailed, now: int
    ) -> Entrance | None:
        if not isinstance(written, ConditionFailed):
            return _entrance(written["Attributes"], now, admitted=True)
        # Some stand-ins for DynamoDB do not say what stood in the way.
        item = written.item or self.table.get(_key(consumer_id))
        return _entrance(item, now, admitted=False) if item else None


def _key(consumer_id: str) -> Item:
    return {"key": text(consumer_id)}


def _window(kind: str, now: int) -> str:
    """The name of the counter of the window that holds `now`."""
    return f"{kind}_{window_start(now, _WINDOW_SECONDS[kind])}"


_WINDOW_SECONDS: Final = {"minute": MINUTE_SECONDS, "day": DAY_SECONDS}


def _entrance(item: Item, now: int, *, admitted: bool) -> Entrance:
    return read_item(
        item,
        lambda item: Entrance(admitted, _consumer_from_item(item), _standing(item, now), _past(item, now)),
    )


def _standing(item: Item, now: int) -> Standing:
    return Standing(
        requests_this_minute=optional_number(item, _window("minute", now)) or 0,
        images_today=optional_number(item, _window("day", now)) or 0,
        slots=frozenset(map(Slot.parse, item.get("slots", {"SS": []})["SS"])),
    )


def _past(item: Item, now: int) -> tuple[str, ...]:
    """Counters of windows that are over for good."""
    past: list[str] = []
    for name in item:
        kind, _, start = name.partition("_")
        if kind in _WINDOW_SECONDS and start.isdigit():
            kept_from = window_start(now, _WINDOW_SECONDS[kind]) - (_KEPT_WINDOWS - 1) * _WINDOW_SECONDS[kind]
            past += [name] if int(start) < kept_from else []
    return tuple(past[:_FORGOTTEN_AT_ONCE])


def _consumer_to_item(consumer: Consumer) -> Item:
    limits = consumer.limits
    day = {} if limits.images_per_day is None else {"images_per_day": number(limits.images_per_day)}
    models = {} if consumer.models is None else {"models": texts(consumer.models)}
    return {
        "requests_per_minute": number(limits.requests_per_minute),
        "concurrent_requests": number(limits.concurrent_requests),
        **day,
        **models,
    }


def _consumer_from_item(item: Item) -> Consumer:
    return Consumer(
        item["key"]["S"],
        Limits(
            int(item["requests_per_minute"]["N"]),
            int(item["concurrent_requests"]["N"]),
            optional_number(item, "images_per_day"),
        ),
        frozenset(item["models"]["SS"]) if "models" in item else None,
    )

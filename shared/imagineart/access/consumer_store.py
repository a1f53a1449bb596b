"""Consumers in DynamoDB: their limits, their models and what they have in progress, in one item each.

Key ``<consumer id>``; attributes requests_per_minute, concurrent_requests, images_per_day?, models? (a set);
``minute_<start>`` and ``day_<start>`` count requests and images of the window that began then, in Unix
seconds; ``slots`` is the set of slots that are taken, ``reserved_<slot>`` the images of a slot that has more
than one, and ``last_entry`` the nonce of the latest request without a slot. One conditional update checks
every limit and counts, or does neither, and a change of limits holds from the next request on.

A call is sent again where its response is lost. So the condition of each update is false once it is made,
and what the condition found then says that it was.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from imagineart.access.consumers import Consumer, Entrance
from imagineart.access.limits import DAY_SECONDS, MINUTE_SECONDS, Limits, Slot, Standing, window_start
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

_EXISTS: Final = "attribute_exists(#key)"
_MINUTE_HAS_ROOM: Final = "(attribute_not_exists(#minute) OR #minute < requests_per_minute)"
_DAY_HAS_ROOM: Final = (
    "(attribute_not_exists(images_per_day) OR attribute_not_exists(#day) OR #day < images_per_day)"
)
_SLOT_IS_FREE: Final = (
    "(attribute_not_exists(slots) OR (size(slots) < concurrent_requests AND NOT contains(slots, :entering)))"
)
_IS_NEW_ENTRY: Final = "(attribute_not_exists(last_entry) OR last_entry <> :entry)"
_WINDOW_SECONDS: Final = {"minute": MINUTE_SECONDS, "day": DAY_SECONDS}
_KEPT_WINDOWS: Final = 2
"""The present window and the one before, in which a clock that lags may still count."""

_CHANGED_AT_ONCE: Final = 50
"""Counters and slots that crashes leave may be many, and an expression has 4 KB and 300 operators at most.

Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
"""


@dataclass(frozen=True, slots=True)
class ConsumerStore:
    """Consumers, their limits and what they use. Every method raises AwsCallError."""

    table: DynamoDbTable

    def add_consumer(self, consumer: Consumer) -> bool:
        """Register a consumer; False where the id is taken already."""
        failed = self.table.put(
            _key(consumer.id),
            _consumer_to_item(consumer),
            ConditionExpression="attribute_not_exists(#key)",
            ExpressionAttributeNames={"#key": "key"},
        )
        return failed is None

    def replace_consumer(self, consumer: Consumer) -> bool:
        """Give a consumer other limits and models; what it has used stays. False where there is none."""
        item = _consumer_to_item(consumer)
        absent = {"images_per_day", "models"} - item.keys()
        sets = ", ".join(f"{name} = :{name}" for name in item)
        updated = self.table.update(
            _key(consumer.id),
            f"SET {sets}" + (f" REMOVE {', '.join(sorted(absent))}" if absent else ""),
            ConditionExpression=_EXISTS,
            ExpressionAttributeNames={"#key": "key"},
            ExpressionAttributeValues={f":{name}": value for name, value in item.items()},
        )
        return not isinstance(updated, ConditionFailed)

    def remove_consumer(self, consumer_id: str) -> None:
        """Forget a consumer; no request of it that is in progress makes it again."""
        self.table.delete(_key(consumer_id))

    def find_consumer(self, consumer_id: str) -> Consumer | None:
        """The registered consumer, or None."""
        item = self.table.get(_key(consumer_id))
        return read_item(item, _consumer_from_item) if item else None

    def list_consumers(self) -> list[Consumer]:
        """Every registered consumer, in no order."""
        return [read_item(item, _consumer_from_item) for item in self.table.pages("scan")]

    def count_request(self, consumer_id: str, *, now: int, nonce: str) -> Entrance | None:
        """Count a request without a slot if the minute leaves room; None for an unknown consumer.

        A repeated call with the same `nonce` counts once, unless another request came in between.
        """
        updated = self.table.update(
            _key(consumer_id),
            "ADD #minute :one SET last_entry = :entry",
            ConditionExpression=f"{_EXISTS} AND {_MINUTE_HAS_ROOM} AND {_IS_NEW_ENTRY}",
            ExpressionAttributeNames={"#key": "key", "#minute": _window("minute", now)},
            ExpressionAttributeValues={":one": number(1), ":entry": text(nonce)},
        )
        return _entrance(updated, now, lambda item: item.get("last_entry") == text(nonce))

    def take_slot(self, consumer_id: str, *, now: int, slot: Slot, counts_request: bool) -> Entrance | None:
        """Take a slot and count an image if every limit leaves room; None for an unknown consumer.

        With `counts_request` the request is counted too. A repeated call with the same slot counts once.
        """
        names, conditions, added = {"#key": "key", "#day": _window("day", now)}, [_EXISTS], ["#day :one"]
        if counts_request:
            names["#minute"] = _window("minute", now)
            conditions.append(_MINUTE_HAS_ROOM)
            added.append("#minute :one")
        updated = self.table.update(
            _key(consumer_id),
            f"ADD {', '.join(added)}, slots :slots",
            ConditionExpression=" AND ".join((*conditions, _DAY_HAS_ROOM, _SLOT_IS_FREE)),
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={
                ":one": number(1),
                ":slots": texts(frozenset({str(slot)})),
                ":entering": text(str(slot)),
            },
        )
        return _entrance(updated, now, lambda item: slot in _slots(item))

    def reserve(
        self, consumer_id: str, *, entered_at: int, slot: Slot, images: int, images_per_day: int
    ) -> Entrance | None:
        """Count `images` for a slot in place of one if the day leaves room; None for an unknown consumer.

        Nothing is counted where the limit is no longer `images_per_day`. A repeated call counts once.
        """
        reserved = _reserved(slot)
        updated = self.table.update(
            _key(consumer_id),
            "ADD #day :more SET #reserved = :images",
            # A condition cannot add, so the room is given.
            ConditionExpression=(
                "contains(slots, :slot) AND attribute_not_exists(#reserved) "
                "AND images_per_day = :limit AND #day <= :room"
            ),
            ExpressionAttributeNames={"#day": _window("day", entered_at), "#reserved": reserved},
            ExpressionAttributeValues={
                ":more": number(images - 1),
                ":images": number(images),
                ":slot": text(str(slot)),
                ":limit": number(images_per_day),
                ":room": number(images_per_day - (images - 1)),
            },
        )
        return _entrance(updated, entered_at, lambda item: item.get(reserved) == number(images))

    def leave(
        self,
        consumer_id: str,
        *,
        entered_at: int,
        slot: Slot,
        images: int,
        reserved: int = 1,
        past_counters: Sequence[str] = (),
    ) -> None:
        """Give the slot back, count `images` in place of those `reserved`, delete past counters.

        Without images, what the item has as reserved is given back, since a response to `reserve` may have
        been lost. Leaving again with the same slot changes nothing.
        """
        names = {"#day": _window("day", entered_at), "#reserved": _reserved(slot)}
        past = {f"#past{index}": name for index, name in enumerate(past_counters)}
        if images:
            day, count = "ADD #day :images", {":images": number(images - reserved)}
        else:
            day, count = "SET #day = #day - if_not_exists(#reserved, :one)", {":one": number(1)}
        self.table.update(
            _key(consumer_id),
            f"{day} DELETE slots :slots REMOVE {', '.join(('#reserved', *past))}",
            ConditionExpression="contains(slots, :slot)",
            ExpressionAttributeNames=names | past,
            ExpressionAttributeValues=count
            | {":slot": text(str(slot)), ":slots": texts(frozenset({str(slot)}))},
        )

    def forget_counters(self, consumer_id: str, past_counters: Sequence[str]) -> None:
        """Delete counters of past windows."""
        names = {f"#past{index}": name for index, name in enumerate(past_counters)}
        self.table.update(
            _key(consumer_id),
            f"REMOVE {', '.join(names)}",
            ConditionExpression=_EXISTS,
            ExpressionAttributeNames=names | {"#key": "key"},
        )

    def drop_slots(self, consumer_id: str, slots: Iterable[Slot]) -> None:
        """Take back slots of requests that crashed; their images stay counted."""
        dropped = sorted(slots, key=str)[:_CHANGED_AT_ONCE]
        names = {f"#reserved{index}": _reserved(slot) for index, slot in enumerate(dropped)}
        self.table.update(
            _key(consumer_id),
            f"DELETE slots :slots REMOVE {', '.join(names)}",
            ConditionExpression=_EXISTS,
            ExpressionAttributeNames=names | {"#key": "key"},
            ExpressionAttributeValues={":slots": texts(frozenset(map(str, dropped)))},
        )


def _key(consumer_id: str) -> Item:
    return {"key": text(consumer_id)}


def _window(kind: str, now: int) -> str:
    """The name of the counter of the window that `now` is in."""
    return f"{kind}_{window_start(now, _WINDOW_SECONDS[kind])}"


def _reserved(slot: Slot) -> str:
    """The name of the attribute with the images of a slot."""
    return f"reserved_{slot}"


def _entrance(
    updated: Item | ConditionFailed, now: int, was_made_before: Callable[[Item], bool]
) -> Entrance | None:
    """What an update did; one that fails counts as made where `was_made_before` finds its effect."""
    item = updated.item if isinstance(updated, ConditionFailed) else updated
    if item is None:
        return None
    return read_item(
        item,
        lambda item: Entrance(
            updated is item or was_made_before(item),
            _consumer_from_item(item),
            _standing(item, now),
            _past(item, now),
        ),
    )


def _standing(item: Item, now: int) -> Standing:
    return Standing(
        requests_this_minute=optional_number(item, _window("minute", now)) or 0,
        images_today=optional_number(item, _window("day", now)) or 0,
        slots=_slots(item),
    )


def _slots(item: Item) -> frozenset[Slot]:
    return frozenset(map(Slot.parse, item.get("slots", {"SS": []})["SS"]))


def _past(item: Item, now: int) -> tuple[str, ...]:
    """Counters of windows in which nothing is counted any more."""
    past: list[str] = []
    for name in item:
        kind, _, start = name.partition("_")
        if kind in _WINDOW_SECONDS and start.isdigit():
            kept_from = window_start(now, _WINDOW_SECONDS[kind]) - (_KEPT_WINDOWS - 1) * _WINDOW_SECONDS[kind]
            past += [name] if int(start) < kept_from else []
    return tuple(past[:_CHANGED_AT_ONCE])


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

"""Consumers in DynamoDB: their limits, their models and what they have in progress, in one item each.

Key ``<consumer id>``; attributes requests_per_minute, concurrent_requests, images_per_day?, models? (a set);
``minute_<start>`` and ``day_<start>`` count requests and images of the window that began then, in Unix
seconds; ``slots`` is the set of slots that are taken, ``reserved_<slot>`` the images of a slot that has more
than one, and ``last_entry`` the nonce of the latest request without a slot. One conditional update checks
every limit and counts, or does neither, and a change of limits holds from the next request on.

A call is sent again where its response is lost. So the condition of each update is false once it is made,
and what the condition found then says that it was.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from imagineart.access.consumer_items import (
    CHANGED_AT_ONCE,
    EXISTS,
    SLOT_IS_FREE,
    consumer_from_item,
    consumer_key,
    consumer_to_item,
    read_entrance,
    reserved_name,
    slots_in,
    window_name,
)
from imagineart.access.consumers import Consumer, Entrance
from imagineart.access.limits import Slot
from imagineart.dynamodb import ConditionFailed, DynamoDbTable, number, read_item, text, texts

_MINUTE_HAS_ROOM: Final = "(attribute_not_exists(#minute) OR #minute < requests_per_minute)"
_DAY_HAS_ROOM: Final = (
    "(attribute_not_exists(images_per_day) OR attribute_not_exists(#day) OR #day < images_per_day)"
)
_IS_NEW_ENTRY: Final = "(attribute_not_exists(last_entry) OR last_entry <> :entry)"


@dataclass(frozen=True, slots=True)
class ConsumerStore:
    """Consumers, their limits and what they use. Every method raises AwsCallError."""

    table: DynamoDbTable

    def add_consumer(self, consumer: Consumer) -> bool:
        """Register a consumer; False where the id is taken already."""
        failed = self.table.put(
            consumer_key(consumer.id),
            consumer_to_item(consumer),
            ConditionExpression="attribute_not_exists(#key)",
            ExpressionAttributeNames={"#key": "key"},
        )
        return failed is None

    def replace_consumer(self, consumer: Consumer) -> bool:
        """Give a consumer other limits and models; what it has used stays. False where there is none."""
        item = consumer_to_item(consumer)
        absent = {"images_per_day", "models"} - item.keys()
        sets = ", ".join(f"{name} = :{name}" for name in item)
        updated = self.table.update(
            consumer_key(consumer.id),
            f"SET {sets}" + (f" REMOVE {', '.join(sorted(absent))}" if absent else ""),
            ConditionExpression=EXISTS,
            ExpressionAttributeNames={"#key": "key"},
            ExpressionAttributeValues={f":{name}": value for name, value in item.items()},
        )
        return not isinstance(updated, ConditionFailed)

    def remove_consumer(self, consumer_id: str) -> None:
        """Forget a consumer; no request of it that is in progress makes it again."""
        self.table.delete(consumer_key(consumer_id))

    def find_consumer(self, consumer_id: str) -> Consumer | None:
        """The registered consumer, or None."""
        item = self.table.get(consumer_key(consumer_id))
        return read_item(item, consumer_from_item) if item else None

    def list_consumers(self) -> list[Consumer]:
        """Every registered consumer, in no order."""
        return [read_item(item, consumer_from_item) for item in self.table.pages("scan")]

    def count_request(self, consumer_id: str, *, now: int, nonce: str) -> Entrance | None:
        """Count a request without a slot if the minute leaves room; None for an unknown consumer.

        A repeated call with the same `nonce` counts once, unless another request came in between.
        """
        updated = self.table.update(
            consumer_key(consumer_id),
            "ADD #minute :one SET last_entry = :entry",
            ConditionExpression=f"{EXISTS} AND {_MINUTE_HAS_ROOM} AND {_IS_NEW_ENTRY}",
            ExpressionAttributeNames={"#key": "key", "#minute": window_name("minute", now)},
            ExpressionAttributeValues={":one": number(1), ":entry": text(nonce)},
        )
        return read_entrance(updated, now, lambda item: item.get("last_entry") == text(nonce))

    def take_slot(self, consumer_id: str, *, now: int, slot: Slot, counts_request: bool) -> Entrance | None:
        """Take a slot and count an image if every limit leaves room; None for an unknown consumer.

        With `counts_request` the request is counted too. A repeated call with the same slot counts once.
        """
        names, conditions, added = {"#key": "key", "#day": window_name("day", now)}, [EXISTS], ["#day :one"]
        if counts_request:
            names["#minute"] = window_name("minute", now)
            conditions.append(_MINUTE_HAS_ROOM)
            added.append("#minute :one")
        updated = self.table.update(
            consumer_key(consumer_id),
            f"ADD {', '.join(added)}, slots :slots",
            ConditionExpression=" AND ".join((*conditions, _DAY_HAS_ROOM, SLOT_IS_FREE)),
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={
                ":one": number(1),
                ":slots": texts(frozenset({str(slot)})),
                ":entering": text(str(slot)),
            },
        )
        return read_entrance(updated, now, lambda item: slot in slots_in(item))

    def reserve(
        self, consumer_id: str, *, entered_at: int, slot: Slot, images: int, images_per_day: int
    ) -> Entrance | None:
        """Count `images` for a slot in place of one if the day leaves room; None for an unknown consumer.

        Nothing is counted where the limit is no longer `images_per_day`. A repeated call counts once.
        """
        reserved = reserved_name(slot)
        updated = self.table.update(
            consumer_key(consumer_id),
            "ADD #day :more SET #reserved = :images",
            # A condition cannot add, so the room is given.
            ConditionExpression=(
                "contains(slots, :slot) AND attribute_not_exists(#reserved) "
                "AND images_per_day = :limit AND #day <= :room"
            ),
            ExpressionAttributeNames={"#day": window_name("day", entered_at), "#reserved": reserved},
            ExpressionAttributeValues={
                ":more": number(images - 1),
                ":images": number(images),
                ":slot": text(str(slot)),
                ":limit": number(images_per_day),
                ":room": number(images_per_day - (images - 1)),
            },
        )
        return read_entrance(updated, entered_at, lambda item: item.get(reserved) == number(images))

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
        names = {"#day": window_name("day", entered_at), "#reserved": reserved_name(slot)}
        past = {f"#past{index}": name for index, name in enumerate(past_counters)}
        if images:
            day, count = "ADD #day :images", {":images": number(images - reserved)}
        else:
            day, count = "SET #day = #day - if_not_exists(#reserved, :one)", {":one": number(1)}
        self.table.update(
            consumer_key(consumer_id),
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
            consumer_key(consumer_id),
            f"REMOVE {', '.join(names)}",
            ConditionExpression=EXISTS,
            ExpressionAttributeNames=names | {"#key": "key"},
        )

    def drop_slots(self, consumer_id: str, slots: Iterable[Slot]) -> None:
        """Take back slots of requests that crashed; their images stay counted."""
        dropped = sorted(slots, key=str)[:CHANGED_AT_ONCE]
        names = {f"#reserved{index}": reserved_name(slot) for index, slot in enumerate(dropped)}
        self.table.update(
            consumer_key(consumer_id),
            f"DELETE slots :slots REMOVE {', '.join(names)}",
            ConditionExpression=EXISTS,
            ExpressionAttributeNames=names | {"#key": "key"},
            ExpressionAttributeValues={":slots": texts(frozenset(map(str, dropped)))},
        )

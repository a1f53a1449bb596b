"""The item of a consumer in DynamoDB, and what an update of it found; `ConsumerStore` says what it holds."""

from collections.abc import Callable
from typing import Final

from imagineart.access.consumers import Consumer, Entrance
from imagineart.access.limits import DAY_SECONDS, MINUTE_SECONDS, Limits, Slot, Standing, window_start
from imagineart.dynamodb import ConditionFailed, Item, number, optional_number, read_item, text, texts

EXISTS: Final = "attribute_exists(#key)"
SLOT_IS_FREE: Final = (
    "(attribute_not_exists(slots) OR (size(slots) < concurrent_requests AND NOT contains(slots, :entering)))"
)
_WINDOW_SECONDS: Final = {"minute": MINUTE_SECONDS, "day": DAY_SECONDS}
_KEPT_WINDOWS: Final = 2
"""The present window and the one before, in which a clock that lags may still count."""

CHANGED_AT_ONCE: Final = 50
"""Counters and slots that crashes leave may be many, and an expression has 4 KB and 300 operators at most.

Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
"""


def consumer_key(consumer_id: str) -> Item:
    """The key of a consumer's item."""
    return {"key": text(consumer_id)}


def window_name(kind: str, now: int) -> str:
    """The name of the counter of the window that `now` is in."""
    return f"{kind}_{window_start(now, _WINDOW_SECONDS[kind])}"


def reserved_name(slot: Slot) -> str:
    """The name of the attribute with the images of a slot."""
    return f"reserved_{slot}"


def read_entrance(
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
            consumer_from_item(item),
            _standing(item, now),
            _past(item, now),
        ),
    )


def _standing(item: Item, now: int) -> Standing:
    return Standing(
        requests_this_minute=optional_number(item, window_name("minute", now)) or 0,
        images_today=optional_number(item, window_name("day", now)) or 0,
        slots=slots_in(item),
    )


def slots_in(item: Item) -> frozenset[Slot]:
    """The slots that are taken."""
    return frozenset(map(Slot.parse, item.get("slots", {"SS": []})["SS"]))


def _past(item: Item, now: int) -> tuple[str, ...]:
    """Counters of windows in which nothing is counted any more."""
    past: list[str] = []
    for name in item:
        kind, _, start = name.partition("_")
        if kind in _WINDOW_SECONDS and start.isdigit():
            kept_from = window_start(now, _WINDOW_SECONDS[kind]) - (_KEPT_WINDOWS - 1) * _WINDOW_SECONDS[kind]
            past += [name] if int(start) < kept_from else []
    return tuple(past[:CHANGED_AT_ONCE])


def consumer_to_item(consumer: Consumer) -> Item:
    """A consumer without its key, as the table has it."""
    limits = consumer.limits
    day = {} if limits.images_per_day is None else {"images_per_day": number(limits.images_per_day)}
    models = {} if consumer.models is None else {"models": texts(consumer.models)}
    return {
        "requests_per_minute": number(limits.requests_per_minute),
        "concurrent_requests": number(limits.concurrent_requests),
        **day,
        **models,
    }


def consumer_from_item(item: Item) -> Consumer:
    """The consumer of an item."""
    return Consumer(
        item["key"]["S"],
        Limits(
            int(item["requests_per_minute"]["N"]),
            int(item["concurrent_requests"]["N"]),
            optional_number(item, "images_per_day"),
        ),
        frozenset(item["models"]["SS"]) if "models" in item else None,
    )

"""Consumers, with their requests, images and slots, kept in memory."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from imagineart.access.consumers import Consumer, Entrance
from imagineart.access.limits import (
    DAY_SECONDS,
    MINUTE_SECONDS,
    Slot,
    Standing,
    reached_limit,
    window_start,
)
from imagineart.aws import AwsCallError

BROKEN = AwsCallError("Unreachable", detail="the store is out of order")


@dataclass(slots=True)
class InMemoryConsumers:
    """A ConsumerStore without DynamoDB; while it `is_broken`, nothing is counted or given back."""

    consumers: dict[str, Consumer] = field(default_factory=dict)
    requests: Counter[tuple[str, int]] = field(default_factory=Counter)
    images: Counter[tuple[str, int]] = field(default_factory=Counter)
    slots: dict[str, dict[Slot, int]] = field(default_factory=dict)
    """The slots of each consumer that are taken, each with its reserved images."""
    last_entry: dict[str, str] = field(default_factory=dict)
    last_job: str = ""
    last_return: str = ""
    calls: int = 0
    is_broken: bool = False

    def add_consumer(self, consumer: Consumer) -> bool:
        if consumer.id in self.consumers:
            return False
        self.consumers[consumer.id] = consumer
        return True

    def replace_consumer(self, consumer: Consumer) -> bool:
        if consumer.id not in self.consumers:
            return False
        self.consumers[consumer.id] = consumer
        return True

    def remove_consumer(self, consumer_id: str) -> None:
        self.consumers.pop(consumer_id, None)

    def find_consumer(self, consumer_id: str) -> Consumer | None:
        return self.consumers.get(consumer_id)

    def list_consumers(self) -> list[Consumer]:
        return list(self.consumers.values())

    def count_request(self, consumer_id: str, *, now: int, nonce: str) -> Entrance | None:
        self._require_order()
        consumer = self.consumers.get(consumer_id)
        if consumer is None:
            return None
        was_counted = self.last_entry.get(consumer_id) == nonce
        standing = self.standing(consumer_id, now)
        if was_counted or reached_limit(consumer.limits, standing, now, wants_slot=False):
            return Entrance(was_counted, consumer, standing)
        self.last_entry[consumer_id] = nonce
        self.requests[consumer_id, window_start(now, MINUTE_SECONDS)] += 1
        return Entrance(True, consumer, self.standing(consumer_id, now))

    def take_slot(self, consumer_id: str, *, now: int, slot: Slot, counts_request: bool) -> Entrance | None:
        self._require_order()
        consumer = self.consumers.get(consumer_id)
        if consumer is None:
            return None
        standing = self.standing(consumer_id, now)
        if slot in standing.slots or reached_limit(
            consumer.limits, standing, now, wants_slot=True, counts_request=counts_request
        ):
            return Entrance(slot in standing.slots, consumer, standing)
        self.requests[consumer_id, window_start(now, MINUTE_SECONDS)] += counts_request
        self.images[consumer_id, window_start(now, DAY_SECONDS)] += 1
        self.slots.setdefault(consumer_id, {})[slot] = 1
        return Entrance(True, consumer, self.standing(consumer_id, now))

    def reserve(
        self, consumer_id: str, *, entered_at: int, slot: Slot, images: int, images_per_day: int
    ) -> Entrance | None:
        self._require_order()
        consumer = self.consumers.get(consumer_id)
        if consumer is None:
            return None
        day = consumer_id, window_start(entered_at, DAY_SECONDS)
        slots = self.slots.get(consumer_id, {})
        has_room = self.images[day] + images - 1 <= images_per_day == consumer.limits.images_per_day
        if slots.get(slot) == 1 and has_room:
            self.images[day] += images - 1
            slots[slot] = images
        return Entrance(slots.get(slot) == images, consumer, self.standing(consumer_id, entered_at))

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
        self._require_order()
        held = self.slots.get(consumer_id, {}).pop(slot, None)
        if held is not None:
            self.images[consumer_id, window_start(entered_at, DAY_SECONDS)] += (
                images - reserved if images else -held
            )

    def forget_counters(self, consumer_id: str, past_counters: Sequence[str]) -> None:
        self._require_order()

    def drop_slots(self, consumer_id: str, slots: Iterable[Slot]) -> None:
        self._require_order()
        for slot in slots:
            self.slots.get(consumer_id, {}).pop(slot, None)

    def concurrent_requests(self, consumer_id: str) -> int | None:
        consumer = self.consumers.get(consumer_id)
        return consumer.limits.concurrent_requests if consumer else None

    def count_images(
        self, consumer_id: str, *, now: int, job_id: str, images: int, images_per_day: int
    ) -> Entrance | None:
        self._require_order()
        consumer = self.consumers.get(consumer_id)
        if consumer is None:
            return None
        day, was_counted = (consumer_id, window_start(now, DAY_SECONDS)), self.last_job == job_id
        has_room = self.images[day] + images <= images_per_day == consumer.limits.images_per_day
        if has_room and not was_counted:
            self.images[day] += images
            self.last_job = job_id
        return Entrance(has_room or was_counted, consumer, self.standing(consumer_id, now))

    def give_images_back(self, consumer_id: str, *, counted_at: int, job_id: str, images: int) -> None:
        self._require_order()
        if self.last_return != job_id:
            self.images[consumer_id, window_start(counted_at, DAY_SECONDS)] -= images
            self.last_return = job_id

    def hold_slot(self, consumer_id: str, *, now: int, slot: Slot) -> Entrance | None:
        self._require_order()
        consumer = self.consumers.get(consumer_id)
        if consumer is None:
            return None
        slots = self.slots.setdefault(consumer_id, {})
        is_free = slot in slots or len(slots) < consumer.limits.concurrent_requests
        if is_free:
            slots[slot] = 0
        return Entrance(is_free, consumer, self.standing(consumer_id, now))

    def standing(self, consumer_id: str, now: int) -> Standing:
        """What the consumer has used."""
        return Standing(
            self.requests[consumer_id, window_start(now, MINUTE_SECONDS)],
            self.images[consumer_id, window_start(now, DAY_SECONDS)],
            frozenset(self.slots.get(consumer_id, ())),
        )

    def _require_order(self) -> None:
        self.calls += 1
        if self.is_broken:
            raise BROKEN

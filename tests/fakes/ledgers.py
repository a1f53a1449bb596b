"""Consumers' requests, slots and accounts, kept in memory."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from imagineart.adapters.aws_http import AwsCallError
from imagineart.domain.accounting import AnsweredRequest, UsageRow, duration_class
from imagineart.domain.limits import DAY_SECONDS, MINUTE_SECONDS, Slot, Standing, reached_limit, window_start
from imagineart.domain.ports import Entrance
from tests.fakes.token_stores import InMemoryConsumers

BROKEN = AwsCallError("Unreachable", detail="the ledger is out of order")


@dataclass(slots=True)
class InMemoryConsumerLedger:
    """A ConsumerLedger; while it `is_broken`, every call fails."""

    consumers: InMemoryConsumers
    requests: Counter[tuple[str, int]] = field(default_factory=Counter)
    images: Counter[tuple[str, int]] = field(default_factory=Counter)
    slots: dict[str, set[Slot]] = field(default_factory=dict)
    entries: int = 0
    is_broken: bool = False

    def enter(
        self, consumer_id: str, *, now: int, slot: Slot | None, counts_request: bool = True
    ) -> Entrance | None:
        self._require_order()
        self.entries += 1
        consumer = self.consumers.find_consumer(consumer_id)
        if consumer is None:
            return None
        standing = self.standing(consumer_id, now)
        if slot is not None and slot in standing.slots:
            return Entrance(False, consumer, standing)
        if reached_limit(
            consumer.limits, standing, now, wants_slot=slot is not None, counts_request=counts_request
        ):
            return Entrance(False, consumer, standing)
        self.requests[consumer_id, window_start(now, MINUTE_SECONDS)] += counts_request
        if slot is not None:
            self.images[consumer_id, window_start(now, DAY_SECONDS)] += 1
            self.slots.setdefault(consumer_id, set()).add(slot)
        return Entrance(True, consumer, self.standing(consumer_id, now))

    def reserve(
        self, consumer_id: str, *, entered_at: int, slot: Slot, more: int, images_per_day: int
    ) -> Entrance | None:
        self._require_order()
        consumer = self.consumers.find_consumer(consumer_id)
        if consumer is None:
            return None
        day = consumer_id, window_start(entered_at, DAY_SECONDS)
        has_room = (
            slot in self.slots[consumer_id]
            and self.images[day] + more <= images_per_day == consumer.limits.images_per_day
        )
        if has_room:
            self.images[day] += more
        return Entrance(has_room, consumer, self.standing(consumer_id, entered_at))

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
        self._require_order()
        if slot in self.slots.get(consumer_id, ()):
            self.slots[consumer_id].discard(slot)
            self.images[consumer_id, window_start(entered_at, DAY_SECONDS)] += images - reserved

    def drop_slots(self, consumer_id: str, slots: Iterable[Slot]) -> None:
        self._require_order()
        self.slots[consumer_id] -= set(slots)

    def standing(self, consumer_id: str, now: int) -> Standing:
        """What the consumer has used."""
        return Standing(
            self.requests[consumer_id, window_start(now, MINUTE_SECONDS)],
            self.images[consumer_id, window_start(now, DAY_SECONDS)],
            frozenset(self.slots.get(consumer_id, ())),
        )

    def _require_order(self) -> None:
        if self.is_broken:
            raise BROKEN


@dataclass(slots=True)
class InMemoryUsageLedger:
    """A UsageLedger that remembers every request; while it `is_broken`, every call fails."""

    requests: list[AnsweredRequest] = field(default_factory=list)
    is_broken: bool = False

    def count(self, request: AnsweredRequest) -> None:
        if self.is_broken:
            raise BROKEN
        self.requests.append(request)

    def rows(self, consumer_id: str, *, first_day: str, last_day: str) -> list[UsageRow]:
        groups: dict[tuple[str, str, str, str], list[AnsweredRequest]] = {}
        for each in self.requests:
            if each.consumer_id == consumer_id and first_day <= each.day <= last_day:
                key = (each.day, each.operation, each.resolution, each.outcome)
                groups.setdefault(key, []).append(each)
        return [
            UsageRow(
                consumer_id,
                *key,
                images=sum(each.images for each in group),
                total_seconds=sum(each.seconds for each in group),
                durations=Counter(duration_class(each.seconds) for each in group),
            )
            for key, group in sorted(groups.items())
        ]

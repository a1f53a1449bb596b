"""Every authenticated request is counted, and admitted where its consumer's limits leave room."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, Protocol

from imagineart.access.base62 import to_base62
from imagineart.access.consumers import Consumer, Entrance
from imagineart.access.limits import (
    LimitName,
    LimitReachedError,
    LimitStatus,
    Slot,
    day_used_up,
    expired_slots,
    lease_slot,
    minute_status,
    reached_limit,
    slots_taken,
)
from imagineart.errors import InternalError, InvalidTokenError
from imagineart.images.seeds import RandomBelow

_NONCE_BITS: Final = 48
_MAX_TRIES: Final = 5
"""How often one request tries to take a slot while others take those that crashed requests left."""


class ConsumerCounters(Protocol):
    """Where requests, images and slots of consumers are counted, each change in one atomic step.

    See `ConsumerStore` for what each method does.
    """

    def count_request(self, consumer_id: str, *, now: int, nonce: str) -> Entrance | None: ...

    def take_slot(
        self, consumer_id: str, *, now: int, slot: Slot, counts_request: bool
    ) -> Entrance | None: ...

    def reserve(
        self, consumer_id: str, *, entered_at: int, slot: Slot, images: int, images_per_day: int
    ) -> Entrance | None: ...

    def leave(
        self,
        consumer_id: str,
        *,
        entered_at: int,
        slot: Slot,
        images: int,
        reserved: int = 1,
        past_counters: Sequence[str] = (),
    ) -> None: ...

    def forget_counters(self, consumer_id: str, past_counters: Sequence[str]) -> None: ...

    def drop_slots(self, consumer_id: str, slots: Iterable[Slot]) -> None: ...


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that was admitted; `entered_at` is in Unix seconds, `status` is for the response's headers.

    `images` are counted for the day while the request is in progress; none without a slot.
    """

    consumer: Consumer
    entered_at: int
    slot: Slot | None
    status: LimitStatus
    past_counters: tuple[str, ...]
    images: int = 0


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """Admits requests, each in one round trip unless a limit is reached."""

    counters: ConsumerCounters
    random_below: RandomBelow
    clock: Callable[[], float]

    def enter(self, consumer_id: str, *, lease_seconds: float | None) -> Admission:
        """Count a request. One for images gives `lease_seconds`, the longest that it may be in progress.

        Raises LimitReachedError; InvalidTokenError where the token's consumer is no longer registered.
        """
        if lease_seconds is not None:
            return self._enter_with_slot(consumer_id, lease_seconds, counts_request=True)
        now = int(self.clock())
        entrance = _registered(
            consumer_id, self.counters.count_request(consumer_id, now=now, nonce=self._nonce())
        )
        admission = _admission(entrance, now, slot=None)
        if not entrance.admitted:
            raise LimitReachedError(admission.status, now=now)
        return admission

    def take_slot(self, admission: Admission, *, lease_seconds: float) -> Admission:
        """The admission with a slot and an image, where it has none. Raises as `enter` does."""
        if admission.slot is not None:
            return admission
        entered = self._enter_with_slot(admission.consumer.id, lease_seconds, counts_request=False)
        return replace(entered, status=admission.status)

    def reserve_images(self, admission: Admission, images: int) -> Admission:
        """The admission, which has a slot, with as many images counted for the day, where it is bounded.

        Raises LimitReachedError where the day leaves no room for all. Where it raises, `leave` gives back
        what was counted, also where the response was lost.
        """
        consumer, slot, limit = admission.consumer, admission.slot, admission.consumer.limits.images_per_day
        if limit is None or slot is None or images <= admission.images:
            return admission
        entrance = _registered(
            consumer.id,
            self.counters.reserve(
                consumer.id, entered_at=admission.entered_at, slot=slot, images=images, images_per_day=limit
            ),
        )
        if not entrance.admitted:
            now = int(self.clock())
            others = replace(entrance.standing, slots=entrance.standing.slots - {slot})
            raise LimitReachedError(day_used_up(limit, others, now), now=now)
        return replace(admission, images=images)

    def leave(self, admission: Admission, *, images: int) -> None:
        """Give the slot back, and count the `images` that were made in place of those counted before.

        A second time it changes nothing. Raises InternalError where the store cannot be reached.
        """
        if admission.slot is not None:
            self.counters.leave(
                admission.consumer.id,
                entered_at=admission.entered_at,
                slot=admission.slot,
                images=images,
                reserved=admission.images,
                past_counters=admission.past_counters,
            )
        elif admission.past_counters:
            self.counters.forget_counters(admission.consumer.id, admission.past_counters)

    def _enter_with_slot(self, consumer_id: str, lease_seconds: float, *, counts_request: bool) -> Admission:
        for _ in range(_MAX_TRIES):
            now = int(self.clock())
            slot = lease_slot(self.clock(), lease_seconds=lease_seconds, nonce=self._nonce())
            entrance = self._take_new_slot(consumer_id, now, slot, counts_request=counts_request)
            if entrance.admitted:
                return _admission(entrance, now, slot=slot)
            limits, standing = entrance.consumer.limits, entrance.standing
            reached = reached_limit(limits, standing, now, wants_slot=True, counts_request=counts_request)
            crashed = expired_slots(standing.slots, now)
            if reached and not (crashed and reached.name is LimitName.CONCURRENT_REQUESTS):
                raise LimitReachedError(reached, now=now)
            if crashed:
                self.counters.drop_slots(consumer_id, crashed)
        raise LimitReachedError(slots_taken(limits, now), now=now)

    def _take_new_slot(self, consumer_id: str, now: int, slot: Slot, *, counts_request: bool) -> Entrance:
        try:
            entrance = self.counters.take_slot(consumer_id, now=now, slot=slot, counts_request=counts_request)
        except InternalError:
            # The slot may have been taken though the response was lost.
            with suppress(InternalError):
                self.counters.leave(consumer_id, entered_at=now, slot=slot, images=0)
            raise
        return _registered(consumer_id, entrance)

    def _nonce(self) -> str:
        return to_base62(self.random_below(2**_NONCE_BITS), 9)


def _registered(consumer_id: str, entrance: Entrance | None) -> Entrance:
    if entrance is None:
        raise InvalidTokenError(detail=f"the consumer {consumer_id} is not registered")
    return entrance


def _admission(entrance: Entrance, now: int, *, slot: Slot | None) -> Admission:
    status = minute_status(entrance.consumer.limits, entrance.standing, now)
    return Admission(entrance.consumer, now, slot, status, entrance.past_counters, 0 if slot is None else 1)

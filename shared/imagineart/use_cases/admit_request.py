"""Every authenticated request is counted, and let in where its consumer's limits leave room."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from imagineart.domain.base62 import to_base62
from imagineart.domain.consumers import Consumer
from imagineart.domain.errors import InvalidTokenError, LimitReachedError
from imagineart.domain.limit_status import LimitName, LimitStatus
from imagineart.domain.limits import (
    Slot,
    day_used_up,
    expired_slots,
    lease_slot,
    minute_status,
    reached_limit,
    slots_taken,
)
from imagineart.domain.ports import Clock, ConsumerLedger, Entrance
from imagineart.domain.seeds import RandomBelow

PAUSES_SECONDS: Final = (0.1, 0.2, 0.4)
"""A slot is given back a moment after its answer has ended, so who finds none left asks again."""

_NONCE_BITS: Final = 48


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that was let in; `entered_at` is in Unix seconds, `status` is what its answer tells.

    `images` are those that count for the day as long as the request is under way.
    """

    consumer: Consumer
    entered_at: int
    slot: Slot | None
    status: LimitStatus
    past_counters: tuple[str, ...]
    images: int = 1


@dataclass(frozen=True, slots=True)
class AdmitRequest:
    """Lets requests in, each in one round trip unless a limit is reached."""

    ledger: ConsumerLedger
    random_below: RandomBelow
    clock: Clock
    sleep: Callable[[float], None] = time.sleep

    def __call__(self, consumer_id: str, *, lease_seconds: float | None) -> Admission:
        """Count a request; one for images gives `lease_seconds`, the longest that it may be under way.

        Raises LimitReachedError; InvalidTokenError where the token's consumer is no longer registered.
        """
        slot = self._lease(lease_seconds)
        pauses = list(PAUSES_SECONDS)
        while True:
            now = int(self.clock())
            entrance = self.ledger.enter(consumer_id, now=now, slot=slot)
            if entrance is None:
                raise InvalidTokenError(detail=f"the consumer {consumer_id} is not registered")
            # A call that was repeated under way may be refused for what its first copy took.
            if entrance.admitted or slot in entrance.standing.slots:
                status = minute_status(entrance.consumer.limits, entrance.standing, now)
                return Admission(entrance.consumer, now, slot, status, entrance.past_counters)
            self._make_room(entrance, pauses, now, wants_slot=slot is not None)

    def reserve_images(self, admission: Admission, images: int) -> Admission:
        """The admission with as many images counted for the day, where the day is bounded.

        Raises LimitReachedError where it leaves no room for all.
        """
        limit, more = admission.consumer.limits.images_per_day, images - admission.images
        if limit is None or admission.slot is None or more <= 0:
            return admission
        entrance = self.ledger.reserve(
            admission.consumer.id,
            entered_at=admission.entered_at,
            slot=admission.slot,
            more=more,
            images_per_day=limit,
        )
        if entrance is None or not entrance.admitted:
            raise LimitReachedError(day_used_up(limit, admission.entered_at), now=int(self.clock()))
        return replace(admission, images=images)

    def _make_room(self, entrance: Entrance, pauses: list[float], now: int, *, wants_slot: bool) -> None:
        """Return where asking again may help. Raises LimitReachedError where it does not."""
        limits, standing = entrance.consumer.limits, entrance.standing
        reached = reached_limit(limits, standing, now, wants_slot=wants_slot) or slots_taken(limits, now)
        if reached.name is not LimitName.CONCURRENT_REQUESTS or not pauses:
            raise LimitReachedError(reached, now=now)
        pause = pauses.pop(0)
        crashed = expired_slots(standing.slots, now)
        if crashed:
            self.ledger.drop_slots(entrance.consumer.id, crashed)
        else:
            self.sleep(pause)

    def _lease(self, lease_seconds: float | None) -> Slot | None:
        if lease_seconds is None:
            return None
        nonce = to_base62(self.random_below(2**_NONCE_BITS), 9)
        return lease_slot(self.clock(), lease_seconds=lease_seconds, nonce=nonce)

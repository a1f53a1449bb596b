"""Every authenticated request is counted, and let in where its consumer's limits leave room."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from imagineart.access.base62 import to_base62
from imagineart.access.consumers import Consumer
from imagineart.errors import InvalidTokenError, LimitReachedError
from imagineart.access.limits import LimitStatus
from imagineart.access.limits import (
    Slot,
    day_used_up,
    expired_slots,
    lease_slot,
    may_pass_soon,
    minute_status,
    reached_limit,
    slots_taken,
)
from imagineart.domain.ports import Clock, ConsumerLedger, Entrance
from imagineart.images.seeds import RandomBelow

PAUSES_SECONDS: Final = (0.1, 0.2, 0.4)
"""A slot, and the image of a failure, is given back a moment after the answer: who finds none asks again."""

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
    images: int = 0


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
        return self._enter(consumer_id, self._lease(lease_seconds), counts_request=True)

    def take_slot(self, admission: Admission, *, lease_seconds: float) -> Admission:
        """The admission with a slot and an image, where it has none. Raises as a call does."""
        if admission.slot is not None:
            return admission
        entered = self._enter(admission.consumer.id, self._lease(lease_seconds), counts_request=False)
        return replace(entered, status=admission.status)

    def reserve_images(self, admission: Admission, images: int) -> Admission:
        """The admission, which has a slot, with as many images counted for the day, where it is bounded.

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
        if entrance is None:
            raise InvalidTokenError(detail=f"the consumer {admission.consumer.id} is not registered")
        if not entrance.admitted:
            now = int(self.clock())
            others = replace(entrance.standing, slots=entrance.standing.slots - {admission.slot})
            raise LimitReachedError(day_used_up(limit, others, now), now=now)
        return replace(admission, images=images)

    def _enter(self, consumer_id: str, slot: Slot | None, *, counts_request: bool) -> Admission:
        pauses = list(PAUSES_SECONDS)
        while True:
            now = int(self.clock())
            entrance = self.ledger.enter(consumer_id, now=now, slot=slot, counts_request=counts_request)
            if entrance is None:
                raise InvalidTokenError(detail=f"the consumer {consumer_id} is not registered")
            # A call that was repeated under way may be refused for what its first copy took.
            if entrance.admitted or slot in entrance.standing.slots:
                status = minute_status(entrance.consumer.limits, entrance.standing, now)
                images = 0 if slot is None else 1
                return Admission(entrance.consumer, now, slot, status, entrance.past_counters, images)
            limits, standing = entrance.consumer.limits, entrance.standing
            reached = reached_limit(
                limits, standing, now, wants_slot=slot is not None, counts_request=counts_request
            )
            self._make_room(entrance, reached or slots_taken(limits, now), pauses, now)

    def _make_room(self, entrance: Entrance, reached: LimitStatus, pauses: list[float], now: int) -> None:
        """Return where asking again may help. Raises LimitReachedError where it does not."""
        if not may_pass_soon(reached, now) or not pauses:
            raise LimitReachedError(reached, now=now)
        pause = pauses.pop(0)
        crashed = expired_slots(entrance.standing.slots, now)
        if crashed:
            self.ledger.drop_slots(entrance.consumer.id, crashed)
        else:
            self.sleep(pause)

    def _lease(self, lease_seconds: float | None) -> Slot | None:
        if lease_seconds is None:
            return None
        nonce = to_base62(self.random_below(2**_NONCE_BITS), 9)
        return lease_slot(self.clock(), lease_seconds=lease_seconds, nonce=nonce)

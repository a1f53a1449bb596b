"""A job counts for its consumer's limits when it is accepted, and holds a slot while it runs."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from imagineart.access.admit import Admission
from imagineart.access.base62 import to_base62
from imagineart.access.consumers import Entrance
from imagineart.access.limits import (
    LimitReachedError,
    Slot,
    day_used_up,
    expired_slots,
    lease_slot,
    slots_taken,
)
from imagineart.errors import InvalidTokenError
from imagineart.images.seeds import RandomBelow

_NONCE_BITS: Final = 48


class CountedJobs(Protocol):
    """Where jobs are counted, each change in one atomic step. See `JobCounters` for what each method does."""

    def count_images(
        self, consumer_id: str, *, now: int, job_id: str, images: int, images_per_day: int
    ) -> Entrance | None: ...

    def give_images_back(self, consumer_id: str, *, counted_at: int, job_id: str, images: int) -> None: ...

    def concurrent_requests(self, consumer_id: str) -> int | None: ...

    def hold_slot(self, consumer_id: str, *, now: int, slot: Slot) -> Entrance | None: ...

    def drop_slots(self, consumer_id: str, slots: Iterable[Slot]) -> None: ...


@dataclass(frozen=True, slots=True)
class JobLimits:
    """Counts the images of jobs and gives them their slots."""

    counters: CountedJobs
    random_below: RandomBelow
    clock: Callable[[], float]

    def count_images(self, admission: Admission, job_id: str, images: int) -> int:
        """Count the images of a job for the day, where it is bounded. Returns how many were counted.

        Raises LimitReachedError where the day leaves no room for all.
        """
        consumer, limit = admission.consumer, admission.consumer.limits.images_per_day
        if limit is None:
            return 0
        now = admission.entered_at
        entrance = self.counters.count_images(
            consumer.id, now=now, job_id=job_id, images=images, images_per_day=limit
        )
        if entrance is None:
            raise InvalidTokenError(detail=f"the consumer {consumer.id} is not registered")
        if not entrance.admitted:
            raise LimitReachedError(day_used_up(limit, entrance.standing, now), now=int(self.clock()))
        return images

    def give_images_back(self, consumer_id: str, job_id: str, *, counted_at: float, images: int) -> None:
        """Take images that were counted and not made out of their day."""
        if images > 0:
            self.counters.give_images_back(
                consumer_id, counted_at=int(counted_at), job_id=job_id, images=images
            )

    def has_consumer(self, consumer_id: str) -> bool:
        """Whether the consumer is registered, still."""
        return self.counters.concurrent_requests(consumer_id) is not None

    def hold_slot(self, consumer_id: str, *, lease_seconds: float) -> Slot:
        """A slot for a job that runs no longer than `lease_seconds`.

        Raises LimitReachedError where none is free; InvalidTokenError for a consumer that is gone.
        """
        now = int(self.clock())
        slot = lease_slot(
            now, lease_seconds=lease_seconds, nonce=to_base62(self.random_below(2**_NONCE_BITS), 9)
        )
        entrance = self._try_slot(consumer_id, now, slot)
        crashed = expired_slots(entrance.standing.slots, now)
        if not entrance.admitted and crashed:
            self.counters.drop_slots(consumer_id, crashed)
            entrance = self._try_slot(consumer_id, now, slot)
        if not entrance.admitted:
            raise LimitReachedError(slots_taken(entrance.consumer.limits, now), now=now)
        return slot

    def release_slot(self, consumer_id: str, slot: Slot) -> None:
        """Give a slot back."""
        self.counters.drop_slots(consumer_id, [slot])

    def _try_slot(self, consumer_id: str, now: int, slot: Slot) -> Entrance:
        entrance = self.counters.hold_slot(consumer_id, now=now, slot=slot)
        if entrance is None:
            raise InvalidTokenError(detail=f"the consumer {consumer_id} is not registered")
        return entrance

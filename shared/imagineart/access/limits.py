"""What bounds a consumer: requests a minute, image requests at a time, images a day.

Minutes and days are fixed windows, aligned to the clock (UTC). Every request counts for the minute. Requests
for images alone take a slot, of which a consumer has as many as it may have requests in progress, and count
for the day. A slot is a lease: if a request crashes, its slot ends when the request would have had to.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from imagineart.errors import InvalidRequestError, RateLimitedError

MINUTE_SECONDS: Final = 60
DAY_SECONDS: Final = 86_400
MAX_REQUESTS_PER_MINUTE: Final = 1_000_000
MAX_CONCURRENT_REQUESTS: Final = 1_000
MAX_IMAGES_PER_DAY: Final = 100_000_000
CONCURRENCY_RETRY_SECONDS: Final = 2
"""When to retry where all slots are taken: it is not known when one becomes free."""
LEASE_MARGIN_SECONDS: Final = 5.0
"""A lease ends this much later than its request, so that clocks may differ a little."""
_LONGEST_AUTOMATIC_WAIT_SECONDS: Final = 60


class LimitName(StrEnum):
    """The limits, by the names under which they are set and reported."""

    REQUESTS_PER_MINUTE = "requests_per_minute"
    CONCURRENT_REQUESTS = "concurrent_requests"
    IMAGES_PER_DAY = "images_per_day"


@dataclass(frozen=True, slots=True)
class LimitStatus:
    """What a consumer has left of one limit; `reset_at`, in Unix seconds, is when it has room again."""

    name: LimitName
    limit: int
    remaining: int
    reset_at: int

    @property
    def description(self) -> str:
        """The limit in words."""
        unit = {
            LimitName.REQUESTS_PER_MINUTE: "requests a minute",
            LimitName.CONCURRENT_REQUESTS: "image requests at a time",
            LimitName.IMAGES_PER_DAY: "images a day (UTC)",
        }[self.name]
        return f"{self.limit} {unit}"


class LimitReachedError(RateLimitedError):
    """A limit of the consumer is reached; `status` says which."""

    code = "rate_limited"

    def __init__(self, status: LimitStatus, *, now: int) -> None:
        super().__init__(
            f"The limit of {status.description} is reached ({status.name}). Retry after the seconds in "
            "Retry-After.",
            retry_after_seconds=max(1, status.reset_at - now),
        )
        self.status = status
        self.retryable = self.retry_after_seconds <= _LONGEST_AUTOMATIC_WAIT_SECONDS


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a consumer; `images_per_day` is None where the day is not bounded."""

    requests_per_minute: int
    concurrent_requests: int
    images_per_day: int | None = None

    def __post_init__(self) -> None:
        """Raises InvalidRequestError for a limit out of bounds."""
        _require(LimitName.REQUESTS_PER_MINUTE, self.requests_per_minute, MAX_REQUESTS_PER_MINUTE)
        _require(LimitName.CONCURRENT_REQUESTS, self.concurrent_requests, MAX_CONCURRENT_REQUESTS)
        if self.images_per_day is not None:
            _require(LimitName.IMAGES_PER_DAY, self.images_per_day, MAX_IMAGES_PER_DAY)


@dataclass(frozen=True, slots=True)
class Slot:
    """The right to have one image request in progress, until `expires_at` (Unix seconds) at the latest."""

    expires_at: int
    nonce: str

    def __str__(self) -> str:
        return f"{self.expires_at}.{self.nonce}"

    @classmethod
    def parse(cls, text: str) -> "Slot":
        """The slot that `text` spells. Raises ValueError."""
        expires_at, _, nonce = text.partition(".")
        return cls(int(expires_at), nonce)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a consumer has used of the present minute and day, and the slots that are taken."""

    requests_this_minute: int
    images_today: int
    slots: frozenset[Slot]


def minute_status(limits: Limits, standing: Standing, now: int) -> LimitStatus:
    """What a consumer has left of the present minute."""
    left = max(0, limits.requests_per_minute - standing.requests_this_minute)
    reset_at = window_start(now, MINUTE_SECONDS) + MINUTE_SECONDS
    return LimitStatus(LimitName.REQUESTS_PER_MINUTE, limits.requests_per_minute, left, reset_at)


def reached_limit(
    limits: Limits, standing: Standing, now: int, *, wants_slot: bool, counts_request: bool = True
) -> LimitStatus | None:
    """The limit that leaves no room for one more request, the longest to wait for first; or None."""
    per_day = limits.images_per_day
    if wants_slot and per_day is not None and standing.images_today >= per_day:
        return day_used_up(per_day, standing, now)
    minute = minute_status(limits, standing, now)
    if counts_request and not minute.remaining:
        return minute
    if wants_slot and len(standing.slots) >= limits.concurrent_requests:
        return slots_taken(limits, now)
    return None


def day_used_up(images_per_day: int, standing: Standing, now: int) -> LimitStatus:
    """The status of a day without room for the request.

    The day has room again at midnight, or when a request in progress fails and gives its image back.
    """
    may_be_given_back = standing.images_today - len(standing.slots) < images_per_day
    midnight = window_start(now, DAY_SECONDS) + DAY_SECONDS
    reset_at = min(midnight, now + CONCURRENCY_RETRY_SECONDS) if may_be_given_back else midnight
    return LimitStatus(LimitName.IMAGES_PER_DAY, images_per_day, 0, reset_at)


def slots_taken(limits: Limits, now: int) -> LimitStatus:
    """The status where every slot is taken."""
    reset_at = now + CONCURRENCY_RETRY_SECONDS
    return LimitStatus(LimitName.CONCURRENT_REQUESTS, limits.concurrent_requests, 0, reset_at)


def expired_slots(slots: Iterable[Slot], now: int) -> frozenset[Slot]:
    """The slots of requests that crashed."""
    return frozenset(slot for slot in slots if slot.expires_at <= now)


def lease_slot(now: float, *, lease_seconds: float, nonce: str) -> Slot:
    """A slot for a request that cannot last longer than `lease_seconds`."""
    return Slot(math.ceil(now + lease_seconds), nonce)


def window_start(now: int, window_seconds: int) -> int:
    """The Unix second at which the window began that `now` is in."""
    return now - now % window_seconds


def _require(name: LimitName, value: int, highest: int) -> None:
    if not 1 <= value <= highest:
        raise InvalidRequestError(name, f"got {value}; allowed: 1 to {highest}.")

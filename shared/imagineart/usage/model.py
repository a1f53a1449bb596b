"""What is counted of every request: per consumer, day, model, resolution and outcome, with its duration."""

import bisect
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

OK: Final = "ok"
REPLAYED: Final = "replayed"
ACCEPTED: Final = "accepted"
CANCELLED: Final = "cancelled"
"""Outcomes that are not public error codes.

A replayed response was made for an earlier request. A request that was accepted as a job is counted, and the
job again when it has ended.
"""

NO_RESOLUTION: Final = "-"
DURATION_BOUNDS_SECONDS: Final = (0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300)
"""Upper bounds of the classes in which durations are counted; the last class has none."""


@dataclass(frozen=True, slots=True)
class FinishedRequest:
    """One authenticated request whose response is known; `finished_at` is in Unix seconds."""

    request_id: str
    consumer_id: str
    operation: str
    resolution: str
    outcome: str
    images: int
    seconds: float
    finished_at: float

    @property
    def day(self) -> str:
        """The day (UTC) on which it counts."""
        return day_of(self.finished_at)


@dataclass(frozen=True, slots=True)
class UsageRow:
    """The requests of one consumer, day, operation, resolution and outcome.

    `durations` counts requests by the index of their class in `DURATION_BOUNDS_SECONDS`.
    """

    consumer_id: str
    day: str
    operation: str
    resolution: str
    outcome: str
    images: int
    total_seconds: float
    durations: Mapping[int, int]

    @property
    def requests(self) -> int:
        """The number of requests."""
        return sum(self.durations.values())

    @property
    def mean_seconds(self) -> float:
        """How long they took on average."""
        return self.total_seconds / max(1, self.requests)

    def seconds_at_most(self, share: float) -> float | None:
        """The bound that `share` (0 to 1) of the requests kept; None where it is above the last bound."""
        needed, seen = share * self.requests, 0
        for index, count in sorted(self.durations.items()):
            seen += count
            if seen >= needed:
                return DURATION_BOUNDS_SECONDS[index] if index < len(DURATION_BOUNDS_SECONDS) else None
        return None


def duration_class(seconds: float) -> int:
    """The index of the class in which a duration is counted."""
    return bisect.bisect_left(DURATION_BOUNDS_SECONDS, seconds)


def day_of(unix_seconds: float) -> str:
    """The date (UTC) in ISO form."""
    return datetime.fromtimestamp(unix_seconds, UTC).date().isoformat()

"""Requests counted in memory."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class InMemoryRequestCounter:
    """A RequestCounter."""

    counts: Counter[tuple[str, int]] = field(default_factory=Counter)

    def count(self, consumer_id: str, *, window_start: int) -> int:
        self.counts[consumer_id, window_start] += 1
        return self.counts[consumer_id, window_start]

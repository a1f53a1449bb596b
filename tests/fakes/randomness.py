"""Random numbers that are the same in each run."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field


def repeatable_random_below(seed: int = 0) -> Callable[[int], int]:
    """A RandomBelow that draws the same numbers for the same `seed`."""
    return random.Random(seed).randrange


@dataclass(slots=True)
class FixedRandomBelow:
    """A RandomBelow that always draws `fraction` of its range, and remembers the ranges."""

    fraction: float = 0.0
    limits: list[int] = field(default_factory=list)

    def __call__(self, limit: int) -> int:
        self.limits.append(limit)
        return min(limit - 1, int(limit * self.fraction))

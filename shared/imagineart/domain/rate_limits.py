"""Rate limits: a fixed window of one minute per consumer, aligned to the clock."""

from dataclasses import dataclass
from typing import Final

WINDOW_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class RateLimitStatus:
    """Where a consumer stands in its window after counting the present request.

    `reset_at` is in Unix seconds; `used` counts refused requests too, so it may exceed `limit`.
    """

    limit: int
    used: int
    reset_at: int

    @property
    def remaining(self) -> int:
        """Requests left in the window, never negative."""
        return max(0, self.limit - self.used)

    @property
    def exceeded(self) -> bool:
        """Whether the present request is over the limit."""
        return self.used > self.limit


def window_start(now: int) -> int:
    """The Unix second at which the window holding `now` began."""
    return now - now % WINDOW_SECONDS

"""Every authenticated request is counted against its consumer's limit before anything is done for it."""

from dataclasses import dataclass

from imagineart.domain.consumers import Consumer
from imagineart.domain.ports import Clock, RequestCounter
from imagineart.domain.rate_limits import WINDOW_SECONDS, RateLimitStatus, window_start


@dataclass(frozen=True, slots=True)
class CountRequest:
    """Counts requests in the fixed window of the present minute."""

    counter: RequestCounter
    clock: Clock

    def __call__(self, consumer: Consumer) -> RateLimitStatus:
        """Count one request of `consumer` and say where it stands; the answer may be `exceeded`."""
        start = window_start(int(self.clock()))
        used = self.counter.count(consumer.id, window_start=start)
        return RateLimitStatus(consumer.requests_per_minute, used, reset_at=start + WINDOW_SECONDS)

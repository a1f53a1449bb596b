"""Which limit of a consumer, and where the consumer stands with it."""

from dataclasses import dataclass
from enum import StrEnum


class LimitName(StrEnum):
    """The limits, by the names under which they are set and told."""

    REQUESTS_PER_MINUTE = "requests_per_minute"
    CONCURRENT_REQUESTS = "concurrent_requests"
    IMAGES_PER_DAY = "images_per_day"


@dataclass(frozen=True, slots=True)
class LimitStatus:
    """Where a consumer stands with one limit; `reset_at`, in Unix seconds, is when it has room again."""

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

"""Consumers, the parties that tokens are issued to, and the tiers that bound them."""

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from imagineart.domain.errors import InvalidRequestError

TIER_REQUESTS_PER_MINUTE: Final = MappingProxyType({"free": 10, "basic": 30, "premium": 100})
MAX_REQUESTS_PER_MINUTE: Final = 1_000_000
_ID_FORMAT: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Consumer:
    """A party that calls the API (a mobile backend, a partner, an internal service) and its limit."""

    id: str
    requests_per_minute: int

    def __post_init__(self) -> None:
        """Raises InvalidRequestError for an id or a limit out of bounds."""
        if not _ID_FORMAT.fullmatch(self.id):
            raise InvalidRequestError(
                "consumer",
                f"got '{self.id[:80]}'; allowed are 1 to 63 lower-case letters, digits and inner hyphens.",
            )
        if not 1 <= self.requests_per_minute <= MAX_REQUESTS_PER_MINUTE:
            raise InvalidRequestError(
                "requests_per_minute",
                f"got {self.requests_per_minute}; allowed is 1 to {MAX_REQUESTS_PER_MINUTE}.",
            )

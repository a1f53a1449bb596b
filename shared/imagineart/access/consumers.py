"""Consumers, the parties that tokens are issued to, and the tiers that bound them."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from imagineart.access.limits import Limits, Standing
from imagineart.errors import InvalidRequestError

TIERS: Final = MappingProxyType(
    {
        "free": Limits(requests_per_minute=10, concurrent_requests=2),
        "basic": Limits(requests_per_minute=30, concurrent_requests=5),
        "premium": Limits(requests_per_minute=100, concurrent_requests=20),
    }
)
_ID_FORMAT: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Consumer:
    """A party that calls the API (a mobile backend, a partner, an internal service).

    `models` are the ids of those it may use, None for every model, later ones too.
    """

    id: str
    limits: Limits
    models: frozenset[str] | None = None

    def __post_init__(self) -> None:
        """Raises InvalidRequestError for an id out of bounds."""
        if not _ID_FORMAT.fullmatch(self.id):
            raise InvalidRequestError(
                "consumer",
                f"got '{self.id[:80]}'; allowed: 1 to 63 lower-case letters, digits and inner hyphens.",
            )

    def may_use(self, model_id: str) -> bool:
        """Whether the model is available to this consumer."""
        return self.models is None or model_id in self.models


@dataclass(frozen=True, slots=True)
class Entrance:
    """Whether a request of `consumer` was counted, and what the consumer has used, the request included.

    `past_counters` names counters of earlier windows, which the request deletes when it leaves.
    """

    admitted: bool
    consumer: Consumer
    standing: Standing
    past_counters: tuple[str, ...] = ()


def check_models(models: frozenset[str], offered: Collection[str]) -> None:
    """Raises InvalidRequestError for models that are not offered, and for none at all.

    A registered consumer may still have one that is no longer offered.
    """
    for model in sorted(models):
        if model not in offered:
            raise InvalidRequestError("models", f"got '{model[:80]}'; allowed: {', '.join(offered)}.")
    if not models:
        raise InvalidRequestError("models", f"got none; allowed: one or more of {', '.join(offered)}.")

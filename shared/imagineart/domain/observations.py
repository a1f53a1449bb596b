"""What is measured of the running system, beside the account that each consumer has."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """A part of a request's way that takes time of its own."""

    ADMISSION = "Admission"
    """Who asks, and whether the limits leave room."""
    BACKEND = "Backend"
    """From asking the first backend to the first piece of the picture; the sum of a series."""
    DELIVERY = "Delivery"
    """From the answer's first byte to its last."""


@dataclass(frozen=True, slots=True)
class ObservedRequest:
    """One request that was answered; `error_code` is None where it was answered as asked."""

    error_code: str | None
    is_server_error: bool
    seconds: float
    seconds_by_stage: Mapping[Stage, float]
    images: int


@dataclass(frozen=True, slots=True)
class TokenCensus:
    """How many tokens are live, and how many of those are due for rotation or end by themselves soon."""

    live: int
    due: int
    ending: int

"""A clock that stands still until a test moves it."""

from dataclasses import dataclass


@dataclass(slots=True)
class FakeClock:
    """Unix time in seconds."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds

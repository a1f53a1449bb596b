"""When to stop asking a backend that keeps failing, and when to try it again."""

from collections.abc import Callable
from typing import Final

FAILURES_TO_OPEN: Final = 5
"""So many failures in a row open the circuit."""

OPEN_SECONDS: Final = 20.0
"""How long an open circuit lets nothing through; then one request may try."""


class CircuitBreaker:
    """The state of one backend, as one Lambda environment has seen it; `clock` is monotonic, in seconds.

    Source: Michael Nygard, Release It!, "Circuit Breaker".
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures = 0
        self._closes_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the backend is to be left alone now."""
        return self._clock() < self._closes_at

    def note_success(self) -> None:
        """The backend answered, be it with a refusal of the request."""
        self._failures = 0

    def note_failure(self) -> None:
        """The backend failed."""
        self._failures += 1
        if self._failures >= FAILURES_TO_OPEN:
            self._closes_at = self._clock() + OPEN_SECONDS

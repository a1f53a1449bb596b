"""When to stop calling a backend that keeps failing, and when to try it again."""

from typing import Final

FAILURES_TO_OPEN: Final = 5
"""So many failures in a row open the circuit."""

OPEN_SECONDS: Final = 20.0
"""How long an open circuit lets nothing through."""


class CircuitBreaker:
    """The state of one backend, as one Lambda environment has seen it; `now` is monotonic, in seconds.

    Source: Michael Nygard, Release It!, "Circuit Breaker".
    """

    def __init__(self) -> None:
        self._failures = 0
        self._closes_at = 0.0

    def is_open(self, now: float) -> bool:
        """Whether the backend is not to be called now."""
        return now < self._closes_at

    def note_success(self) -> None:
        """The backend responded, even if it refused the request."""
        self._failures = 0

    def note_failure(self, now: float) -> None:
        """The backend failed."""
        self._failures += 1
        if self._failures >= FAILURES_TO_OPEN:
            self._closes_at = now + OPEN_SECONDS

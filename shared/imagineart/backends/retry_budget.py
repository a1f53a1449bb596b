"""How many retries an environment may make, so that retries never multiply the load on a failing backend."""

from typing import Final

_DEPOSIT: Final = 0.2
"""What every request adds: one retry for five requests."""

_CAPACITY: Final = 5.0
"""What can be saved, and what an environment begins with."""


class RetryBudget:
    """A balance of retries.

    Source: https://docs.aws.amazon.com/wellarchitected/latest/framework/rel_mitigate_interaction_failure_limit_retries.html
    """

    def __init__(self) -> None:
        self._saved = _CAPACITY

    def note_request(self) -> None:
        """A request came."""
        self._saved = min(_CAPACITY, self._saved + _DEPOSIT)

    def take(self) -> bool:
        """Whether a retry may be made, which is then subtracted."""
        if self._saved < 1:
            return False
        self._saved -= 1
        return True

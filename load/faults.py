"""Which requests the load backend fails, and how: by a rule, so that a run can be repeated."""

import hashlib
from enum import StrEnum
from typing import Final


class Fate(StrEnum):
    """What the backend does to one request."""

    PAINTED = "painted"
    SERVER_ERROR = "server_error"
    """500."""
    AT_LIMIT = "at_limit"
    """429 with Retry-After."""
    OVERLOADED = "overloaded"
    """503."""
    CUT_OFF = "cut_off"
    """The connection ends amid the picture."""
    GARBAGE = "garbage"
    """200, as a picture, with something that is none."""
    SILENT = "silent"
    """No answer within the time that an attempt has."""
    RESET = "reset"
    """The connection is reset before anything was answered."""


FAULTS: Final = tuple(fate for fate in Fate if fate is not Fate.PAINTED)
REFUSED_UNTOUCHED: Final = frozenset({Fate.AT_LIMIT, Fate.OVERLOADED})
"""Those after which the service asks again, since the backend did no work."""

_WHOLE: Final = 2**64


class FaultRule:
    """Fails `share` (0 to 1) of all requests; every kind of fault has its turn."""

    def __init__(self, share: float, seed: int) -> None:
        self._share = share
        self._seed = seed
        self._faults = 0

    def next_fate(self, number: int) -> Fate:
        """The fate of request `number`; numbers come in order."""
        rolled = hashlib.sha256(f"{self._seed}:{number}".encode()).digest()[:8]
        if int.from_bytes(rolled, "big") >= self._share * _WHOLE:
            return Fate.PAINTED
        fate = FAULTS[self._faults % len(FAULTS)]
        self._faults += 1
        return fate

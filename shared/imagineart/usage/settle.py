"""A request is settled before its response is sent: its slot is given back, and it is counted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from imagineart.access.admit import Admission
from imagineart.access.authenticate import Caller
from imagineart.errors import ImagineArtError
from imagineart.usage.model import FinishedRequest


class LeavingRequests(Protocol):
    """What `RequestLimits` does when a request ends."""

    def leave(self, admission: Admission, *, images: int) -> None: ...


class UsageCounter(Protocol):
    """Where requests are counted for the operator."""

    def count(self, request: FinishedRequest) -> None: ...


class TokenUseNotes(Protocol):
    """Where the last use of a token is noted."""

    def note_use(self, token_id: str, *, day: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Settlement:
    """Settles requests; `report` is called with what failed, for the log and a metric."""

    limits: LeavingRequests
    usage: UsageCounter
    tokens: TokenUseNotes
    report: Callable[[str], None]

    def settle(self, caller: Caller, admission: Admission | None, finished: FinishedRequest) -> None:
        """Settle one request. Raises nothing: what fails is reported, and the rest is still done.

        `admission` is None for a request that a limit refused.
        """
        if admission is not None:
            self.leave(admission, images=finished.images)
        self._attempt("usage", lambda: self.usage.count(finished))
        if caller.last_used_on != finished.day:
            self._attempt("token", lambda: self.tokens.note_use(caller.token_id, day=finished.day))

    def leave(self, admission: Admission, *, images: int = 0) -> None:
        """Settle the limits alone of a request that is counted nowhere else. Raises nothing."""
        self._attempt("slot", lambda: self.limits.leave(admission, images=images))

    def _attempt(self, part: str, act: Callable[[], None]) -> None:
        try:
            act()
        except ImagineArtError as error:
            self.report(f"{part}: {error.detail or error.message}")
        except Exception as error:
            self.report(f"{part}: {type(error).__name__} {error}")

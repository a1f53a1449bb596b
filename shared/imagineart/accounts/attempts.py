"""How often one client may try something: logging in to an account, signing up, asking for mail.

Attempts are counted before they are made, so that many at the same time are bounded too. What is counted is
a digest of the account and the client's address, and is deleted after its window.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from imagineart.access.base62 import to_base62
from imagineart.errors import RateLimitedError
from imagineart.images.seeds import RandomBelow

_NONCE_BITS: Final = 48


@dataclass(frozen=True, slots=True)
class Bound:
    """At most `attempts` in each window of `seconds`."""

    name: str
    attempts: int
    seconds: int


LOG_IN: Final = Bound("login", 10, 15 * 60)
"""Failed log-ins to one account from one address."""
SIGN_UP: Final = Bound("signup", 5, 3600)
"""From one address."""
FORGOT: Final = Bound("forgot", 5, 3600)
"""From one address for one account, which may be unknown."""
RESET: Final = Bound("reset", 10, 3600)
"""Links that one address tries."""
MAIL: Final = Bound("mail", 3, 3600)
"""Mails to one account, from wherever they are asked for."""


class AttemptsReachedError(RateLimitedError):
    """A client tried too often."""

    code = "rate_limited"


class AttemptCounters(Protocol):
    """Where attempts are counted. See `AttemptStore` for what each method does."""

    def count(self, key: str, *, limit: int, expires_at: int, nonce: str) -> bool: ...

    def forget(self, key: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Attempts:
    """Bounds attempts. Every method raises AwsCallError."""

    counters: AttemptCounters
    random_below: RandomBelow
    clock: Callable[[], float]

    def take(self, bound: Bound, *subject: str, nonce: str | None = None) -> None:
        """Count an attempt, and one that is tried again with the same `nonce` once.

        Raises AttemptsReachedError where no more are allowed in this window.
        """
        now = int(self.clock())
        ends_at = self._window_end(bound, now)
        counted = self.counters.count(
            _key(bound, ends_at, subject),
            limit=bound.attempts,
            expires_at=ends_at,
            nonce=nonce or to_base62(self.random_below(2**_NONCE_BITS), 9),
        )
        if not counted:
            raise AttemptsReachedError(
                "Too many attempts. Retry after the seconds in Retry-After.",
                retry_after_seconds=ends_at - now,
                detail=f"bound {bound.name}",
            )

    def forget(self, bound: Bound, *subject: str) -> None:
        """Count no attempts of this window, because one succeeded."""
        self.counters.forget(_key(bound, self._window_end(bound, int(self.clock())), subject))

    @staticmethod
    def _window_end(bound: Bound, now: int) -> int:
        return now - now % bound.seconds + bound.seconds


def _key(bound: Bound, ends_at: int, subject: tuple[str, ...]) -> str:
    digest = hashlib.sha256("\n".join((bound.name, *subject)).encode()).hexdigest()
    return f"attempts#{digest[:40]}#{ends_at}"

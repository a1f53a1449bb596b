"""Session tokens: JSON Web Tokens that name an account, signed with HMAC-SHA256 under a versioned key.

The algorithm is fixed, and the header's ``kid`` chooses among our own keys alone. A new key signs later
sessions, and the keys before it go on to verify earlier ones until the operator removes them.
Sources: RFC 7519, RFC 8725 3.1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import jwt

from imagineart.access.tokens import Peppers
from imagineart.errors import InvalidTokenError

SESSION_SECONDS: Final = 8 * 86_400
AUDIENCE: Final = "imaginelab"
_ALGORITHM: Final = "HS256"
_REFUSED: Final = "Could not validate credentials. Log in again."


class SessionKeys(Protocol):
    """The keys that sign, as `PepperStore` reads them."""

    def read(self) -> Peppers:
        """Every key, and the name of the present one, as of some minutes ago at most."""

    def read_anew(self) -> Peppers:
        """The same as of some seconds ago at most."""


@dataclass(frozen=True, slots=True)
class Session:
    """What a session token says."""

    account_id: int
    epoch: int


@dataclass(frozen=True, slots=True)
class SessionTokens:
    """Issues and reads session tokens."""

    keys: SessionKeys
    clock: Callable[[], float]

    def issue(self, session: Session) -> str:
        """A token that is valid for eight days. Raises InternalError."""
        keys, now = self.keys.read(), int(self.clock())
        claims = {
            "sub": str(session.account_id),
            "epoch": session.epoch,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + SESSION_SECONDS,
        }
        key = keys.keys[keys.current_version]
        return jwt.encode(claims, key, _ALGORITHM, headers={"kid": keys.current_version})

    def read(self, text: str) -> Session:
        """The session of a token. Raises InvalidTokenError for one that is not ours, expired or malformed."""
        try:
            claims = jwt.decode(
                text,
                self._key(str(jwt.get_unverified_header(text).get("kid"))),
                algorithms=[_ALGORITHM],
                audience=AUDIENCE,
                # The clock is the one that issued it.
                options={"require": ["sub", "aud", "exp"], "verify_exp": False, "verify_iat": False},
            )
            session = Session(int(claims["sub"]), int(claims["epoch"]))
            is_expired = int(claims["exp"]) <= self.clock()
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError) as error:
            raise refused_session(f"session: {type(error).__name__}") from error
        if is_expired:
            raise refused_session(f"session of account {session.account_id}: expired")
        return session

    def _key(self, version: str) -> str:
        """The key of a version, read anew for one that was added recently. Raises InvalidTokenError."""
        key = self.keys.read().keys.get(version) or self.keys.read_anew().keys.get(version)
        if not key:
            raise refused_session("session: unknown key")
        return key


def refused_session(detail: str) -> InvalidTokenError:
    """The error of a token of any kind, the same for each reason, which is for the log."""
    return InvalidTokenError(_REFUSED, detail=detail)

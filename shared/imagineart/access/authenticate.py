"""Who is calling: a bearer token becomes the consumer it was issued to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from imagineart.access.refused_tokens import RefusedTokens
from imagineart.access.tokens import Peppers, Scope, StoredToken, TokenKind, matches, parse_token
from imagineart.errors import InvalidTokenError, MissingBearerTokenError, NoTokensConfiguredError


class TokenLookup(Protocol):
    """Where stored tokens are found."""

    def find(self, token_id: str) -> StoredToken | None:
        """The stored token, also a revoked or expired one, or None."""

    def has_tokens(self) -> bool:
        """Whether any token was ever stored here."""


class PepperLookup(Protocol):
    """Where peppers are found."""

    def read(self) -> Peppers:
        """All versions, as of some minutes ago at most."""

    def read_anew(self) -> Peppers:
        """All versions, as of some seconds ago at most."""


class TokenRevoker(Protocol):
    """Where tokens of either kind are revoked."""

    def revoke(self, token_id: str, *, now: int) -> None:
        """End the token, from the next request on."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller; `token_id` is public, `last_used_on` the day (UTC) of an earlier request."""

    consumer_id: str
    token_id: str
    scopes: frozenset[Scope]
    last_used_on: str | None = None


class Authenticator:
    """Checks bearer tokens, each against the store of its kind."""

    def __init__(
        self,
        stores: Mapping[TokenKind, TokenLookup],
        peppers: PepperLookup,
        revoker: TokenRevoker,
        clock: Callable[[], float],
    ) -> None:
        self._stores = stores
        self._peppers = peppers
        self._revoker = revoker
        self._clock = clock
        self._refused = RefusedTokens()
        self._has_seen_token = False

    def authenticate(self, bearer: str | None, *, sent_over_plain_http: bool) -> Caller:
        """The caller whose token is `bearer`; a live token sent over plain HTTP is revoked at once.

        Raises MissingBearerTokenError, InvalidTokenError, WrongTokensError, NoTokensConfiguredError. Whether
        a token is unknown, expired, revoked or has a wrong secret is for the log, not for the caller.
        """
        if not bearer:
            raise MissingBearerTokenError
        token = parse_token(bearer)
        if token is None:
            raise InvalidTokenError(detail="malformed token")
        now = int(self._clock())
        self._refused.refuse_known(token, self._peppers.read(), now=now)
        stored = self._stores[token.kind].find(token.id)
        peppers = self._peppers_with(stored)
        is_genuine = matches(token, stored, peppers)
        if stored is None:
            self._require_some_token()
        self._has_seen_token = True
        if stored is None or not is_genuine or not stored.is_live(now):
            # A pepper that is missing now may have been added by the next request.
            if stored is None or stored.pepper_version in peppers.keys:
                self._refused.remember(token.id, stored, now=now)
            raise InvalidTokenError(detail=f"{_reason(stored, is_genuine=is_genuine)} {token.id}")
        if sent_over_plain_http:
            self._revoker.revoke(token.id, now=now)
            raise InvalidTokenError(
                "This token was sent over plain HTTP and has been revoked. Use HTTPS and a new token.",
                detail=f"token {token.id} sent over plain HTTP",
            )
        return Caller(stored.consumer_id, token.id, stored.scopes, stored.last_used_on)

    def recall(self, token_id: str) -> Caller:
        """The caller of a token that was authenticated before, as over the same connection.

        Raises InvalidTokenError where the token has ended since.
        """
        stored = self._stores[TokenKind(token_id[0])].find(token_id)
        if stored is None or not stored.is_live(int(self._clock())):
            raise InvalidTokenError(detail=f"{_reason(stored, is_genuine=True)} {token_id}")
        return Caller(stored.consumer_id, token_id, stored.scopes, stored.last_used_on)

    def _peppers_with(self, stored: StoredToken | None) -> Peppers:
        """The peppers, read anew for a token made under one that was added recently."""
        peppers = self._peppers.read()
        if stored is None or stored.pepper_version in peppers.keys:
            return peppers
        return self._peppers.read_anew()

    def _require_some_token(self) -> None:
        """Check until one was seen, so that an unknown id costs no more reads than a wrong secret."""
        if not self._has_seen_token and not any(store.has_tokens() for store in self._stores.values()):
            raise NoTokensConfiguredError


def _reason(stored: StoredToken | None, *, is_genuine: bool) -> str:
    """Why a token was refused, for the log."""
    if stored is None:
        return "unknown token id"
    return "revoked or expired token" if is_genuine else "wrong secret for token"

"""Who is calling: a bearer token becomes the consumer it was issued to."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from imagineart.errors import InvalidTokenError, MissingBearerTokenError, NoTokensConfiguredError
from imagineart.access.tokens import Scope
from imagineart.domain.ports import Clock, PepperSource, TokenMarks, TokenStore
from imagineart.access.tokens import Peppers, StoredToken, TokenKind, matches, parse_token
from imagineart.access.refused_tokens import RefusedTokens


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller; `token_id` is public, `last_used_on` the day (UTC) of an earlier request."""

    consumer_id: str
    token_id: str
    scopes: frozenset[Scope]
    last_used_on: str | None = None


@dataclass(frozen=True, slots=True)
class AuthenticateCaller:
    """Checks bearer tokens against the store their kind belongs to."""

    stores: Mapping[TokenKind, TokenStore]
    peppers: PepperSource
    marks: TokenMarks
    clock: Clock
    refused: RefusedTokens = field(default_factory=RefusedTokens)
    _seen: "_Seen" = field(default_factory=lambda: _Seen())

    def __call__(self, bearer: str | None, *, sent_over_plain_http: bool) -> Caller:
        """The caller who holds `bearer`; a live token sent over plain HTTP is revoked on the spot.

        Raises MissingBearerTokenError, InvalidTokenError, WrongTokensError, NoTokensConfiguredError. The
        caller is not told whether a token is unknown, expired, revoked or has a wrong secret; the log is.
        """
        if not bearer:
            raise MissingBearerTokenError
        token = parse_token(bearer)
        if token is None:
            raise InvalidTokenError(detail="malformed token")
        now = int(self.clock())
        self.refused.refuse_known(token, self.peppers.read(), now=now)
        stored = self.stores[token.kind].find(token.id)
        peppers = self._peppers_with(stored)
        genuine = matches(token, stored, peppers)
        if stored is None:
            self._require_some_token()
        self._seen.token = True
        if stored is None or not genuine or not stored.is_live(now):
            # A pepper that is not there yet may be in a moment.
            if stored is None or stored.pepper_version in peppers.keys:
                self.refused.remember(token.id, stored, now=now)
            raise InvalidTokenError(detail=f"{_fault(stored, genuine)} {token.id}")
        if sent_over_plain_http:
            self.marks.revoke(token.id, now=now)
            raise InvalidTokenError(
                "This token was sent over plain HTTP and has been revoked. Use HTTPS and a new token.",
                detail=f"token {token.id} sent over plain HTTP",
            )
        return Caller(stored.consumer_id, token.id, stored.scopes, stored.last_used_on)

    def _peppers_with(self, stored: StoredToken | None) -> Peppers:
        """The peppers, looked up anew for a token made under one that was added a moment ago."""
        peppers = self.peppers.read()
        if stored is None or stored.pepper_version in peppers.keys:
            return peppers
        return self.peppers.read_anew()

    def _require_some_token(self) -> None:
        """Asked until one was seen, so that an unknown id costs no more reads than a wrong secret."""
        if not self._seen.token and not any(store.has_tokens() for store in self.stores.values()):
            raise NoTokensConfiguredError


@dataclass(slots=True)
class _Seen:
    """Whether this environment knows that there is any token; there will be one ever after."""

    token: bool = False


def _fault(stored: StoredToken | None, genuine: bool) -> str:
    """What the log is told of a refused token."""
    if stored is None:
        return "unknown token id"
    return "revoked or expired token" if genuine else "wrong secret for token"

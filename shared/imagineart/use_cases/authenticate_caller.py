"""Who is calling: a bearer token becomes the consumer it was issued to."""

from collections.abc import Mapping
from dataclasses import dataclass

from imagineart.domain.consumers import Consumer
from imagineart.domain.errors import InvalidTokenError, MissingBearerTokenError, NoTokensConfiguredError
from imagineart.domain.ports import Clock, PepperSource, Revocations, TokenStore
from imagineart.domain.tokens import TokenKind, matches, parse_token


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller; `token_id` is public."""

    consumer: Consumer
    token_id: str


@dataclass(frozen=True, slots=True)
class AuthenticateCaller:
    """Checks bearer tokens against the store their kind belongs to."""

    stores: Mapping[TokenKind, TokenStore]
    peppers: PepperSource
    revocations: Revocations
    clock: Clock

    def __call__(self, bearer: str | None, *, sent_over_plain_http: bool) -> Caller:
        """The caller who holds `bearer`; a live token sent over plain HTTP is revoked on the spot.

        Raises MissingBearerTokenError, InvalidTokenError, NoTokensConfiguredError. The caller is not told
        whether a token is unknown, expired, revoked or has a wrong secret; the log is.
        """
        if not bearer:
            raise MissingBearerTokenError
        token = parse_token(bearer)
        if token is None:
            raise InvalidTokenError(detail="malformed token")
        now = int(self.clock())
        stored = self.stores[token.kind].find(token.id)
        genuine = matches(token, stored, self.peppers.read())
        if stored is None:
            self._require_some_token()
            raise InvalidTokenError(detail=f"unknown token id {token.id}")
        if not genuine:
            raise InvalidTokenError(detail=f"wrong secret for token {token.id}")
        if not stored.is_live(now):
            raise InvalidTokenError(detail=f"revoked or expired token {token.id}")
        if sent_over_plain_http:
            self.revocations.revoke(token.id, now=now)
            raise InvalidTokenError(
                "This token was sent over plain HTTP and has been revoked. Use HTTPS and a new token.",
                detail=f"token {token.id} sent over plain HTTP",
            )
        return Caller(stored.consumer, token.id)

    def _require_some_token(self) -> None:
        if not any(store.has_tokens() for store in self.stores.values()):
            raise NoTokensConfiguredError

"""The operator's side of tokens: issue, list, rotate, expire, revoke."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Protocol

from imagineart.access.authenticate import PepperLookup, TokenRevoker
from imagineart.access.limits import DAY_SECONDS
from imagineart.access.manage_consumers import ConsumerRegister, find_registered
from imagineart.access.tokens import (
    ALL_SCOPES,
    ROTATION_DAYS,
    Scope,
    StoredToken,
    Token,
    TokenKind,
    create_token,
)
from imagineart.errors import ImagineArtError, InvalidRequestError, NotFoundError
from imagineart.images.seeds import RandomBelow

DEFAULT_OVERLAP_DAYS: Final = 7
_MAX_LIFE_DAYS: Final = 3650


class TokenRegister(Protocol):
    """Where new tokens of one kind are put."""

    def add_token(self, token: StoredToken) -> None:
        """Store a new token; earlier ones of its consumer stay valid."""

    def list_tokens(self) -> list[StoredToken]:
        """Every token, also revoked and expired ones."""

    def set_expiry(self, token: StoredToken, expires_at: int) -> None:
        """End a token at that time (Unix seconds), if it does not end sooner."""


class TokenState(StrEnum):
    """The state of a token; a token that is due for rotation is still live."""

    LIVE = "live"
    DUE = "due"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Rotation:
    """A new token, its stored form, and the old token with its end."""

    token: Token
    stored: StoredToken
    replaced: StoredToken


@dataclass(frozen=True, slots=True)
class ManageTokens:
    """Issues, lists, rotates, expires and revokes tokens of registered consumers."""

    registers: Mapping[TokenKind, TokenRegister]
    consumers: ConsumerRegister
    revoker: TokenRevoker
    peppers: PepperLookup
    random_below: RandomBelow
    clock: Callable[[], float]

    def issue(
        self,
        consumer_id: str,
        kind: TokenKind,
        *,
        life_days: int | None,
        scopes: frozenset[Scope] = ALL_SCOPES,
    ) -> tuple[Token, StoredToken]:
        """A new token; earlier ones stay valid. Its secret is stored nowhere.

        Raises InvalidRequestError for no scope and for a life out of bounds; NotFoundError for an unknown
        consumer.
        """
        if life_days is not None:
            _require_days("expires_in_days", life_days, lowest=1)
        if not scopes:
            raise InvalidRequestError("scopes", f"got none; allowed: one or more of {', '.join(Scope)}.")
        consumer = find_registered(self.consumers, consumer_id)
        peppers = self.peppers.read()
        token = create_token(kind, self.random_below)
        now = int(self.clock())
        stored = StoredToken(
            id=token.id,
            consumer_id=consumer.id,
            digest=peppers.digest(token.secret, peppers.current_version),
            pepper_version=peppers.current_version,
            created_at=now,
            scopes=scopes,
            expires_at=now + life_days * DAY_SECONDS if life_days else None,
        )
        self.registers[kind].add_token(stored)
        return token, stored

    def list(self, *, consumer_id: str | None = None) -> list[StoredToken]:
        """Every token of every kind, of one consumer if it is named, oldest first.

        Raises NotFoundError for a consumer that is not registered and has no token.
        """
        tokens = [
            token
            for register in self.registers.values()
            for token in register.list_tokens()
            if consumer_id is None or token.consumer_id == consumer_id
        ]
        if consumer_id is not None and not tokens:
            find_registered(self.consumers, consumer_id)
        return sorted(tokens, key=lambda token: (token.created_at, token.id))

    def find(self, token_id: str) -> StoredToken:
        """The token, searched only in the store of its kind. Raises NotFoundError for an unknown id."""
        register = self.registers.get(TokenKind(token_id[0])) if token_id[:1] in list(TokenKind) else None
        for token in register.list_tokens() if register else ():
            if token.id == token_id:
                return token
        raise NotFoundError("token", token_id)

    def state_of(self, token: StoredToken) -> TokenState:
        """The state of the token."""
        now = int(self.clock())
        if token.revoked_at is not None:
            return TokenState.REVOKED
        if not token.is_live(now):
            return TokenState.EXPIRED
        return TokenState.DUE if token.is_due(now) else TokenState.LIVE

    def rotate(self, token_id: str, *, overlap_days: int, life_days: int | None) -> Rotation:
        """A new token for the same consumer, scopes and kind; the old one ends after the overlap, or at once.

        An old one that ends sooner keeps its end. Raises InvalidRequestError for days out of bounds, for a
        token that has ended, and for one that expires where the new one is given no life; NotFoundError for
        an unknown id.
        """
        _require_days("overlap_days", overlap_days, lowest=0, highest=ROTATION_DAYS)
        old = self._find_live(token_id)
        if old.expires_at is not None and life_days is None:
            raise InvalidRequestError(
                "expires_in_days",
                f"got none, and {old.id} expires on {_date(old.expires_at)}; give the new one's days.",
            )
        token, stored = self.issue(
            old.consumer_id, TokenKind(old.id[0]), life_days=life_days, scopes=old.scopes
        )
        try:
            replaced = self._end_after(old, overlap_days)
        except ImagineArtError:
            # The operator does not get to see the new one.
            self.revoker.revoke(token.id, now=int(self.clock()))
            raise
        return Rotation(token, stored, replaced)

    def expire(self, token_id: str, *, in_days: int) -> StoredToken:
        """End the token in some days, never later than it would end.

        Raises InvalidRequestError for days out of bounds and for a token that has ended or ends sooner;
        NotFoundError for an unknown id.
        """
        _require_days("in_days", in_days, lowest=1)
        token = self._find_live(token_id)
        ends_at = int(self.clock()) + in_days * DAY_SECONDS
        if token.expires_at is not None and token.expires_at < ends_at:
            raise InvalidRequestError(
                "in_days", f"got {in_days}; the token ends sooner already, on {_date(token.expires_at)}."
            )
        return self._end(token, ends_at)

    def revoke(self, token_id: str) -> StoredToken:
        """End a token, on the very next request. Raises NotFoundError for an unknown id."""
        return self._revoke(self.find(token_id))

    def revoke_all(self, consumer_id: str) -> tuple[StoredToken, ...]:
        """Revoke every live token of a consumer, and return them.

        Where one store cannot be read, the tokens of the others are still revoked before the error is raised.
        Raises NotFoundError for a consumer that is not registered and has no token.
        """
        now = int(self.clock())
        held: list[StoredToken] = []
        ended: list[StoredToken] = []
        failure: ImagineArtError | None = None
        for register in self.registers.values():
            try:
                tokens = [token for token in register.list_tokens() if token.consumer_id == consumer_id]
                held += tokens
                ended += [self._revoke(token) for token in tokens if token.is_live(now)]
            except ImagineArtError as error:
                failure = error
        if failure is not None:
            raise failure
        if not held:
            find_registered(self.consumers, consumer_id)
        return tuple(sorted(ended, key=lambda token: (token.created_at, token.id)))

    def _find_live(self, token_id: str) -> StoredToken:
        token = self.find(token_id)
        if not token.is_live(int(self.clock())):
            raise InvalidRequestError("token", f"got '{token.id}', which is {self.state_of(token)} already.")
        return token

    def _end_after(self, old: StoredToken, overlap_days: int) -> StoredToken:
        if overlap_days == 0:
            return self._revoke(old)
        ends_at = int(self.clock()) + overlap_days * DAY_SECONDS
        if old.expires_at is not None and old.expires_at <= ends_at:
            return old
        return self._end(old, ends_at)

    def _end(self, token: StoredToken, ends_at: int) -> StoredToken:
        self.registers[TokenKind(token.id[0])].set_expiry(token, ends_at)
        return replace(token, expires_at=ends_at)

    def _revoke(self, token: StoredToken) -> StoredToken:
        now = int(self.clock())
        self.revoker.revoke(token.id, now=now)
        return token if token.revoked_at is not None else replace(token, revoked_at=now)


def _require_days(field: str, days: int, *, lowest: int, highest: int = _MAX_LIFE_DAYS) -> None:
    if not lowest <= days <= highest:
        raise InvalidRequestError(field, f"got {str(days)[:20]}; allowed: {lowest} to {highest}.")


def _date(unix_seconds: int) -> str:
    return datetime.fromtimestamp(unix_seconds, UTC).date().isoformat()

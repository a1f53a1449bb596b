"""The operator's side of tokens: issue, list, revoke."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from imagineart.domain.errors import InvalidRequestError
from imagineart.domain.ports import Clock, ConsumerRegister, PepperSource, Revocations, TokenRegister
from imagineart.domain.seeds import RandomBelow
from imagineart.domain.tokens import StoredToken, Token, TokenKind, create_token

_SECONDS_A_DAY: Final = 86_400
_MAX_LIFE_DAYS: Final = 3650


@dataclass(frozen=True, slots=True)
class ManageTokens:
    """Issues, lists and revokes tokens of registered consumers."""

    registers: Mapping[TokenKind, TokenRegister]
    consumers: ConsumerRegister
    revocations: Revocations
    peppers: PepperSource
    random_below: RandomBelow
    clock: Clock

    def issue(self, consumer_id: str, kind: TokenKind, *, life_days: int | None) -> tuple[Token, StoredToken]:
        """A new token beside the consumer's earlier ones; its secret exists only in the answer.

        Raises InvalidRequestError for an unknown consumer or a life out of bounds.
        """
        consumer = self.consumers.find_consumer(consumer_id)
        if consumer is None:
            raise InvalidRequestError(
                "consumer", f"got '{consumer_id[:80]}', which is not registered; create it first."
            )
        if life_days is not None and not 1 <= life_days <= _MAX_LIFE_DAYS:
            raise InvalidRequestError("life_days", f"got {life_days}; allowed is 1 to {_MAX_LIFE_DAYS}.")
        peppers = self.peppers.read()
        token = create_token(kind, self.random_below)
        now = int(self.clock())
        stored = StoredToken(
            id=token.id,
            consumer=consumer,
            digest=peppers.digest(token.secret, peppers.current_version),
            pepper_version=peppers.current_version,
            created_at=now,
            expires_at=now + life_days * _SECONDS_A_DAY if life_days else None,
        )
        self.registers[kind].add_token(stored)
        return token, stored

    def list(self) -> list[StoredToken]:
        """Every token of every kind, oldest first."""
        tokens = [token for register in self.registers.values() for token in register.list_tokens()]
        return sorted(tokens, key=lambda token: (token.created_at, token.id))

    def revoke(self, token_id: str) -> StoredToken:
        """End a token, on the very next request. Raises InvalidRequestError for an unknown id."""
        for token in self.list():
            if token.id == token_id:
                self.revocations.revoke(token_id, now=int(self.clock()))
                return token
        raise InvalidRequestError("token", f"got '{token_id[:80]}', which is no known token id.")

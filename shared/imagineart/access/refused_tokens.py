"""Tokens that one Lambda environment refused recently, so that a flood of them costs no reads.

The right secret of an id is accepted also while wrong ones are refused.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from imagineart.access.tokens import Peppers, StoredToken, Token, matches
from imagineart.errors import InvalidTokenError, RateLimitedError

REMEMBERED_SECONDS: Final = 30
"""How long a refusal is remembered before the token's store is read again."""

UNKNOWN_SECONDS: Final = 5
"""The same for an id that the store does not have: the token may be created in the meantime."""

REFUSALS_TO_SLOW: Final = 5
"""After so many refusals of one id within that time, its requests are rate limited for the rest of it."""

_MAX_REMEMBERED: Final = 1_000


class WrongTokensError(RateLimitedError):
    """Too many requests came with one token's id and a wrong secret; the right secret is still accepted."""

    code = "rate_limited"
    retryable = False

    def __init__(self, *, retry_after_seconds: int, detail: str) -> None:
        super().__init__(
            "Too many requests with this invalid API token. Use a valid one; Retry-After says when this one "
            "is checked again.",
            retry_after_seconds=retry_after_seconds,
            detail=detail,
        )


@dataclass(slots=True)
class _Refusals:
    stored: StoredToken | None
    until: int
    count: int


class RefusedTokens:
    """The ids of tokens that were refused recently, with what the store has of them."""

    def __init__(self) -> None:
        self._refusals: OrderedDict[str, _Refusals] = OrderedDict()

    def refuse_known(self, token: Token, peppers: Peppers, *, now: int) -> None:
        """Raises InvalidTokenError or WrongTokensError for a token that is known to be refused."""
        known = self._refusals.get(token.id)
        if known is None or now >= known.until:
            return
        if matches(token, known.stored, peppers) and known.stored and known.stored.is_live(now):
            return
        known.count += 1
        detail = f"token {token.id} refused {known.count} times"
        if known.count > REFUSALS_TO_SLOW:
            raise WrongTokensError(retry_after_seconds=known.until - now, detail=detail)
        raise InvalidTokenError(detail=detail)

    def remember(self, token_id: str, stored: StoredToken | None, *, now: int) -> None:
        """Remember that a token was refused after `stored` was read."""
        self._refusals[token_id] = _Refusals(
            stored, now + (REMEMBERED_SECONDS if stored else UNKNOWN_SECONDS), 1
        )
        self._refusals.move_to_end(token_id)
        if len(self._refusals) > _MAX_REMEMBERED:
            self._refusals.popitem(last=False)

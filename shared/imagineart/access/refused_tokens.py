"""What one Lambda environment remembers of tokens that were refused, so that a flood of them costs no reads.

Only what was read is remembered, and whoever holds the right secret is never in anybody's way.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from imagineart.errors import InvalidTokenError, WrongTokensError
from imagineart.access.tokens import Peppers, StoredToken, Token, matches

REMEMBERED_SECONDS: Final = 30
"""How long a refusal stands before the token's store is asked again."""

UNKNOWN_SECONDS: Final = 5
"""The same for an id that the store does not hold: a new token may reach it a moment later."""

REFUSALS_TO_SLOW: Final = 5
"""So many refusals of one id within that time make it wait for the rest of it."""

_MAX_REMEMBERED: Final = 1_000


@dataclass(slots=True)
class _Refusals:
    stored: StoredToken | None
    until: int
    count: int


class RefusedTokens:
    """The ids whose tokens were refused a moment ago, and what the store holds of them."""

    def __init__(self) -> None:
        self._refusals: OrderedDict[str, _Refusals] = OrderedDict()

    def refuse_known(self, token: Token, peppers: Peppers, *, now: int) -> None:
        """Raises InvalidTokenError or WrongTokensError where the store's answer is known to be no."""
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
        """A token was refused after `stored` was read."""
        self._refusals[token_id] = _Refusals(
            stored, now + (REMEMBERED_SECONDS if stored else UNKNOWN_SECONDS), 1
        )
        self._refusals.move_to_end(token_id)
        if len(self._refusals) > _MAX_REMEMBERED:
            self._refusals.popitem(last=False)

"""Which tokens somebody should look at: the reference asks for a rotation every 90 days."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from imagineart.access.limits import DAY_SECONDS
from imagineart.domain.observations import TokenCensus
from imagineart.domain.ports import Clock, Metrics, TokenRegister

ENDING_DAYS: Final = 14
"""A token that ends by itself within so many days is told beforehand."""


@dataclass(frozen=True, slots=True)
class TokenReview:
    """How many tokens are live, and the ids of those that are due or ending, sorted."""

    live: int
    due: tuple[str, ...]
    ending: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReviewTokens:
    """Looks at the live tokens of every store; `tell` gets the ids, which metrics cannot hold."""

    registers: Sequence[TokenRegister]
    metrics: Metrics
    tell: Callable[[TokenReview], None]
    clock: Clock

    def __call__(self) -> TokenReview:
        """The review of this moment, which is also noted. Raises InternalError where a store cannot be read.

        A token that has an end was rotated already, or never needs to be: it is ending, and not due.
        """
        now = int(self.clock())
        tokens = [token for register in self.registers for token in register.list_tokens()]
        live = [token for token in tokens if token.is_live(now)]
        due = sorted(token.id for token in live if token.expires_at is None and token.is_due(now))
        soon = now + ENDING_DAYS * DAY_SECONDS
        ending = sorted(
            token.id for token in live if token.expires_at is not None and token.expires_at <= soon
        )
        review = TokenReview(len(live), tuple(due), tuple(ending))
        self.metrics.note_tokens(TokenCensus(review.live, len(due), len(ending)))
        self.tell(review)
        return review

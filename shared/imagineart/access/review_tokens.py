"""Tokens that need the operator's attention: the API reference requires a rotation every 90 days."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from imagineart.access.limits import DAY_SECONDS
from imagineart.access.manage_tokens import TokenRegister

ENDING_DAYS: Final = 14
"""A token that ends by itself is reported so many days before."""


@dataclass(frozen=True, slots=True)
class TokenReview:
    """How many tokens are live, and the sorted ids of those that are due for rotation or end soon."""

    live: int
    due: tuple[str, ...]
    ending: tuple[str, ...]


def review_tokens(registers: Sequence[TokenRegister], *, now: int) -> TokenReview:
    """The review of the live tokens of every store. Raises InternalError where a store cannot be read.

    A token that has an end was rotated already or is not meant to be: it is ending, and not due.
    """
    tokens = [token for register in registers for token in register.list_tokens()]
    live = [token for token in tokens if token.is_live(now)]
    due = sorted(token.id for token in live if token.expires_at is None and token.is_due(now))
    soon = now + ENDING_DAYS * DAY_SECONDS
    ending = sorted(token.id for token in live if token.expires_at is not None and token.expires_at <= soon)
    return TokenReview(len(live), tuple(due), tuple(ending))

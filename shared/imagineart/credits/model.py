"""What a wallet and its ledger hold, and what a change of them may refuse."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from imagineart.errors import ImagineArtError, InvalidRequestError, RateLimitedError

MAX_RESERVATIONS: Final = 200
"""Generations of one account that are in progress, which bounds the wallet's item."""

MAX_AMOUNT: Final = 1_000_000_000
"""Credits that one change may give or take back."""

RETRY_SECONDS: Final = 10


class InsufficientCreditsError(ImagineArtError):
    """The wallet has less than a generation costs."""

    code = "insufficient_credits"

    def __init__(self) -> None:
        super().__init__("Insufficient credits")


class TooManyReservationsError(RateLimitedError):
    """As many generations as an account may have are in progress."""

    code = "rate_limited"

    def __init__(self) -> None:
        super().__init__(
            f"{MAX_RESERVATIONS} generations are in progress, which is the most; retry when one has ended.",
            retry_after_seconds=RETRY_SECONDS,
        )


class EntryKind(StrEnum):
    """Why the ledger has an entry."""

    GRANTED = "granted"
    REVOKED = "revoked"
    TAKEN = "taken"
    GIVEN_BACK = "given_back"


@dataclass(frozen=True, slots=True)
class Entry:
    """One change: `amount` is what it added to the wallet, below zero where it took, zero for what came back.

    The wallet's balance and its reservations together are the sum of all amounts. `at` is in Unix seconds.
    A change that was interrupted is not applied yet.
    """

    reference: str
    kind: EntryKind
    amount: int
    at: int
    is_applied: bool = True


@dataclass(frozen=True, slots=True)
class Wallet:
    """What an account has: credits that it may spend, and those that each open generation reserves.

    `applying` has the amounts of changes that are in the balance and whose entry may not say so yet.
    `version` changes with it.
    """

    balance: int
    reservations: Mapping[str, int]
    applying: Mapping[str, int]
    version: int


EMPTY_WALLET: Final = Wallet(0, {}, {}, 0)


def check_amount(amount: int) -> None:
    """Raises InvalidRequestError for an amount out of bounds."""
    if not 1 <= amount <= MAX_AMOUNT:
        raise InvalidRequestError("amount", f"got {amount}; allowed: 1 to {MAX_AMOUNT}.")

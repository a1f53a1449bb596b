"""A paid purchase grants credits, and a refund or a dispute takes them back; each once."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from imagineart.accounts.model import Account
from imagineart.credits.model import Entry


class PaymentEventKind(StrEnum):
    """What a payment provider reports."""

    PAID = "paid"
    TAKEN_BACK = "taken_back"


@dataclass(frozen=True, slots=True)
class PaymentEvent:
    """What happened to a purchase. `reference` is the provider's id of what happened.

    `purchase` is the provider's id of the purchase, or, where that is not known, of the payment. `amount` is
    what was taken back, in the currency's smallest unit.
    """

    kind: PaymentEventKind
    reference: str
    purchase: str
    amount: int = 0


@dataclass(frozen=True, slots=True)
class Purchase:
    """Credits that an account bought for an amount, in the currency's smallest unit.

    `reference` is the provider's id of it.
    """

    reference: str
    account_id: int
    credits: int
    amount: int


class Outcome(StrEnum):
    """What was done about an event, for the log."""

    GRANTED = "granted"
    REVOKED = "revoked"
    NO_CREDITS = "no credits"
    NO_ACCOUNT = "no account"


class Purchases(Protocol):
    """Where purchases are found."""

    def find(self, event: PaymentEvent) -> Purchase | None:
        """The purchase of an event; None where none of credits was paid. Raises InternalError."""


class Accounts(Protocol):
    """The accounts. See `AccountStore.find`."""

    def find(self, account_id: int) -> Account | None: ...


class ChangesCredits(Protocol):
    """The credits. See `Credits` for what each method does."""

    def grant(self, account_id: int, amount: int, *, reference: str) -> Entry: ...

    def revoke(self, account_id: int, amount: int, *, reference: str) -> Entry: ...


@dataclass(frozen=True, slots=True)
class ApplyPayment:
    """Applies payments to credits."""

    purchases: Purchases
    accounts: Accounts
    credits: ChangesCredits

    def apply(self, event: PaymentEvent) -> Outcome:
        """Grant or take back the credits of an event, once for each reference. Raises InternalError."""
        purchase = self.purchases.find(event)
        if purchase is None:
            return Outcome.NO_CREDITS
        account = self.accounts.find(purchase.account_id)
        if account is None or account.is_closing:
            # Nothing would erase what is written of an account after its ledger is erased.
            return Outcome.NO_ACCOUNT
        # Events come in any order: credits that come after their refund would stay.
        self.credits.grant(purchase.account_id, purchase.credits, reference=f"stripe#{purchase.reference}")
        if event.kind is PaymentEventKind.PAID:
            return Outcome.GRANTED
        # In proportion, rounded in favour of the account.
        credits = purchase.credits * min(event.amount, purchase.amount) // max(purchase.amount, 1)
        if credits:
            self.credits.revoke(purchase.account_id, credits, reference=f"stripe#{event.reference}")
        return Outcome.REVOKED

"""Every change of an account's credits, each of which takes effect once, whatever is repeated or crashes.

A generation's credits are reserved in the wallet. When it ends, its ledger entry is written first: the first
entry decides whether the credits are taken or given back, and only then the reservation goes. A grant's entry
is written first too; the wallet then has the grant's reference beside the balance until the entry says that
it is applied, and `version` tells two callers apart that apply the same one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from imagineart.credits.model import (
    MAX_RESERVATIONS,
    Entry,
    EntryKind,
    InsufficientCreditsError,
    TooManyReservationsError,
    Wallet,
    check_amount,
)
from imagineart.errors import InternalError

_MAX_TRIES: Final = 20
"""How often one change is tried while others change the same wallet."""


class Wallets(Protocol):
    """Wallets and ledgers. See `WalletStore` for what each method does."""

    def find(self, account_id: int) -> Wallet: ...

    def reserve(self, account_id: int, generation: str, amount: int) -> Wallet | None: ...

    def release(self, account_id: int, generation: str, amount: int, *, gives_back: bool) -> None: ...

    def add_entry(self, account_id: int, entry: Entry) -> Entry: ...

    def find_entry(self, account_id: int, reference: str) -> Entry | None: ...

    def begin_change(self, account_id: int, reference: str, amount: int, *, version: int) -> None: ...

    def end_change(self, account_id: int, reference: str, amount: int, *, version: int) -> None: ...

    def erase(self, account_id: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Credits:
    """The credits of all accounts. Every method raises AwsCallError."""

    wallets: Wallets
    clock: Callable[[], float]

    def find(self, account_id: int) -> Wallet:
        """What an account has."""
        return self.wallets.find(account_id)

    def reserve(self, account_id: int, generation: str, amount: int) -> None:
        """Reserve what a generation costs; a repeated call reserves once.

        Raises InsufficientCreditsError, TooManyReservationsError.
        """
        if self.wallets.find_entry(account_id, _generation(generation)) is not None:
            return
        wallet = self.wallets.reserve(account_id, generation, amount)
        if wallet is None or generation in wallet.reservations:
            return
        if len(wallet.reservations) >= MAX_RESERVATIONS:
            raise TooManyReservationsError
        raise InsufficientCreditsError

    def take(self, account_id: int, generation: str) -> None:
        """Spend what a generation reserved, unless it was given back before."""
        self._settle(account_id, generation, EntryKind.TAKEN)

    def give_back(self, account_id: int, generation: str) -> None:
        """Return what a generation reserved, unless it was taken before."""
        self._settle(account_id, generation, EntryKind.GIVEN_BACK)

    def grant(self, account_id: int, amount: int, *, reference: str) -> Entry:
        """Add credits, once for each reference; returns the entry. Raises InvalidRequestError."""
        check_amount(amount)
        return self._change(account_id, reference, EntryKind.GRANTED, amount)

    def revoke(self, account_id: int, amount: int, *, reference: str) -> Entry:
        """Take credits back, as many as are left, once for each reference. Raises InvalidRequestError."""
        check_amount(amount)
        return self._change(account_id, reference, EntryKind.REVOKED, -amount)

    def erase(self, account_id: int) -> None:
        """Forget the wallet and the ledger of an account."""
        self.wallets.erase(account_id)

    def _settle(self, account_id: int, generation: str, kind: EntryKind) -> None:
        amount = self.wallets.find(account_id).reservations.get(generation)
        if amount is None:
            return
        taken = -amount if kind is EntryKind.TAKEN else 0
        entry = Entry(_generation(generation), kind, taken, int(self.clock()))
        decided = self.wallets.add_entry(account_id, entry).kind
        self.wallets.release(account_id, generation, amount, gives_back=decided is EntryKind.GIVEN_BACK)

    def _change(self, account_id: int, reference: str, kind: EntryKind, amount: int) -> Entry:
        now = int(self.clock())
        self.wallets.add_entry(account_id, Entry(reference, kind, amount, now, is_applied=False))
        for _ in range(_MAX_TRIES):
            # The wallet before the entry: what is applied in between has changed the wallet's version.
            wallet = self.wallets.find(account_id)
            for interrupted, applied in wallet.applying.items():
                self.wallets.end_change(account_id, interrupted, applied, version=wallet.version)
            entry = self.wallets.find_entry(account_id, reference)
            if entry is None or entry.is_applied:
                return entry or Entry(reference, kind, 0, now)
            if not wallet.applying:
                change = max(entry.amount, -wallet.balance)
                self.wallets.begin_change(account_id, reference, change, version=wallet.version)
        raise InternalError(detail=f"the credits of account {account_id} change too often for {reference}")


def _generation(generation: str) -> str:
    return f"generation#{generation}"

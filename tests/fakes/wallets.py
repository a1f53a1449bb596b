"""Wallets, ledgers and the ids of generations, kept in memory."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from imagineart.credits.model import EMPTY_WALLET, MAX_RESERVATIONS, Entry, Wallet
from imagineart.jobs.model import JobKey


@dataclass(slots=True)
class InMemoryWallets:
    """A WalletStore without DynamoDB."""

    wallets: defaultdict[int, Wallet] = field(default_factory=lambda: defaultdict(lambda: EMPTY_WALLET))
    ledger: dict[tuple[int, str], Entry] = field(default_factory=dict)

    def find(self, account_id: int) -> Wallet:
        return self.wallets[account_id]

    def reserve(self, account_id: int, generation: str, amount: int) -> Wallet | None:
        wallet, held = self.find(account_id), self.find(account_id).reservations
        if wallet.balance < amount or generation in held or len(held) >= MAX_RESERVATIONS:
            return wallet
        self._change(account_id, balance=wallet.balance - amount, reservations={**held, generation: amount})
        return None

    def release(self, account_id: int, generation: str, amount: int, *, gives_back: bool) -> None:
        wallet, held = self.find(account_id), dict(self.find(account_id).reservations)
        if held.pop(generation, None) == amount:
            self._change(account_id, balance=wallet.balance + amount * gives_back, reservations=held)

    def add_entry(self, account_id: int, entry: Entry) -> Entry:
        return self.ledger.setdefault((account_id, entry.reference), entry)

    def find_entry(self, account_id: int, reference: str) -> Entry | None:
        return self.ledger.get((account_id, reference))

    def begin_change(self, account_id: int, reference: str, amount: int, *, version: int) -> None:
        wallet = self.find(account_id)
        if wallet.version == version and wallet.balance >= max(0, -amount):
            applying = {**wallet.applying, reference: amount}
            self._change(account_id, balance=wallet.balance + amount, applying=applying, version=version + 1)

    def end_change(self, account_id: int, reference: str, amount: int, *, version: int) -> None:
        entry, wallet = self.ledger[account_id, reference], self.find(account_id)
        self.ledger[account_id, reference] = replace(entry, amount=amount, is_applied=True)
        if wallet.version == version and reference in wallet.applying:
            applying = {name: each for name, each in wallet.applying.items() if name != reference}
            self._change(account_id, applying=applying, version=version + 1)

    def entries(self, account_id: int) -> Iterator[Entry]:
        return iter([each for (owner, _), each in self.ledger.items() if owner == account_id])

    def erase(self, account_id: int) -> None:
        self.wallets.pop(account_id, None)
        for key in [key for key in self.ledger if key[0] == account_id]:
            del self.ledger[key]

    def _change(self, account_id: int, **changed: object) -> None:
        self.wallets[account_id] = replace(self.wallets[account_id], **changed)  # type: ignore[arg-type]


@dataclass(slots=True)
class InMemoryNumbers:
    """A NumberStore without DynamoDB."""

    keys: dict[tuple[str, int], JobKey] = field(default_factory=dict)

    def take(self, key: JobKey, generation_id: int) -> bool:
        return self.keys.setdefault((key.consumer_id, generation_id), key) == key

    def find(self, consumer_id: str, generation_id: int) -> JobKey | None:
        return self.keys.get((consumer_id, generation_id))

    def free(self, consumer_id: str, generation_id: int) -> None:
        self.keys.pop((consumer_id, generation_id), None)

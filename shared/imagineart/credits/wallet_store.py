"""Wallets and their ledgers in DynamoDB, without transactions, which not every implementation has.

Key ``wallet`` of an account: balance, ``reserved`` (a map from a generation to its credits), ``applying`` (a
map from a change to its credits) and version. Key ``entry#<reference>``: kind, amount, at, is_applied.

A call is sent again where its response is lost. So the condition of each update is false once it is made.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from imagineart.credits.model import EMPTY_WALLET, MAX_RESERVATIONS, Entry, EntryKind, Wallet
from imagineart.dynamodb import ConditionFailed, DynamoDbTable, Item, number, read_item, text

_WALLET: Final = "wallet"
_ENTRY: Final = "entry#"


@dataclass(frozen=True, slots=True)
class WalletStore:
    """Wallets by account. Every method raises AwsCallError."""

    table: DynamoDbTable

    def find(self, account_id: int) -> Wallet:
        """The wallet; an empty one where the account never had credits."""
        item = self.table.get(_wallet_key(account_id))
        return read_item(item, _wallet_from_item) if item else EMPTY_WALLET

    def reserve(self, account_id: int, generation: str, amount: int) -> Wallet | None:
        """Move credits from the balance to a new reservation; where that fails, the wallet as it is."""
        updated = self.table.update(
            _wallet_key(account_id),
            "SET balance = balance - :amount, reserved.#generation = :amount",
            ConditionExpression=(
                "balance >= :amount AND attribute_not_exists(reserved.#generation) AND size(reserved) < :most"
            ),
            ExpressionAttributeNames={"#generation": generation},
            ExpressionAttributeValues={":amount": number(amount), ":most": number(MAX_RESERVATIONS)},
        )
        if not isinstance(updated, ConditionFailed):
            return None
        return read_item(updated.item, _wallet_from_item) if updated.item else EMPTY_WALLET

    def release(self, account_id: int, generation: str, amount: int, *, gives_back: bool) -> None:
        """Remove a reservation, once; what it had goes back to the balance, or is gone."""
        self.table.update(
            _wallet_key(account_id),
            "SET balance = balance + :back REMOVE reserved.#generation",
            ConditionExpression="reserved.#generation = :amount",
            ExpressionAttributeNames={"#generation": generation},
            ExpressionAttributeValues={
                ":back": number(amount if gives_back else 0),
                ":amount": number(amount),
            },
        )

    def add_entry(self, account_id: int, entry: Entry) -> Entry:
        """The entry of its reference: this one, or the one that came first."""
        item: Item = {
            "kind": text(entry.kind),
            "amount": number(entry.amount),
            "at": number(entry.at),
            "is_applied": {"BOOL": entry.is_applied},
        }
        failed = self.table.put(
            _entry_key(account_id, entry.reference),
            item,
            ConditionExpression="attribute_not_exists(#key)",
            ExpressionAttributeNames={"#key": "key"},
        )
        return read_item(failed.item, _entry_from_item) if failed and failed.item else entry

    def find_entry(self, account_id: int, reference: str) -> Entry | None:
        """The entry of a reference, or None."""
        item = self.table.get(_entry_key(account_id, reference))
        return read_item(item, _entry_from_item) if item else None

    def begin_change(self, account_id: int, reference: str, amount: int, *, version: int) -> None:
        """Add an amount to the balance of the wallet, if it has this version.

        An amount below zero takes no more than there is, or nothing.
        """
        key = _wallet_key(account_id)
        if version == EMPTY_WALLET.version:
            item: Item = {
                "balance": number(amount),
                "reserved": {"M": {}},
                "applying": {"M": {reference: number(amount)}},
                "version": number(version + 1),
            }
            condition, names = "attribute_not_exists(#key)", {"#key": "key"}
            self.table.put(key, item, ConditionExpression=condition, ExpressionAttributeNames=names)
            return
        self.table.update(
            key,
            "SET balance = balance + :amount, applying.#reference = :amount, version = :next",
            ConditionExpression="version = :version AND balance >= :least",
            ExpressionAttributeNames={"#reference": reference},
            ExpressionAttributeValues={
                ":amount": number(amount),
                ":version": number(version),
                ":next": number(version + 1),
                ":least": number(max(0, -amount)),
            },
        )

    def end_change(self, account_id: int, reference: str, amount: int, *, version: int) -> None:
        """Note in the entry that a change is in the balance, and forget it in the wallet."""
        self.table.update(
            _entry_key(account_id, reference),
            "SET amount = :amount, is_applied = :true",
            ConditionExpression="attribute_exists(#key)",
            ExpressionAttributeNames={"#key": "key"},
            ExpressionAttributeValues={":amount": number(amount), ":true": {"BOOL": True}},
        )
        self.table.update(
            _wallet_key(account_id),
            "SET version = :next REMOVE applying.#reference",
            ConditionExpression="version = :version AND attribute_exists(applying.#reference)",
            ExpressionAttributeNames={"#reference": reference},
            ExpressionAttributeValues={":version": number(version), ":next": number(version + 1)},
        )

    def entries(self, account_id: int) -> Iterator[Entry]:
        """Every entry of an account, in no order."""
        for item in self._items(account_id):
            if item["key"]["S"].startswith(_ENTRY):
                yield read_item(item, _entry_from_item)

    def erase(self, account_id: int) -> None:
        """Delete the wallet of an account, and then its ledger."""
        keys = [{name: item[name] for name in ("account_id", "key")} for item in self._items(account_id)]
        for key in sorted(keys, key=lambda each: each["key"]["S"], reverse=True):
            self.table.delete(key)

    def _items(self, account_id: int) -> Iterator[Item]:
        return self.table.pages(
            "query",
            KeyConditionExpression="account_id = :account",
            ExpressionAttributeValues={":account": text(str(account_id))},
        )


def _wallet_key(account_id: int) -> Item:
    return {"account_id": text(str(account_id)), "key": text(_WALLET)}


def _entry_key(account_id: int, reference: str) -> Item:
    return {"account_id": text(str(account_id)), "key": text(f"{_ENTRY}{reference}")}


def _wallet_from_item(item: Item) -> Wallet:
    return Wallet(
        int(item["balance"]["N"]),
        {name: int(amount["N"]) for name, amount in item["reserved"]["M"].items()},
        {name: int(amount["N"]) for name, amount in item["applying"]["M"].items()},
        int(item["version"]["N"]),
    )


def _entry_from_item(item: Item) -> Entry:
    return Entry(
        item["key"]["S"].removeprefix(_ENTRY),
        EntryKind(item["kind"]["S"]),
        int(item["amount"]["N"]),
        int(item["at"]["N"]),
        item["is_applied"]["BOOL"],
    )

"""Accounts in DynamoDB.

Key ``account#<id>``: email, password_hash, created_at, session_epoch, full_name?, is_closing?, and
``reset_digest`` with ``reset_expires_at`` while a link works. Key ``email#<address>``: the account_id of the
account that has the address, and when it was claimed. An address whose account was never added, because the
function crashed in between, is free again after `CLAIM_SECONDS`.
"""

from dataclasses import dataclass
from typing import Final

from imagineart.accounts.model import Account
from imagineart.dynamodb import ConditionFailed, DynamoDbTable, Item, number, read_item, text

CLAIM_SECONDS: Final = 60
"""Longer than a function that signs up may run."""

_KEY_NAME: Final = {"#key": "key"}


@dataclass(frozen=True, slots=True)
class AccountStore:
    """The accounts. Every method raises AwsCallError."""

    table: DynamoDbTable

    def claim_email(self, email: str, account_id: int, *, now: int) -> bool:
        """Give an address to an account that is added next; False where another one has it."""
        failed = self._put_claim(email, account_id, now, "attribute_not_exists(#key) OR account_id = :id")
        if failed is None:
            return True
        holder, claimed_at = _read_claim(failed.item)
        if now - claimed_at < CLAIM_SECONDS or self._has_email(holder, email):
            return False
        condition = "account_id = :id OR (account_id = :holder AND claimed_at = :claimed)"
        values = {":holder": number(holder), ":claimed": number(claimed_at)}
        return self._put_claim(email, account_id, now, condition, **values) is None

    def add(self, account: Account) -> bool:
        """Add an account; False where its id is taken."""
        item = _account_to_item(account)
        failed = self.table.put(
            _account_key(account.id),
            item,
            ConditionExpression="attribute_not_exists(#key)",
            ExpressionAttributeNames=_KEY_NAME,
        )
        # The first response may have been lost.
        return failed is None or failed.item == _account_key(account.id) | item

    def find(self, account_id: int) -> Account | None:
        """The account, or None."""
        item = self.table.get(_account_key(account_id))
        return read_item(item, _account_from_item) if item else None

    def find_by_email(self, email: str) -> Account | None:
        """The account that has an address, or None, in as many reads."""
        claim = self.table.get(_email_key(email))
        account = self.find(_read_claim(claim)[0] if claim else 0)
        return account if account is not None and account.email == email else None

    def set_reset(self, account_id: int, digest: str, *, expires_at: int) -> None:
        """Let the link with this digest, and no earlier one, reset the password."""
        self.table.update(
            _account_key(account_id),
            "SET reset_digest = :digest, reset_expires_at = :expires",
            ConditionExpression="attribute_exists(#key)",
            ExpressionAttributeNames=_KEY_NAME,
            ExpressionAttributeValues={":digest": text(digest), ":expires": number(expires_at)},
        )

    def reset_password(self, account_id: int, digest: str, password_hash: str, *, now: int) -> bool:
        """Use a link once: replace the password and end every session; False where the link is not valid."""
        updated = self.table.update(
            _account_key(account_id),
            "SET password_hash = :hash, session_epoch = session_epoch + :one "
            "REMOVE reset_digest, reset_expires_at",
            ConditionExpression="reset_digest = :digest AND reset_expires_at > :now",
            ExpressionAttributeValues={
                ":hash": text(password_hash),
                ":one": number(1),
                ":digest": text(digest),
                ":now": number(now),
            },
        )
        if not isinstance(updated, ConditionFailed):
            return True
        # The first response may have been lost. A hash has its own salt, so that no other reset made it.
        return (updated.item or {}).get("password_hash") == text(password_hash)

    def end_sessions(self, account: Account) -> None:
        """End every session of the account's present epoch."""
        self.table.update(
            _account_key(account.id),
            "SET session_epoch = :next",
            ConditionExpression="session_epoch = :present",
            ExpressionAttributeValues={
                ":present": number(account.session_epoch),
                ":next": number(account.session_epoch + 1),
            },
        )

    def begin_closing(self, account_id: int) -> None:
        """Let the account do nothing any more but be erased."""
        self.table.update(
            _account_key(account_id),
            "SET is_closing = :true",
            ConditionExpression="attribute_exists(#key)",
            ExpressionAttributeNames=_KEY_NAME,
            ExpressionAttributeValues={":true": {"BOOL": True}},
        )

    def remove(self, account: Account) -> None:
        """Erase the account, its own item last, so that a removal that crashed can be repeated."""
        self.table.delete(
            _email_key(account.email),
            ConditionExpression="account_id = :id",
            ExpressionAttributeValues={":id": number(account.id)},
        )
        self.table.delete(_account_key(account.id))

    def _has_email(self, account_id: int, email: str) -> bool:
        account = self.find(account_id)
        return account is not None and account.email == email

    def _put_claim(
        self, email: str, account_id: int, now: int, condition: str, **values: dict[str, str]
    ) -> ConditionFailed | None:
        names = _KEY_NAME if "#key" in condition else {}
        return self.table.put(
            _email_key(email),
            {"account_id": number(account_id), "claimed_at": number(now)},
            ConditionExpression=condition,
            ExpressionAttributeValues={":id": number(account_id)} | values,
            **({"ExpressionAttributeNames": names} if names else {}),
        )


def _account_key(account_id: int) -> Item:
    return {"key": text(f"account#{account_id}")}


def _email_key(email: str) -> Item:
    return {"key": text(f"email#{email}")}


def _read_claim(item: Item | None) -> tuple[int, int]:
    """The account that an address belongs to, and since when."""
    return read_item(item or {}, lambda item: (int(item["account_id"]["N"]), int(item["claimed_at"]["N"])))


def _account_to_item(account: Account) -> Item:
    name = {"full_name": text(account.full_name)} if account.full_name else {}
    return {
        "email": text(account.email),
        "password_hash": text(account.password_hash),
        "created_at": number(account.created_at),
        "session_epoch": number(account.session_epoch),
        **name,
    }


def _account_from_item(item: Item) -> Account:
    return Account(
        id=int(item["key"]["S"].removeprefix("account#")),
        email=item["email"]["S"],
        password_hash=item["password_hash"]["S"],
        created_at=int(item["created_at"]["N"]),
        full_name=item["full_name"]["S"] if "full_name" in item else None,
        session_epoch=int(item["session_epoch"]["N"]),
        is_closing="is_closing" in item,
    )

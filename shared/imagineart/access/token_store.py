"""Partner tokens and the marks on all tokens, in DynamoDB, read consistently on every request.

One item a token, key ``token#<id>``: consumer_id, digest, pepper_version, scopes (a set), created_at,
expires_at, revoked_at (Unix seconds), last_used_on (a day); a token that expires also has purge_at, after
which the table deletes it. A token of another store has revoked_at and last_used_on alone. The item
``tokens-configured`` is put with the first token.
"""

from dataclasses import dataclass
from typing import Final

from imagineart.access.tokens import KEPT_AFTER_EXPIRY_SECONDS, Scope, StoredToken
from imagineart.dynamodb import (
    DynamoDbTable,
    Item,
    number,
    optional_number,
    read_item,
    text,
    texts,
)
from imagineart.errors import InternalError

_CONFIGURED_KEY: Final[Item] = {"key": text("tokens-configured")}


@dataclass(frozen=True, slots=True)
class Marks:
    """What has happened to a token since it was issued."""

    revoked_at: int | None = None
    last_used_on: str | None = None


@dataclass(frozen=True, slots=True)
class TokenStore:
    """Partner tokens, and the marks on tokens of every store. Every method raises AwsCallError."""

    table: DynamoDbTable

    def find(self, token_id: str) -> StoredToken | None:
        """The stored token, or None."""
        item = self.table.get(_key(token_id))
        return read_item(item, _token_from_item) if item and "digest" in item else None

    def has_tokens(self) -> bool:
        """Whether a token was ever added."""
        return self.table.get(_CONFIGURED_KEY) is not None

    def revoke(self, token_id: str, *, now: int) -> None:
        """End the token; the first time of revocation is kept."""
        self.table.update(
            _key(token_id),
            "SET revoked_at = if_not_exists(revoked_at, :now)",
            ExpressionAttributeValues={":now": number(now)},
        )

    def note_use(self, token_id: str, *, day: str) -> None:
        """Remember the last day on which the token was used."""
        self.table.update(
            _key(token_id), "SET last_used_on = :day", ExpressionAttributeValues={":day": text(day)}
        )

    def marks(self, token_id: str) -> Marks:
        """The marks of a token of any store."""
        return read_item(self.table.get(_key(token_id)) or {}, _marks_from_item)

    def add_token(self, token: StoredToken) -> None:
        """Put a new token. Raises InternalError where another one has its id."""
        found = self.table.put(
            _key(token.id),
            _token_to_item(token),
            ConditionExpression="attribute_not_exists(#key) OR digest = :digest",
            ExpressionAttributeNames={"#key": "key"},
            ExpressionAttributeValues={":digest": text(token.digest)},
        )
        if found is not None:
            raise InternalError(detail=f"another token has the id {token.id}")
        self.table.put(_CONFIGURED_KEY, {})

    def set_expiry(self, token: StoredToken, expires_at: int) -> None:
        """End a token at that time, if it does not end sooner."""
        self.table.update(
            _key(token.id),
            "SET expires_at = :expiry, purge_at = :purge",
            ConditionExpression=(
                "attribute_exists(digest) AND (attribute_not_exists(expires_at) OR expires_at > :expiry)"
            ),
            ExpressionAttributeValues={
                ":expiry": number(expires_at),
                ":purge": number(expires_at + KEPT_AFTER_EXPIRY_SECONDS),
            },
        )

    def erase(self, consumer_id: str) -> None:
        """Forget the tokens of a consumer."""
        self.table.delete_where("consumer_id", consumer_id, key="key")

    def list_tokens(self) -> list[StoredToken]:
        """Every partner token, in no order."""
        return [read_item(item, _token_from_item) for item in self.table.pages("scan") if "digest" in item]


def _key(token_id: str) -> Item:
    return {"key": text(f"token#{token_id}")}


def _token_to_item(token: StoredToken) -> Item:
    purge_at = token.expires_at + KEPT_AFTER_EXPIRY_SECONDS if token.expires_at else None
    times = {
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "revoked_at": token.revoked_at,
        "purge_at": purge_at,
    }
    return {
        "consumer_id": text(token.consumer_id),
        "digest": text(token.digest),
        "pepper_version": text(token.pepper_version),
        "scopes": texts(frozenset(token.scopes)),
        **{name: number(time) for name, time in times.items() if time is not None},
    }


def _token_from_item(item: Item) -> StoredToken:
    marks = _marks_from_item(item)
    return StoredToken(
        id=item["key"]["S"].removeprefix("token#"),
        consumer_id=item["consumer_id"]["S"],
        digest=item["digest"]["S"],
        pepper_version=item["pepper_version"]["S"],
        created_at=int(item["created_at"]["N"]),
        scopes=frozenset(map(Scope, item["scopes"]["SS"])),
        expires_at=optional_number(item, "expires_at"),
        revoked_at=marks.revoked_at,
        last_used_on=marks.last_used_on,
    )


def _marks_from_item(item: Item) -> Marks:
    return Marks(
        optional_number(item, "revoked_at"),
        item["last_used_on"]["S"] if "last_used_on" in item else None,
    )

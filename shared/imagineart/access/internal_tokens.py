"""Tokens of internal services in Secrets Manager, with their marks in DynamoDB.

The document: ``{"consumers": {"<consumer id>": {"tokens":
[{"id", "digest", "pepper_version", "scopes", "created_at", "expires_at"?}]}}}``
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from imagineart.access.token_store import Marks
from imagineart.access.tokens import KEPT_AFTER_EXPIRY_SECONDS, Scope, StoredToken
from imagineart.errors import InternalError
from imagineart.secrets_manager import CachedSecret

INTERNAL_TOKENS_CACHED_SECONDS: Final = 5.0
TOKENS_MISSED_SECONDS: Final = 1.0
"""How old the internal tokens may be where the needed one is not among them."""


class MarksLookup(Protocol):
    """Where the marks of tokens are found."""

    def marks(self, token_id: str) -> Marks:
        """The marks of a token of any store."""


@dataclass(frozen=True, slots=True)
class InternalTokenStore:
    """Tokens of internal services. The list is cached, and the marks are not: a revocation holds at once.

    Every method raises AwsCallError; InternalError where the secret was edited manually into something else.
    """

    secret: CachedSecret
    marked_in: MarksLookup

    def find(self, token_id: str) -> StoredToken | None:
        """The stored token with its marks, or None."""
        marks = self.marked_in.marks(token_id)
        # A missing id may have been added since the list was read.
        for at_most_seconds in (None, TOKENS_MISSED_SECONDS):
            for token in self._tokens(marks_of=lambda _: marks, at_most_seconds=at_most_seconds):
                if token.id == token_id:
                    return token
        return None

    def has_tokens(self) -> bool:
        """Whether the secret has any token."""
        with _malformed_secrets_reported():
            return any(consumer["tokens"] for consumer in self._consumers().values())

    def list_tokens(self) -> list[StoredToken]:
        """Every internal token."""
        return self._tokens(marks_of=self.marked_in.marks)

    def add_token(self, token: StoredToken) -> None:
        """Append a token to its consumer's list; earlier ones stay valid until revoked."""

        def appended(document: dict[str, Any]) -> dict[str, Any]:
            consumers = document.setdefault("consumers", {})
            for consumer in consumers.values():
                # A secret has 64 KB, so tokens that ended long ago are deleted.
                consumer["tokens"] = [
                    entry
                    for entry in consumer["tokens"]
                    if entry.get("expires_at", token.created_at)
                    > token.created_at - KEPT_AFTER_EXPIRY_SECONDS
                ]
            consumers.setdefault(token.consumer_id, {"tokens": []})["tokens"].append(_entry_of(token))
            return document

        self._change(appended)

    def set_expiry(self, token: StoredToken, expires_at: int) -> None:
        """End a token at that time, if it does not end sooner. Raises InternalError where it is gone."""

        def ending(document: dict[str, Any]) -> dict[str, Any]:
            tokens = document["consumers"][token.consumer_id]["tokens"]
            (entry,) = [entry for entry in tokens if entry["id"] == token.id]
            entry["expires_at"] = min(expires_at, entry.get("expires_at", expires_at))
            return document

        self._change(ending)

    def _change(self, make: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        with _malformed_secrets_reported():
            self.secret.change(make)

    def _consumers(self, at_most_seconds: float | None = None) -> dict[str, Any]:
        document = self.secret.read(at_most_seconds=at_most_seconds)
        consumers: dict[str, Any] = document.get("consumers", {})
        return consumers

    def _tokens(
        self, *, marks_of: Callable[[str], Marks], at_most_seconds: float | None = None
    ) -> list[StoredToken]:
        with _malformed_secrets_reported():
            entries = [
                (consumer_id, entry)
                for consumer_id, consumer in self._consumers(at_most_seconds).items()
                for entry in consumer["tokens"]
            ]
            return [_token_from(consumer_id, entry, marks_of(entry["id"])) for consumer_id, entry in entries]


@contextmanager
def _malformed_secrets_reported() -> Iterator[None]:
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        detail = f"the internal tokens secret is malformed: {type(error).__name__} {error}"
        raise InternalError(detail=detail) from error


def _entry_of(token: StoredToken) -> dict[str, Any]:
    entry = {
        "id": token.id,
        "digest": token.digest,
        "pepper_version": token.pepper_version,
        "scopes": sorted(token.scopes),
        "created_at": token.created_at,
    }
    return entry | ({"expires_at": token.expires_at} if token.expires_at else {})


def _token_from(consumer_id: str, entry: dict[str, Any], marks: Marks) -> StoredToken:
    return StoredToken(
        id=entry["id"],
        consumer_id=consumer_id,
        digest=entry["digest"],
        pepper_version=entry["pepper_version"],
        created_at=int(entry["created_at"]),
        scopes=frozenset(map(Scope, entry["scopes"])),
        expires_at=entry.get("expires_at"),
        revoked_at=marks.revoked_at,
        last_used_on=marks.last_used_on,
    )

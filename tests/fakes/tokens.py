"""Tokens, their marks and peppers, kept in memory."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from imagineart.access.token_store import Marks
from imagineart.access.tokens import Peppers, StoredToken
from imagineart.errors import InternalError


@dataclass(slots=True)
class InMemoryMarks:
    """The marks on tokens of every store."""

    revoked: dict[str, int] = field(default_factory=dict)
    last_used: dict[str, str] = field(default_factory=dict)

    def revoke(self, token_id: str, *, now: int) -> None:
        self.revoked.setdefault(token_id, now)

    def note_use(self, token_id: str, *, day: str) -> None:
        self.last_used[token_id] = day

    def marks(self, token_id: str) -> Marks:
        return Marks(self.revoked.get(token_id), self.last_used.get(token_id))


@dataclass(slots=True)
class InMemoryTokens:
    """Tokens of one kind; `reads` counts how often they are looked up.

    While they are `unreadable` no token is listed, and while they are `unwritable` none gets an end.
    """

    marked_in: InMemoryMarks
    tokens: dict[str, StoredToken] = field(default_factory=dict)
    reads: int = 0
    unreadable: bool = False
    unwritable: bool = False

    def find(self, token_id: str) -> StoredToken | None:
        self.reads += 1
        return self._marked(self.tokens[token_id]) if token_id in self.tokens else None

    def has_tokens(self) -> bool:
        self.reads += 1
        return bool(self.tokens)

    def add_token(self, token: StoredToken) -> None:
        self.tokens[token.id] = token

    def list_tokens(self) -> list[StoredToken]:
        if self.unreadable:
            raise InternalError(detail="the store cannot be read")
        return [self._marked(token) for token in self.tokens.values()]

    def set_expiry(self, token: StoredToken, expires_at: int) -> None:
        if self.unwritable:
            raise InternalError(detail="the store cannot be written")
        ends_at = min(expires_at, self.tokens[token.id].expires_at or expires_at)
        self.tokens[token.id] = replace(self.tokens[token.id], expires_at=ends_at)

    def _marked(self, token: StoredToken) -> StoredToken:
        marks = self.marked_in.marks(token.id)
        return replace(token, revoked_at=marks.revoked_at, last_used_on=marks.last_used_on)


@dataclass(slots=True)
class CountingKeys(Mapping[str, str]):
    """The keys of Peppers; every digest looks one up, so `lookups` counts digests by version."""

    keys_by_version: dict[str, str]
    lookups: list[str] = field(default_factory=list)

    def __getitem__(self, version: str) -> str:
        self.lookups.append(version)
        return self.keys_by_version[version]

    def __contains__(self, version: object) -> bool:
        return version in self.keys_by_version

    def __iter__(self):
        return iter(self.keys_by_version)

    def __len__(self) -> int:
        return len(self.keys_by_version)


@dataclass(slots=True)
class InMemoryPeppers:
    """Peppers whose digests are counted in `keys.lookups`.

    `added` has versions that only `read_anew` finds, as where a cached copy is some minutes old.
    """

    current_version: str = "1"
    keys: CountingKeys = field(default_factory=lambda: CountingKeys({"1": "salt and pepper"}))
    added: dict[str, str] = field(default_factory=dict)
    readings_anew: int = 0

    def read(self) -> Peppers:
        return Peppers(self.current_version, self.keys)

    def read_anew(self) -> Peppers:
        self.readings_anew += 1
        self.keys.keys_by_version.update(self.added)
        return self.read()

    def change(self, make: Callable[[Peppers], Peppers]) -> None:
        peppers = make(self.read())
        self.current_version = peppers.current_version
        self.keys = CountingKeys(dict(peppers.keys))

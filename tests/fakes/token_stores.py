"""Tokens, consumers, revocations and peppers held in memory."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from imagineart.domain.consumers import Consumer
from imagineart.domain.errors import InternalError
from imagineart.domain.tokens import Peppers, StoredToken


@dataclass(slots=True)
class InMemoryTokenMarks:
    """A TokenMarks."""

    revoked: dict[str, int] = field(default_factory=dict)
    last_used: dict[str, str] = field(default_factory=dict)

    def revoke(self, token_id: str, *, now: int) -> None:
        self.revoked.setdefault(token_id, now)

    def note_use(self, token_id: str, *, day: str) -> None:
        self.last_used[token_id] = day


@dataclass(slots=True)
class InMemoryTokenStore:
    """A TokenStore and TokenRegister that counts how often it is read.

    While it is `unreadable` no tokens are listed, and while it is `unwritable` none gets an end.
    """

    marks: InMemoryTokenMarks
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
        self.tokens[token.id] = replace(self.tokens[token.id], expires_at=expires_at)

    def _marked(self, token: StoredToken) -> StoredToken:
        return replace(
            token,
            revoked_at=self.marks.revoked.get(token.id),
            last_used_on=self.marks.last_used.get(token.id),
        )


@dataclass(slots=True)
class InMemoryConsumers:
    """A ConsumerRegister."""

    consumers: dict[str, Consumer] = field(default_factory=dict)

    def add_consumer(self, consumer: Consumer) -> bool:
        if consumer.id in self.consumers:
            return False
        self.consumers[consumer.id] = consumer
        return True

    def replace_consumer(self, consumer: Consumer) -> bool:
        if consumer.id not in self.consumers:
            return False
        self.consumers[consumer.id] = consumer
        return True

    def find_consumer(self, consumer_id: str) -> Consumer | None:
        return self.consumers.get(consumer_id)

    def list_consumers(self) -> list[Consumer]:
        return list(self.consumers.values())


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
    """A PepperRegister whose digests can be counted in `keys.lookups`.

    `added` holds versions that only who reads anew finds, as a cache does that is some minutes old.
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

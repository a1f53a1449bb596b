"""Versions of the models document in memory."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from imagineart.models.store import AppliedVersion, CurrentVersion


@dataclass
class InMemoryModels:
    """See `ModelStore`, which the tests of stores hold this to."""

    held: CurrentVersion = field(default_factory=CurrentVersion)
    documents: dict[int, tuple[str, int]] = field(default_factory=dict)

    def current(self) -> CurrentVersion:
        return self.held

    def find(self, version: int) -> str | None:
        return self.documents[version][0] if version in self.documents else None

    def versions(self) -> Iterable[AppliedVersion]:
        return [AppliedVersion(version, applied_at) for version, (_, applied_at) in self.documents.items()]

    def add(self, version: int, document: str, *, now: int) -> bool:
        return self.documents.setdefault(version, (document, now))[0] == document

    def move(self, before: CurrentVersion, after: CurrentVersion, *, now: int) -> bool:
        if self.held.version != before.version:
            return False
        self.held = after
        return True

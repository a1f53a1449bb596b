"""Uploads held in memory."""

from dataclasses import dataclass, field
from typing import NamedTuple

from imagineart.domain.uploads import UploadRequest


class Grant(NamedTuple):
    """What was granted."""

    key: str
    media_type: str
    size_bytes: int
    life_seconds: int


@dataclass(slots=True)
class InMemoryUploadStorage:
    """An UploadStorage; whoever uploads puts the content under its key."""

    contents: dict[str, bytes] = field(default_factory=dict)
    grants: list[Grant] = field(default_factory=list)

    def grant(self, key: str, *, media_type: str, size_bytes: int, life_seconds: int) -> UploadRequest:
        self.grants.append(Grant(key, media_type, size_bytes, life_seconds))
        return UploadRequest(f"https://storage.test/{key}", {"Content-Type": media_type})

    def read(self, key: str) -> bytes | None:
        return self.contents.get(key)

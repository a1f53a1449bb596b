"""A bucket kept in memory."""

from dataclasses import dataclass, field
from typing import NamedTuple

from imagineart.aws import AwsCallError


class Grant(NamedTuple):
    """What was presigned."""

    key: str
    content_type: str
    size_bytes: int
    life_seconds: int


@dataclass(slots=True)
class InMemoryBucket:
    """A Bucket without S3, whose URLs are valid for `url_life_seconds` at most.

    While it `is_broken`, nothing can be put.
    """

    contents: dict[str, bytes] = field(default_factory=dict)
    grants: list[Grant] = field(default_factory=list)
    is_broken: bool = False
    url_life_seconds: int = 10**9

    def put(self, key: str, content: bytes, *, content_type: str = "") -> None:
        if self.is_broken:
            raise AwsCallError("Unreachable", detail="the bucket is out of order")
        self.contents[key] = content

    def get(self, key: str, *, limit_bytes: int) -> bytes | None:
        return self.contents.get(key)

    def delete(self, key: str) -> None:
        self.contents.pop(key, None)

    def keys(self, prefix: str) -> list[str]:
        return [each for each in self.contents if each.startswith(prefix)]

    def delete_all(self, prefix: str) -> None:
        for key in self.keys(prefix):
            self.delete(key)

    def presign_put(
        self, key: str, *, content_type: str, size_bytes: int, life_seconds: int
    ) -> tuple[str, int]:
        self.grants.append(Grant(key, content_type, size_bytes, life_seconds))
        return f"https://bucket.test/{key}", min(life_seconds, self.url_life_seconds)

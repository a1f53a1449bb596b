"""Images of callers, each consumer its own; the bucket deletes each 31 days after it was kept."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from imagineart.images.kinds import MAX_UPLOAD_BYTES
from imagineart.images.seeds import RandomBelow

_UUID_BITS = 128


class MediaBucket(Protocol):
    """Where media are stored. See `Bucket` for what each method does."""

    def put(self, key: str, content: bytes, *, content_type: str) -> None: ...

    def get(self, key: str, *, limit_bytes: int) -> bytes | None: ...

    def delete(self, key: str) -> None: ...

    def delete_all(self, prefix: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Media:
    """Keeps images, and finds them again. Every method raises AwsCallError."""

    bucket: MediaBucket
    random_below: RandomBelow

    def keep(self, consumer_id: str, content: bytes, *, media_type: str) -> UUID:
        """Keep an image; nobody can guess its UUID."""
        uuid = UUID(int=self.random_below(2**_UUID_BITS), version=4)
        self.bucket.put(_key(consumer_id, uuid), content, content_type=media_type)
        return uuid

    def find(self, consumer_id: str, uuid: UUID) -> bytes | None:
        """The image, or None where the consumer has none of this UUID."""
        return self.bucket.get(_key(consumer_id, uuid), limit_bytes=MAX_UPLOAD_BYTES)

    def delete(self, consumer_id: str, uuid: UUID) -> None:
        """Delete the image, if it is there."""
        self.bucket.delete(_key(consumer_id, uuid))

    def erase(self, consumer_id: str) -> None:
        """Delete every image of a consumer."""
        self.bucket.delete_all(_folder(consumer_id))


def _key(consumer_id: str, uuid: UUID) -> str:
    return f"{_folder(consumer_id)}{uuid}"


def _folder(consumer_id: str) -> str:
    return f"media/{consumer_id}/"

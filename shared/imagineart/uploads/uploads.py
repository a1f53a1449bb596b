"""Reference images too large for a request: uploaded by the caller beforehand, and fetched by their ids."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from imagineart.access.authenticate import PepperLookup
from imagineart.errors import InvalidImageError
from imagineart.images.kinds import MAX_UPLOAD_BYTES
from imagineart.images.seeds import RandomBelow
from imagineart.quoting import shown
from imagineart.uploads.model import (
    UPLOAD_LIFE_SECONDS,
    GrantedUpload,
    create_upload,
    read_upload_id,
    uploads_folder,
)


class UploadBucket(Protocol):
    """Where uploaded images wait. See `Bucket` for what each method does."""

    def presign_put(
        self, key: str, *, content_type: str, size_bytes: int, life_seconds: int
    ) -> tuple[str, int]: ...

    def get(self, key: str, *, limit_bytes: int) -> bytes | None: ...

    def delete_all(self, prefix: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Uploads:
    """Grants uploads of one image each, and fetches them, each consumer its own."""

    bucket: UploadBucket
    peppers: PepperLookup
    random_below: RandomBelow
    clock: Callable[[], float]

    def grant(self, consumer_id: str, *, content_type: str, size_bytes: int) -> GrantedUpload:
        """Permission to upload one image of this type and size. Raises AwsCallError.

        It ends with the upload, or sooner with the credentials that sign the URL.
        """
        now = int(self.clock())
        upload = create_upload(
            consumer_id, now=now, peppers=self.peppers.read(), random_below=self.random_below
        )
        url, valid_seconds = self.bucket.presign_put(
            upload.key, content_type=content_type, size_bytes=size_bytes, life_seconds=UPLOAD_LIFE_SECONDS
        )
        return GrantedUpload(upload.id, url, {"Content-Type": content_type}, now + valid_seconds)

    def erase(self, consumer_id: str) -> None:
        """Delete every upload of a consumer. Raises AwsCallError."""
        self.bucket.delete_all(uploads_folder(consumer_id))

    def fetch(self, consumer_id: str, upload_id: str, *, label: str) -> bytes:
        """The uploaded content.

        Raises InvalidImageError, its message beginning with `label`, for an id that was not made for this
        consumer, has expired, or under which nothing was uploaded; AwsCallError.
        """
        upload = read_upload_id(upload_id, consumer_id, self.peppers.read()) or read_upload_id(
            # It may have been made under a pepper that was added recently.
            upload_id, consumer_id, self.peppers.read_anew()
        )  # fmt: skip
        if upload is None:
            raise InvalidImageError(
                label,
                f"got the text {shown(upload_id)}, which is no upload id of this consumer; allowed: a file "
                "part (with a filename), an id from POST /v1/uploads.",
            )
        if self.clock() >= upload.expires_at:
            expired = datetime.fromtimestamp(upload.expires_at, UTC).isoformat()
            raise InvalidImageError(label, f"the upload expired at {expired}; upload the image again.")
        content = self.bucket.get(upload.key, limit_bytes=MAX_UPLOAD_BYTES)
        if content is None:
            raise InvalidImageError(
                label, "nothing was uploaded under this id; PUT the image to its url first."
            )
        return content

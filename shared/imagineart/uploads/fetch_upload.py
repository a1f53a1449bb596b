"""A reference image that was uploaded beforehand is fetched for the request that names it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from imagineart.errors import InvalidImageError
from imagineart.apis.imagineart.parameters import shown
from imagineart.domain.ports import Clock, PepperSource, UploadStorage
from imagineart.uploads.model import read_upload_id


@dataclass(frozen=True, slots=True)
class FetchUpload:
    """Reads uploads by id, each consumer its own."""

    storage: UploadStorage
    peppers: PepperSource
    clock: Clock

    def __call__(self, consumer_id: str, upload_id: str, *, label: str) -> bytes:
        """The uploaded content.

        Raises InvalidImageError, its message beginning with `label`, for an id that was not made for this
        consumer, has expired, or under which nothing was uploaded.
        """
        upload = read_upload_id(upload_id, consumer_id, self.peppers.read()) or read_upload_id(
            # It may have been made under a pepper that was added a moment ago.
            upload_id, consumer_id, self.peppers.read_anew()
        )  # fmt: skip
        if upload is None:
            raise InvalidImageError(
                label,
                f"got the text {shown(upload_id)}, which is no upload id of this consumer; allowed are a "
                "file part (with a filename) and an id from POST /v1/uploads.",
            )
        if self.clock() >= upload.expires_at:
            expired = datetime.fromtimestamp(upload.expires_at, UTC).isoformat()
            raise InvalidImageError(label, f"the upload expired at {expired}; upload the image again.")
        content = self.storage.read(upload.key)
        if content is None:
            raise InvalidImageError(
                label, "nothing was uploaded under this id; PUT the image to its url first."
            )
        return content

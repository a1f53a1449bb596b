"""A reference image too large for a request is uploaded beforehand; this grants the upload."""

from collections.abc import Mapping
from dataclasses import dataclass

from imagineart.apis.imagineart.parameters import UPLOAD_PARAMETERS
from imagineart.domain.ports import Clock, PepperSource, UploadStorage
from imagineart.images.seeds import RandomBelow
from imagineart.uploads.model import UPLOAD_LIFE_SECONDS, Upload, UploadRequest, create_upload


@dataclass(frozen=True, slots=True)
class RequestUpload:
    """Grants uploads of one image each, bound to its size and kind."""

    storage: UploadStorage
    peppers: PepperSource
    random_below: RandomBelow
    clock: Clock

    def __call__(self, consumer_id: str, fields: Mapping[str, str]) -> tuple[Upload, UploadRequest]:
        """The upload and how to send its content. Raises InvalidRequestError."""
        values = UPLOAD_PARAMETERS.parse_scalars(fields)
        upload = create_upload(
            consumer_id, now=int(self.clock()), peppers=self.peppers.read(), random_below=self.random_below
        )
        request = self.storage.grant(
            upload.key,
            media_type=values["content_type"],
            size_bytes=values["size"],
            life_seconds=UPLOAD_LIFE_SECONDS,
        )
        return upload, request

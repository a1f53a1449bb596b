"""Uploaded reference images in S3: presigned PUTs in, bounded reads out."""

from dataclasses import dataclass

from imagineart.adapters.s3_bucket import S3Bucket
from imagineart.images.kinds import MAX_UPLOAD_BYTES
from imagineart.uploads.model import UploadRequest


@dataclass(frozen=True, slots=True)
class S3UploadStorage:
    """An UploadStorage."""

    bucket: S3Bucket

    def grant(self, key: str, *, media_type: str, size_bytes: int, life_seconds: int) -> UploadRequest:
        """A PUT of exactly `size_bytes` bytes as `media_type`: S3 refuses another, for both are signed."""
        signed = {"content-type": media_type, "content-length": str(size_bytes)}
        url = self.bucket.presign_put(key, signed, life_seconds=life_seconds)
        return UploadRequest(url, {"Content-Type": media_type})

    def read(self, key: str) -> bytes | None:
        """The content, or None where nothing was uploaded. Raises AwsCallError."""
        return self.bucket.get(key, limit_bytes=MAX_UPLOAD_BYTES)

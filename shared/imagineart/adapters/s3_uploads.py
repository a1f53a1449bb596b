"""Uploaded reference images in S3: presigned PUTs in, signed and bounded reads out."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, urlsplit

import urllib3

from imagineart.adapters.aws_client import AwsCallError, CredentialsProvider, public_endpoint
from imagineart.adapters.aws_signature import presign, sign_get
from imagineart.domain.images import MAX_UPLOAD_BYTES
from imagineart.domain.uploads import UploadRequest

_TIMEOUT: Final = urllib3.Timeout(connect=1.0, read=10.0)
_RETRIES: Final = urllib3.Retry(
    total=2, status_forcelist=(500, 502, 503, 504), backoff_factor=0.05, respect_retry_after_header=False,
    raise_on_status=False,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class S3UploadStorage:
    """An UploadStorage; `endpoint_url` replaces AWS's own (a local stand-in, addressed by path)."""

    region: str
    credentials: CredentialsProvider
    bucket: str
    endpoint_url: str | None = None
    _pool: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(timeout=_TIMEOUT, retries=_RETRIES)
    )

    def grant(self, key: str, *, media_type: str, size_bytes: int, life_seconds: int) -> UploadRequest:
        """A PUT of exactly `size_bytes` bytes as `media_type`: S3 refuses another, for both are signed."""
        origin, path = self._locate(key)
        url = presign(
            "PUT", origin, path, {"content-type": media_type, "content-length": str(size_bytes)},
            credentials=self.credentials(), service="s3", region=self.region,
            now=datetime.now(UTC), life_seconds=life_seconds,
        )  # fmt: skip
        return UploadRequest(url, {"Content-Type": media_type})

    def read(self, key: str) -> bytes | None:
        """The content, or None where nothing was uploaded. Raises AwsCallError."""
        origin, path = self._locate(key)
        headers = sign_get(
            path, {"host": urlsplit(origin).netloc},
            credentials=self.credentials(), service="s3", region=self.region, now=datetime.now(UTC),
        )  # fmt: skip
        try:
            answer = self._pool.request("GET", origin + path, headers=headers, preload_content=False)
            try:
                content = answer.read(MAX_UPLOAD_BYTES + 1)
            finally:
                answer.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise AwsCallError("Unreachable", detail=f"s3 GetObject: {error}") from error
        if answer.status == 404:
            return None
        if answer.status != 200 or len(content) > MAX_UPLOAD_BYTES:
            raise AwsCallError(str(answer.status), detail=f"s3 GetObject of {len(content)} bytes")
        return content

    def _locate(self, key: str) -> tuple[str, str]:
        """The origin and the path of an object."""
        path = "/" + quote(key)
        if self.endpoint_url:
            return self.endpoint_url, f"/{self.bucket}{path}"
        return public_endpoint(f"{self.bucket}.s3", self.region), path

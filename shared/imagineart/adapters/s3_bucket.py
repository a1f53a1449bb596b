"""One bucket in S3: objects put, read within a bound, and presigned.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, urlsplit

from imagineart.adapters.aws_client import CredentialsProvider, public_endpoint
from imagineart.adapters.aws_http import AwsAnswer, AwsCallError, AwsHttp, AwsRequest
from imagineart.adapters.aws_signature import presign, sign_unhashed

_ATTEMPT_SECONDS: Final = 20.0
_MAX_REFUSAL_BYTES: Final = 2_000


@dataclass(frozen=True, slots=True)
class S3Bucket:
    """`endpoint_url` replaces AWS's own (a local stand-in, addressed by path)."""

    region: str
    credentials: CredentialsProvider
    name: str
    endpoint_url: str | None = None
    http: AwsHttp = field(default_factory=AwsHttp)

    def presign_put(self, key: str, headers: Mapping[str, str], *, life_seconds: int) -> str:
        """A URL that takes one PUT with exactly these headers (lower-case names) for a while."""
        origin, path = self._locate(key)
        return presign(
            "PUT", origin, path, headers,
            credentials=self.credentials(), service="s3", region=self.region,
            now=datetime.now(UTC), life_seconds=life_seconds,
        )  # fmt: skip

    def put(self, key: str, content: bytes, *, within_seconds: float = math.inf) -> None:
        """Keep an object. Raises AwsCallError, also where that takes longer than `within_seconds`."""
        answer = self._send("PUT", key, content, _MAX_REFUSAL_BYTES, within_seconds)
        if answer.status != 200:
            raise AwsCallError(str(answer.status), detail=f"s3 PutObject: {answer.content[:200]!r}")

    def get(self, key: str, *, limit_bytes: int, within_seconds: float = math.inf) -> bytes | None:
        """The content of an object, or None where there is none.

        Raises AwsCallError, also for a larger object, and where that takes longer than `within_seconds`.
        """
        answer = self._send("GET", key, b"", limit_bytes + 1, within_seconds)
        if answer.status == 404:
            return None
        if answer.status != 200 or len(answer.content) > limit_bytes:
            detail = f"s3 GetObject of {len(answer.content)} bytes"
            raise AwsCallError(str(answer.status), detail=detail)
        return answer.content

    def _send(self, method: str, key: str, body: bytes, limit_bytes: int, within_seconds: float) -> AwsAnswer:
        """The answer, or its first `limit_bytes`. Raises AwsCallError."""
        origin, path = self._locate(key)
        headers = sign_unhashed(
            method, path, {"host": urlsplit(origin).netloc},
            credentials=self.credentials(), service="s3", region=self.region, now=datetime.now(UTC),
        )  # fmt: skip
        request = AwsRequest(method, origin, path, headers, body, _ATTEMPT_SECONDS)
        return self.http.send(request, limit_bytes=limit_bytes, within_seconds=within_seconds)

    def _locate(self, key: str) -> tuple[str, str]:
        """The origin and the path of an object."""
        path = "/" + quote(key)
        if self.endpoint_url:
            return self.endpoint_url, f"/{self.name}{path}"
        return public_endpoint(f"{self.name}.s3", self.region), path

"""Bodies of answers that may be asked for again, in S3."""

from dataclasses import dataclass
from typing import Final

from imagineart.adapters.s3_bucket import S3Bucket

MAX_ANSWER_BYTES: Final = 200 * 1024 * 1024
"""What API Gateway streams at most, so that no answer is larger."""


@dataclass(frozen=True, slots=True)
class S3AnswerStorage:
    """An AnswerStorage. Every method raises AwsCallError."""

    bucket: S3Bucket

    def put(self, key: str, content: bytes, *, within_seconds: float) -> None:
        """Keep a body."""
        self.bucket.put(key, content, within_seconds=within_seconds)

    def get(self, key: str, *, within_seconds: float) -> bytes | None:
        """The body, or None where there is none."""
        return self.bucket.get(key, limit_bytes=MAX_ANSWER_BYTES, within_seconds=within_seconds)

"""One bucket in S3: objects are put, read whole, deleted, and presigned for a client to put."""

from dataclasses import dataclass
from typing import Any

from imagineart.aws import AwsCallError, AwsClients, translated_errors


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket. Every method raises AwsCallError."""

    clients: AwsClients
    name: str

    def put(self, key: str, content: bytes) -> None:
        """Keep an object, in place of an earlier one."""
        with translated_errors("s3 PutObject"):
            self._client.put_object(Bucket=self.name, Key=key, Body=content)

    def delete(self, key: str) -> None:
        """Delete an object, if it is there."""
        with translated_errors("s3 DeleteObject"):
            self._client.delete_object(Bucket=self.name, Key=key)

    def get(self, key: str, *, limit_bytes: int) -> bytes | None:
        """The content of an object, or None where there is none; a larger object is an error."""
        try:
            with translated_errors("s3 GetObject"):
                response = self._client.get_object(Bucket=self.name, Key=key)
                if response["ContentLength"] > limit_bytes:
                    response["Body"].close()
                    detail = f"s3 GetObject: {response['ContentLength']} bytes"
                    raise AwsCallError("TooLarge", detail=detail)
                content: bytes = response["Body"].read()
                return content
        except AwsCallError as error:
            if error.aws_code == "NoSuchKey":
                return None
            raise

    def presign_put(
        self, key: str, *, content_type: str, size_bytes: int, life_seconds: int
    ) -> tuple[str, int]:
        """A URL for one PUT of exactly this type and size, and for how many seconds it is valid.

        S3 refuses another type or size, since both headers are signed. The URL is valid for `life_seconds`
        unless the credentials that sign it end sooner.
        """
        with translated_errors("s3 presigning"):
            seconds = self.clients.credentials_life_seconds(life_seconds)
            url: str = self._client.generate_presigned_url(
                "put_object",
                Params={
                    "Bucket": self.name,
                    "Key": key,
                    "ContentType": content_type,
                    "ContentLength": size_bytes,
                },
                ExpiresIn=seconds,
            )
            return url, seconds

    @property
    def _client(self) -> Any:
        return self.clients.client("s3")

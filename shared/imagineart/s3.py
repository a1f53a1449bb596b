"""One bucket in S3: objects are put, read and deleted, and presigned for a client to put or get."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from imagineart.aws import AwsCallError, AwsClients, translated_errors

CHUNK_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object whose content is still in S3; its `body` has to be read or closed."""

    size_bytes: int
    etag: str
    body: Any

    def chunks(self) -> Iterator[bytes]:
        """The content piece by piece. Raises AwsCallError."""
        with closing(self.body), translated_errors("s3 GetObject"):
            yield from self.body.iter_chunks(CHUNK_BYTES)

    def read(self) -> bytes:
        """The whole content. Raises AwsCallError."""
        with closing(self.body), translated_errors("s3 GetObject"):
            content: bytes = self.body.read()
            return content

    def close(self) -> None:
        """Read nothing more."""
        self.body.close()


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket. Every method raises AwsCallError."""

    clients: AwsClients
    name: str

    def put(self, key: str, content: bytes, *, content_type: str = "application/octet-stream") -> None:
        """Keep an object, in place of an earlier one."""
        with translated_errors("s3 PutObject"):
            self._client.put_object(Bucket=self.name, Key=key, Body=content, ContentType=content_type)

    def delete(self, key: str) -> None:
        """Delete an object, if it is there."""
        with translated_errors("s3 DeleteObject"):
            self._client.delete_object(Bucket=self.name, Key=key)

    def keys(self, prefix: str) -> list[str]:
        """The key of every object that begins with `prefix`."""
        keys: list[str] = []
        following: dict[str, str] = {}
        with translated_errors("s3 ListObjectsV2"):
            while True:
                page = self._client.list_objects_v2(Bucket=self.name, Prefix=prefix, **following)
                keys += [stored["Key"] for stored in page.get("Contents", ())]
                if not page["IsTruncated"]:
                    return keys
                following = {"ContinuationToken": page["NextContinuationToken"]}

    def delete_all(self, prefix: str) -> None:
        """Delete every object whose key begins with `prefix`."""
        for key in self.keys(prefix):
            self.delete(key)

    def get(self, key: str, *, limit_bytes: int) -> bytes | None:
        """The content of an object, or None where there is none; a larger object is an error."""
        stored = self.open(key)
        if stored is None:
            return None
        if stored.size_bytes > limit_bytes:
            stored.close()
            raise AwsCallError("TooLarge", detail=f"s3 GetObject: {stored.size_bytes} bytes")
        return stored.read()

    def open(self, key: str) -> StoredObject | None:
        """An object to be read, or None where there is none."""
        try:
            with translated_errors("s3 GetObject"):
                response = self._client.get_object(Bucket=self.name, Key=key)
        except AwsCallError as error:
            if error.aws_code == "NoSuchKey":
                return None
            raise
        return StoredObject(response["ContentLength"], response["ETag"], response["Body"])

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

    def presign_get(self, key: str, *, cache_control: str, life_seconds: int) -> str:
        """A URL to GET an object, also in parts, for `life_seconds`; S3 responds with that Cache-Control."""
        with translated_errors("s3 presigning"):
            seconds = self.clients.credentials_life_seconds(life_seconds)
            params = {"Bucket": self.name, "Key": key, "ResponseCacheControl": cache_control}
            url: str = self._client.generate_presigned_url("get_object", Params=params, ExpiresIn=seconds)
            return url

    @property
    def _client(self) -> Any:
        return self.clients.client("s3")

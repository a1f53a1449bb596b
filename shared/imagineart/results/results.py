"""Finished files: kept for a while under names that nobody can guess, and found by these names."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from imagineart.access.authenticate import PepperLookup
from imagineart.errors import ResultExpiredError, UnknownRequestError
from imagineart.images.seeds import RandomBelow
from imagineart.results.model import (
    IMAGE_MEDIA_TYPES,
    NONCE_BITS,
    RESULT_LIFE_SECONDS,
    Result,
    create_result,
    read_result_name,
    result_key,
)
from imagineart.s3 import StoredObject


class ResultBucket(Protocol):
    """Where results are stored. See `Bucket` for what each method does."""

    def put(self, key: str, content: bytes, *, content_type: str) -> None: ...

    def open(self, key: str) -> StoredObject | None: ...

    def presign_get(self, key: str, *, cache_control: str, life_seconds: int) -> str: ...


@dataclass(frozen=True, slots=True)
class Results:
    """Keeps files, and finds them again. Every method raises AwsCallError."""

    bucket: ResultBucket
    peppers: PepperLookup
    random_below: RandomBelow
    clock: Callable[[], float]

    def keep(
        self,
        content: bytes,
        *,
        media_type: str,
        life_seconds: int = RESULT_LIFE_SECONDS,
        nonce: int | None = None,
    ) -> Result:
        """Keep a file for exactly so long. Raises what `create_result` raises.

        It replaces an earlier one of the same `nonce` and type; without one, it replaces none.
        """
        result = create_result(
            media_type,
            life_seconds,
            now=int(self.clock()),
            peppers=self.peppers.read(),
            nonce=self.random_below(2**NONCE_BITS) if nonce is None else nonce,
        )
        self.bucket.put(result.key, content, content_type=media_type)
        return result

    def find(self, name: str) -> tuple[Result, StoredObject]:
        """The result of that name, and its content, which the caller has to read or close.

        Raises UnknownRequestError where the name was not made here, or nothing is stored under it, and
        ResultExpiredError; an expired one is known by its name alone.
        """
        result = read_result_name(name, self.peppers.read()) or read_result_name(
            # It may have been made under a pepper that was added recently.
            name, self.peppers.read_anew()
        )  # fmt: skip
        if result is None:
            raise _unknown()
        if self.clock() >= result.expires_at:
            raise ResultExpiredError()
        stored = self.bucket.open(result.key)
        if stored is None:
            raise _unknown()
        return result, stored

    def image_of(self, nonce: int) -> bytes | None:
        """The image that is the result of that nonce while the bucket has it, also when it has expired."""
        for media_type in IMAGE_MEDIA_TYPES:
            stored = self.bucket.open(result_key(nonce, media_type=media_type))
            if stored is not None:
                return stored.read()
        return None

    def seconds_left(self, result: Result) -> int:
        """The whole seconds until it expires."""
        return max(0, int(result.expires_at - self.clock()))

    def presign(self, result: Result, *, cache_control: str, life_seconds: int) -> str:
        """A URL of S3 that gives the content, also in parts, until the result expires or sooner."""
        # S3 knows no shorter life than a second.
        life_seconds = max(1, min(life_seconds, self.seconds_left(result)))
        return self.bucket.presign_get(result.key, cache_control=cache_control, life_seconds=life_seconds)


def _unknown() -> UnknownRequestError:
    return UnknownRequestError("No result has this address. Check that it is complete, its ending included.")

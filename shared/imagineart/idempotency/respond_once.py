"""A request that is repeated under its Idempotency-Key gets its first response again, and costs nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

from imagineart.access.base62 import to_base62
from imagineart.access.limits import LEASE_MARGIN_SECONDS
from imagineart.errors import ImagineArtError, InternalError, InvalidRequestError, ResponsePendingError
from imagineart.idempotency.model import Claim, Record, StoredResponse, check_idempotency_key, record_id
from imagineart.images.seeds import RandomBelow

POLL_SECONDS: Final = 0.5
MAX_BODY_BYTES: Final = 200 * 1024 * 1024
"""The most that Lambda streams."""
_ATTEMPT_BITS: Final = 128


class KeyConflictError(InvalidRequestError):
    """A key came with another request before."""

    code = "invalid_request"

    def __init__(self) -> None:
        super().__init__(
            "Idempotency-Key",
            "the key came with another request before; allowed: the same request again, or a new key.",
        )


class Records(Protocol):
    """The records of keys. See `RecordStore` for what each method does."""

    def claim(self, claim: Claim, *, now: float) -> Record | None: ...

    def find(self, record_id: str, *, now: float) -> Record | None: ...

    def complete(self, claim: Claim, record: Record, *, now: float) -> bool: ...

    def release(self, claim: Claim) -> None: ...

    def forget(self, record_id: str, record: Record) -> None: ...


class Bodies(Protocol):
    """Where the bodies of responses are stored."""

    def put(self, key: str, content: bytes) -> None:
        """Store a body."""

    def get(self, key: str, *, limit_bytes: int) -> bytes | None:
        """The body, or None where there is none."""

    def keys(self, prefix: str) -> list[str]:
        """The key of every body that begins so."""

    def delete(self, key: str) -> None:
        """Delete a body, if it is there."""


@dataclass(frozen=True, slots=True)
class Idempotency:
    """Makes the response for a key, or finds the one that was made; a second request waits for the first.

    `report` is called with what failed without harm to the request.
    """

    records: Records
    bodies: Bodies
    random_below: RandomBelow
    report: Callable[[str], None]
    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def respond_once(
        self,
        consumer_id: str,
        key: str,
        fingerprint: str,
        make: Callable[[], Awaitable[StoredResponse]],
        *,
        lease_seconds: float,
        transfer_seconds: Callable[[int], float],
        patience_seconds: float,
    ) -> tuple[StoredResponse, bool]:
        """The response of `make`, or that of an earlier request with the consumer's `key`, and whether it is.

        A failure frees the key. `lease_seconds` is how long this request can last, `transfer_seconds` returns
        how long a body of so many bytes may take to be stored or fetched, and an earlier request is waited
        for up to `patience_seconds`. Raises InvalidRequestError for a malformed key; KeyConflictError;
        ResponsePendingError where an earlier one is still in progress; and what `make` raises.
        """
        check_idempotency_key(key)
        waits_until = self.clock() + patience_seconds
        claim = Claim(
            record_id(consumer_id, key),
            fingerprint,
            attempt=to_base62(self.random_below(2**_ATTEMPT_BITS), 22),
            lease_ends_at=self.clock() + lease_seconds + LEASE_MARGIN_SECONDS,
        )
        while True:
            record = self._claim(claim)
            if record is None:
                return await self._make(consumer_id, claim, make, transfer_seconds), False
            earlier = await self._await_earlier(record, claim, waits_until, transfer_seconds)
            if earlier is not None:
                return earlier, True

    def is_used(self, consumer_id: str, key: str) -> bool:
        """Whether a request with the consumer's `key` is in progress, or has a response that is kept."""
        return self.records.find(record_id(consumer_id, key), now=self.clock()) is not None

    def _claim(self, claim: Claim) -> Record | None:
        try:
            return self.records.claim(claim, now=self.clock())
        except InternalError:
            # The key may be claimed though the response was lost.
            self._release(claim)
            raise

    async def _await_earlier(
        self,
        record: Record | None,
        claim: Claim,
        waits_until: float,
        transfer_seconds: Callable[[int], float],
    ) -> StoredResponse | None:
        """The response of an earlier request, or None where there will be none."""
        while record is not None:
            if record.fingerprint != claim.fingerprint:
                raise KeyConflictError
            if record.storage_key is not None:
                return await self._fetch(record, record.storage_key, claim.record_id, transfer_seconds)
            if self.clock() + POLL_SECONDS > waits_until:
                raise ResponsePendingError
            await self.sleep(POLL_SECONDS)
            record = self.records.find(claim.record_id, now=self.clock())
        return None

    async def _fetch(
        self, record: Record, storage_key: str, record_id: str, transfer_seconds: Callable[[int], float]
    ) -> StoredResponse | None:
        try:
            async with asyncio.timeout(transfer_seconds(0)):
                content = await asyncio.to_thread(self.bodies.get, storage_key, limit_bytes=MAX_BODY_BYTES)
        except TimeoutError as error:
            raise InternalError(detail=f"the response of {record_id} was not fetched in time") from error
        if content is None:
            self.report(f"the response of {record_id} is gone; it is made again")
            self.records.forget(record_id, record)
            return None
        return StoredResponse(record.headers or {}, content)

    async def _make(
        self,
        consumer_id: str,
        claim: Claim,
        make: Callable[[], Awaitable[StoredResponse]],
        transfer_seconds: Callable[[int], float],
    ) -> StoredResponse:
        try:
            response = await make()
        except BaseException:
            self._release(claim)
            raise
        try:
            async with asyncio.timeout(transfer_seconds(len(response.content))):
                await self._keep(consumer_id, claim, response)
        except (ImagineArtError, TimeoutError) as error:
            # The caller gets its response all the same, and a repeated request makes another.
            detail = error.detail if isinstance(error, ImagineArtError) else "not in time"
            self.report(f"the response of {claim.record_id} is not kept: {detail}")
            self._release(claim)
        except BaseException:
            self._release(claim)
            raise
        return response

    def erase(self, consumer_id: str) -> None:
        """Forget every stored response of a consumer, with its key. Raises AwsCallError."""
        for storage_key in self.bodies.keys(_folder(consumer_id)):
            record_id = storage_key.removeprefix(_folder(consumer_id)).partition("/")[0]
            self.records.forget(record_id, Record("", None, storage_key))
            self.bodies.delete(storage_key)

    async def _keep(self, consumer_id: str, claim: Claim, response: StoredResponse) -> None:
        storage_key = f"{_folder(consumer_id)}{claim.record_id}/{claim.attempt}"
        await asyncio.to_thread(self.bodies.put, storage_key, response.content)
        record = Record(claim.fingerprint, response.headers, storage_key)
        if not self.records.complete(claim, record, now=self.clock()):
            self.report(f"the claim on {claim.record_id} ended before its response was kept")

    def _release(self, claim: Claim) -> None:
        try:
            self.records.release(claim)
        except ImagineArtError as error:
            self.report(f"the key of {claim.record_id} is not freed: {error.detail}")


def _folder(consumer_id: str) -> str:
    """What the keys of a consumer's responses begin with."""
    return f"responses/{consumer_id}/"

"""A request that is sent again under its Idempotency-Key gets its first answer again, and costs nothing."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from imagineart.access.base62 import to_base62
from imagineart.errors import AnswerPendingError, ImagineArtError, InvalidRequestError
from imagineart.access.limits import LEASE_MARGIN_SECONDS
from imagineart.domain.ports import AnswerRecords, AnswerStorage, Clock
from imagineart.idempotency.model import (
    Answer,
    AnswerRecord,
    Claim,
    check_idempotency_key,
    record_id,
)
from imagineart.images.seeds import RandomBelow
from imagineart.use_cases.reported_attempt import attempt

POLL_SECONDS: Final = 0.5
ANSWERING_SECONDS: Final = 2.0
"""What is left for everything else while an answer is kept or fetched."""
_ATTEMPT_BITS: Final = 128


@dataclass(frozen=True, slots=True)
class AnsweredOnce:
    """An answer; `replayed` tells that it was made for an earlier request."""

    answer: Answer
    replayed: bool


@dataclass(frozen=True, slots=True)
class AnswerOnce:
    """Makes an answer for a key, or finds the one that was made; a second request waits for the first."""

    records: AnswerRecords
    storage: AnswerStorage
    random_below: RandomBelow
    report: Callable[[str], None]
    clock: Clock
    sleep: Callable[[float], None] = time.sleep

    def __call__(
        self,
        consumer_id: str,
        key: str,
        fingerprint: str,
        make: Callable[[], Answer],
        *,
        seconds_left: Callable[[], float],
        patience_seconds: float,
    ) -> AnsweredOnce:
        """The answer of `make`, or the one that an earlier request with the consumer's `key` got.

        A failure frees the key. `seconds_left` tells how long this request can still last; an earlier one is
        waited for up to `patience_seconds`. Raises InvalidRequestError where the key is none, or came with
        another request; AnswerPendingError where an earlier one is still under way; and what `make` raises.
        """
        check_idempotency_key(key)
        ends_at = self.clock() + patience_seconds
        claim = Claim(
            record_id(consumer_id, key),
            fingerprint,
            attempt=to_base62(self.random_below(2**_ATTEMPT_BITS), 22),
            lease_ends_at=self.clock() + seconds_left() + LEASE_MARGIN_SECONDS,
        )
        while True:
            record = self.records.claim(claim, now=self.clock())
            if record is None:
                answer = self._make(consumer_id, claim, make, seconds_left)
                return AnsweredOnce(answer, replayed=False)
            earlier = self._await(record, claim, ends_at, seconds_left)
            if earlier is not None:
                return AnsweredOnce(earlier, replayed=True)

    def _await(
        self,
        record: AnswerRecord | None,
        claim: Claim,
        ends_at: float,
        seconds_left: Callable[[], float],
    ) -> Answer | None:
        """The answer of an earlier request, or None where there will be none."""
        while record is not None:
            if record.fingerprint != claim.fingerprint:
                raise InvalidRequestError(
                    "Idempotency-Key",
                    "the key came with another request before; allowed is the same request again, or a new "
                    "key.",
                )
            if record.storage_key is not None:
                return self._find_answer(record, claim.record_id, seconds_left() - ANSWERING_SECONDS)
            if self.clock() + POLL_SECONDS > ends_at:
                raise AnswerPendingError
            self.sleep(POLL_SECONDS)
            record = self.records.find(claim.record_id, now=self.clock())
        return None

    def _find_answer(self, record: AnswerRecord, record_id: str, within_seconds: float) -> Answer | None:
        content = self.storage.get(record.storage_key or "", within_seconds=within_seconds)
        if content is None:
            self.report(f"the answer of {record_id} is gone; it is made anew")
            self.records.forget(record_id, record)
            return None
        return Answer(record.headers or {}, content)

    def _make(
        self,
        consumer_id: str,
        claim: Claim,
        make: Callable[[], Answer],
        seconds_left: Callable[[], float],
    ) -> Answer:
        try:
            answer = make()
        except BaseException:
            attempt(lambda: self.records.release(claim), self.report)
            raise
        within_seconds = seconds_left() - ANSWERING_SECONDS
        attempt(lambda: self._keep(consumer_id, claim, answer, within_seconds), self.report)
        return answer

    def _keep(self, consumer_id: str, claim: Claim, answer: Answer, within_seconds: float) -> None:
        """Keep the answer for later requests; the key is free again where it cannot be kept in time."""
        storage_key = f"answers/{consumer_id}/{claim.record_id}/{claim.attempt}"
        try:
            self.storage.put(storage_key, answer.content, within_seconds=within_seconds)
            kept = AnswerRecord(claim.fingerprint, answer.headers, storage_key)
            if not self.records.complete(claim, kept, now=self.clock()):
                self.report(f"the claim on {claim.record_id} had ended before its answer was kept")
        except ImagineArtError:
            self.records.release(claim)
            raise

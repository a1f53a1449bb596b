"""Answers that can be given again, kept in memory."""

from dataclasses import dataclass, field

from imagineart.adapters.aws_http import AwsCallError
from imagineart.domain.repeatable_answers import KEPT_SECONDS, AnswerRecord, Claim

BROKEN = AwsCallError("Unreachable", detail="the store is out of order")


@dataclass(slots=True)
class HeldClaim:
    """A claim, and its answer once there is one."""

    claim: Claim
    expires_at: float
    answer: AnswerRecord | None = None

    def is_over(self, now: float) -> bool:
        return now > self.expires_at or (self.answer is None and now > self.claim.lease_ends_at)


@dataclass(slots=True)
class InMemoryAnswerRecords:
    """An AnswerRecords; while it `is_broken`, nothing can be completed or released.

    So many completions as `refused_completions` fail.
    """

    held: dict[str, HeldClaim] = field(default_factory=dict)
    is_broken: bool = False
    refused_completions: int = 0

    def claim(self, claim: Claim, *, now: float) -> AnswerRecord | None:
        record = self.find(claim.record_id, now=now)
        if record is None:
            self.held[claim.record_id] = HeldClaim(claim, now + KEPT_SECONDS)
        return record

    def find(self, record_id: str, *, now: float) -> AnswerRecord | None:
        held = self.held.get(record_id)
        if held is None or held.is_over(now):
            return None
        return held.answer or AnswerRecord(held.claim.fingerprint)

    def complete(self, claim: Claim, answer: AnswerRecord, *, now: float) -> bool:
        self._require_order()
        if self.refused_completions:
            self.refused_completions -= 1
            raise BROKEN
        held = self.held.get(claim.record_id)
        if held is None or held.claim.attempt != claim.attempt:
            return False
        held.answer, held.expires_at = answer, now + KEPT_SECONDS
        return True

    def release(self, claim: Claim) -> None:
        self._require_order()
        held = self.held.get(claim.record_id)
        if held and held.claim.attempt == claim.attempt and held.answer is None:
            del self.held[claim.record_id]

    def forget(self, record_id: str, answer: AnswerRecord) -> None:
        self._require_order()
        held = self.held.get(record_id)
        if held and held.answer == answer:
            del self.held[record_id]

    def _require_order(self) -> None:
        if self.is_broken:
            raise BROKEN


@dataclass(slots=True)
class InMemoryAnswerStorage:
    """An AnswerStorage; while it `is_broken`, nothing can be put."""

    contents: dict[str, bytes] = field(default_factory=dict)
    is_broken: bool = False

    def put(self, key: str, content: bytes, *, within_seconds: float) -> None:
        if self.is_broken or within_seconds <= 0:
            raise BROKEN
        self.contents[key] = content

    def get(self, key: str, *, within_seconds: float) -> bytes | None:
        if within_seconds <= 0:
            raise BROKEN
        return self.contents.get(key)

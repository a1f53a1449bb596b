"""The records of idempotency keys, kept in memory."""

from dataclasses import dataclass, field

from imagineart.aws import AwsCallError
from imagineart.idempotency.model import KEPT_SECONDS, Claim, Record

BROKEN = AwsCallError("Unreachable", detail="the store is out of order")


@dataclass(slots=True)
class HeldClaim:
    """A claim, and its response once there is one."""

    claim: Claim
    expires_at: float
    record: Record | None = None

    def is_over(self, now: float) -> bool:
        return int(now) > int(self.expires_at) or (
            self.record is None and int(now * 1000) > int(self.claim.lease_ends_at * 1000)
        )


@dataclass(slots=True)
class InMemoryRecords:
    """A RecordStore without DynamoDB; while it `is_broken`, nothing can be completed or released.

    So many completions as `refused_completions` fail.
    """

    held: dict[str, HeldClaim] = field(default_factory=dict)
    is_broken: bool = False
    refused_completions: int = 0

    def claim(self, claim: Claim, *, now: float) -> Record | None:
        held = self.held.get(claim.record_id)
        if held is not None and not held.is_over(now):
            own = held.claim.attempt == claim.attempt
            return None if own else held.record or Record(held.claim.fingerprint)
        self.held[claim.record_id] = HeldClaim(claim, now + KEPT_SECONDS)
        return None

    def find(self, record_id: str, *, now: float) -> Record | None:
        held = self.held.get(record_id)
        if held is None or held.is_over(now):
            return None
        return held.record or Record(held.claim.fingerprint)

    def complete(self, claim: Claim, record: Record, *, now: float) -> bool:
        self._require_order()
        if self.refused_completions:
            self.refused_completions -= 1
            raise BROKEN
        held = self.held.get(claim.record_id)
        if held is None or held.claim.attempt != claim.attempt:
            return False
        held.record, held.expires_at = record, now + KEPT_SECONDS
        return True

    def release(self, claim: Claim) -> None:
        self._require_order()
        held = self.held.get(claim.record_id)
        if held and held.claim.attempt == claim.attempt and held.record is None:
            del self.held[claim.record_id]

    def forget(self, record_id: str, record: Record) -> None:
        self._require_order()
        held = self.held.get(record_id)
        if held and held.record == record:
            del self.held[record_id]

    def _require_order(self) -> None:
        if self.is_broken:
            raise BROKEN

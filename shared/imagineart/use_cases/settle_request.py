"""What is left to do once a request is answered: its slot is given back, and it is counted."""

from collections.abc import Callable
from dataclasses import dataclass

from imagineart.domain.accounting import AnsweredRequest
from imagineart.domain.ports import ConsumerLedger, TokenMarks, UsageLedger
from imagineart.use_cases.admit_request import Admission
from imagineart.use_cases.authenticate_caller import Caller
from imagineart.use_cases.reported_attempt import attempt


@dataclass(frozen=True, slots=True)
class SettleRequest:
    """Settles answered requests, when nobody waits any more."""

    ledger: ConsumerLedger
    usage: UsageLedger
    marks: TokenMarks
    report: Callable[[str], None]

    def __call__(self, caller: Caller, admission: Admission | None, answered: AnsweredRequest) -> None:
        """Settle one request, which `admission` let in, or which a limit refused. Raises nothing.

        What fails is told to `report`, and the rest is done all the same.
        """
        if admission and (admission.slot or admission.past_counters):
            attempt(lambda: self._leave(admission, answered.images), self.report)
        attempt(lambda: self.usage.count(answered), self.report)
        if caller.last_used_on != answered.day:
            attempt(lambda: self.marks.note_use(caller.token_id, day=answered.day), self.report)

    def _leave(self, admission: Admission, images: int) -> None:
        self.ledger.leave(
            admission.consumer.id,
            entered_at=admission.entered_at,
            slot=admission.slot,
            images=images,
            reserved=admission.images,
            past_counters=admission.past_counters,
        )

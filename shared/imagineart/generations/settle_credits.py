"""A generation's credits are taken when it completes, and given back when it does not.

Who ends a job settles its credits. A crash in between leaves the reservation, which is repaired before its
account would notice: when a balance is shown, and when one is too low.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from imagineart.accounts.model import account_id_of
from imagineart.credits.change_credits import Credits
from imagineart.generations.model import API
from imagineart.jobs.model import Job, JobKey, JobState

GRACE_SECONDS: Final = 60
"""How old a reservation is at least that is repaired: its job may not be kept yet, or be settled just now."""


class FoundJobs(Protocol):
    """The jobs. See `JobStore.find`."""

    def find(self, key: JobKey) -> Job | None: ...


@dataclass(frozen=True, slots=True)
class SettleCredits:
    """Settles credits. Every method raises AwsCallError, and may be repeated."""

    credits: Credits

    def settle(self, job: Job, state: JobState) -> None:
        """Take or give back what a job reserved that ended in `state`; nothing for jobs of other APIs."""
        account_id = account_id_of(job.key.consumer_id)
        if job.api != API or account_id is None:
            return
        if state is JobState.COMPLETED:
            self.credits.take(account_id, job.key.id)
        else:
            self.credits.give_back(account_id, job.key.id)


@dataclass(frozen=True, slots=True)
class RepairCredits:
    """Settles what a crash left."""

    credits: Credits
    jobs: FoundJobs
    clock: Callable[[], float]

    def repair(self, account_id: int, consumer_id: str) -> None:
        """Settle each reservation whose job has ended, or was never kept. Raises AwsCallError."""
        for job_id in self.credits.find(account_id).reservations:
            key = JobKey(consumer_id, job_id)
            if self.clock() - key.accepted_at < GRACE_SECONDS:
                continue
            job = self.jobs.find(key)
            if job is None:
                self.credits.give_back(account_id, job_id)
            elif job.has_ended:
                SettleCredits(self.credits).settle(job, job.state)

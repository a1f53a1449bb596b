"""A worker runs a job: it claims it, makes what is missing, keeps it, and ends the job.

A message that comes twice finds the job claimed, paused or ended. A worker that dies leaves a lease, after
which the next one makes only what is not kept yet: for each image or file, one call at most is repeated.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol

from imagineart.access.job_limits import JobLimits
from imagineart.access.limits import LEASE_MARGIN_SECONDS, LimitReachedError
from imagineart.errors import ImagineArtError, InternalError, InvalidTokenError
from imagineart.images.seeds import RandomBelow
from imagineart.jobs.end_job import JobSettlement
from imagineart.jobs.model import (
    MAX_ATTEMPTS,
    Job,
    JobClaim,
    JobError,
    JobKey,
    JobState,
    crash_error,
    create_attempt,
    unstarted_error,
)
from imagineart.jobs.send_jobs import JobSender
from imagineart.results.model import Result

KEEPING_SECONDS: Final = 20.0
"""The part of a worker's time that is reserved for keeping what was made and ending the job."""

SLOT_RETRY_SECONDS: Final = 5
"""How long a job waits at least where requests of its consumer have taken every slot."""


class Made(Enum):
    """What came of an attempt to make what a job is for."""

    ALL = auto()
    """Everything is kept."""
    FOR_NOBODY = auto()
    """The job is no longer this attempt's."""
    NOT_YET = auto()
    """The job is paused, and a message comes for the next attempt."""


class Makes(Protocol):
    """Makes what a job is for."""

    async def make(self, job: Job, claim: JobClaim, deadline_seconds: float) -> Made:
        """Make and keep what is missing. Raises ImagineArtError."""


class KeepsResults(Protocol):
    """Keeps results. See `Results.keep`."""

    def keep(self, content: bytes, *, media_type: str, life_seconds: int, nonce: int) -> Result: ...


class RunnableJobs(Protocol):
    """The jobs. See `JobStore` for what each method does."""

    def find(self, key: JobKey) -> Job | None: ...

    def claim(self, claim: JobClaim, *, now: float) -> Job | None: ...

    def end(self, claim: JobClaim, state: JobState, *, error: JobError | None, now: float) -> bool: ...

    def close(self, key: JobKey, attempt: str) -> bool: ...

    def release(self, claim: JobClaim, *, now: float) -> None: ...

    def delete(self, key: JobKey) -> None: ...


@dataclass(frozen=True, slots=True)
class RunJob:
    """Runs jobs, one at a time. `maker_of` gives what makes that which a job is for."""

    jobs: RunnableJobs
    sender: JobSender
    limits: JobLimits
    settlement: JobSettlement
    maker_of: Callable[[Job], Makes]
    random_below: RandomBelow
    clock: Callable[[], float]

    async def run(self, key: JobKey, *, seconds_left: float) -> None:
        """Run the job of a message in the time that is left.

        Raises InternalError where this service itself failed: the message has to come again.
        """
        job = self.jobs.find(key)
        if job is not None and not job.has_ended:
            if job.is_leased(self.clock()) or job.is_paused(self.clock()):
                return
            error = unstarted_error(job, self.clock())
            if error is not None:
                self.settlement.fail_unattended(job, error)
            elif not await self._run_with_slot(job, seconds_left):
                return
        self.sender.leave(key)

    async def _run_with_slot(self, job: Job, seconds_left: float) -> bool:
        """Whether the job has ended; False where it waits, or another worker has it."""
        consumer_id, lease_seconds = job.key.consumer_id, seconds_left + LEASE_MARGIN_SECONDS
        try:
            slot = self.limits.hold_slot(consumer_id, lease_seconds=lease_seconds)
        except LimitReachedError:
            delay_seconds = SLOT_RETRY_SECONDS + self.random_below(SLOT_RETRY_SECONDS)
            self.sender.send(job.key, delay_seconds=delay_seconds)
            return False
        except InvalidTokenError as error:
            message = "The consumer of this job was deleted."
            self.settlement.fail_unattended(job, JobError(error.code, message))
            self.jobs.delete(job.key)
            return True
        try:
            claim = JobClaim(job.key, create_attempt(self.random_below), self.clock() + lease_seconds)
            claimed = self.jobs.claim(claim, now=self.clock())
            if claimed is None:
                return False
            return await self._run_claimed(claimed, claim, seconds_left - KEEPING_SECONDS)
        finally:
            self.settlement.release_slot(consumer_id, slot)

    async def _run_claimed(self, job: Job, claim: JobClaim, deadline_seconds: float) -> bool:
        """Whether the job has ended."""
        error: JobError | None = None
        made = Made.ALL
        try:
            made = await self.maker_of(job).make(job, claim, deadline_seconds)
        except ImagineArtError as failure:
            if isinstance(failure, InternalError) and job.attempts < MAX_ATTEMPTS:
                self.jobs.release(claim, now=self.clock())
                raise
            is_internal = isinstance(failure, InternalError)
            error = crash_error() if is_internal else _job_error(failure)
        if made is Made.NOT_YET:
            return False
        state = JobState.FAILED if error else JobState.COMPLETED
        images = 0 if error else job.image_count
        if made is Made.ALL and self.jobs.end(claim, state, error=error, now=self.clock()):
            self.settlement.settle(job, state, error_code=error.code if error else None, images=images)
        else:
            self._drop_images(job, claim, images)
        return True

    def _drop_images(self, job: Job, claim: JobClaim, images: int) -> None:
        """Settle a job that was cancelled or deleted while this attempt had it: its images are counted."""
        if self.jobs.find(job.key) is None or self.jobs.close(job.key, claim.attempt):
            self.settlement.settle(job, JobState.CANCELLED, images=images)


def _job_error(failure: ImagineArtError) -> JobError:
    return JobError(failure.code, failure.message, getattr(failure, "field", ""))

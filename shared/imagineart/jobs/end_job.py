"""What happens when a job has ended: usage is counted, what was counted and not made is given back, and it is
reported.

Of several workers that end a job, one does, and that one settles. A crash in between leaves the images
counted, as a request that crashes does; the sweeper reports it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from imagineart.access.job_limits import JobLimits
from imagineart.access.limits import Slot
from imagineart.errors import ImagineArtError
from imagineart.images.seeds import RandomBelow
from imagineart.jobs.model import Job, JobError, JobKey, JobState, create_attempt
from imagineart.jobs.report_job_end import ReportJobEnd
from imagineart.usage.model import CANCELLED, OK, FinishedRequest


class UsageCounter(Protocol):
    """Where requests are counted for the operator."""

    def count(self, request: FinishedRequest) -> None: ...


class UnattendedJobs(Protocol):
    """The jobs. See `JobStore` for what each method does."""

    def fail_unattended(self, key: JobKey, attempt: str, error: JobError, *, now: float) -> bool: ...

    def close(self, key: JobKey, attempt: str) -> bool: ...


class DeletableObjects(Protocol):
    """Where images are kept. See `Bucket.delete`."""

    def delete(self, key: str) -> None: ...


@dataclass(frozen=True, slots=True)
class JobSettlement:
    """Settles jobs that have ended.

    `charge` settles what a job costs its account, and may be called again. `ended` is called with each of
    them, and `report` with what failed, for the log and metrics.
    """

    jobs: UnattendedJobs
    limits: JobLimits
    usage: UsageCounter
    objects: DeletableObjects
    results: DeletableObjects
    reports: ReportJobEnd
    charge: Callable[[Job, JobState], None]
    ended: Callable[[FinishedRequest], None]
    report: Callable[[str], None]
    random_below: RandomBelow
    clock: Callable[[], float]

    def fail_unattended(self, job: Job, error: JobError) -> None:
        """End and settle a job that no worker holds; nothing happens where that is not so."""
        if self.jobs.fail_unattended(job.key, create_attempt(self.random_below), error, now=self.clock()):
            self.settle(job, JobState.FAILED, error_code=error.code)

    def close_cancelled(self, job: Job) -> None:
        """Settle a cancelled job whose worker crashed: the images that it had noted are counted."""
        if self.jobs.close(job.key, job.attempt or ""):
            self.settle(job, JobState.CANCELLED, images=len(job.images))

    def settle(self, job: Job, state: JobState, *, error_code: str | None = None, images: int = 0) -> None:
        """Count a job that ended in `state` with so many images made. Raises nothing: the rest is still done.

        Where it is not completed, what is kept of it is deleted.
        """
        now = self.clock()
        outcome = {JobState.COMPLETED: OK, JobState.CANCELLED: CANCELLED}.get(state) or error_code or ""
        finished = FinishedRequest(
            request_id=job.key.id,
            consumer_id=job.key.consumer_id,
            operation=job.model_id,
            resolution=job.resolution,
            outcome=outcome,
            images=images,
            seconds=max(0.0, now - (job.started_at or now)),
            finished_at=now,
        )
        self.ended(finished)
        self._attempt("usage", lambda: self._count(finished))
        self._attempt(
            "images",
            lambda: self.limits.give_images_back(
                job.key.consumer_id,
                job.key.id,
                counted_at=job.key.accepted_at,
                images=job.counted_images - images,
            ),
        )
        self._attempt("credits", lambda: self.charge(job, state))
        if state is not JobState.COMPLETED:
            self._attempt("objects", lambda: self.delete_objects(job))
        if job.has_listener:
            self._attempt("report", lambda: self.reports.send(job.key))

    def release_slot(self, consumer_id: str, slot: Slot) -> None:
        """Give back the slot of a job that ran. Raises nothing: a slot ends by itself."""
        self._attempt("slot", lambda: self.limits.release_slot(consumer_id, slot))

    def delete_objects(self, job: Job) -> None:
        """Delete every image that is kept of a job, results included. Raises AwsCallError."""
        for name in job.objects():
            self.objects.delete(name)
        for name in job.results():
            self.results.delete(name)

    def _count(self, finished: FinishedRequest) -> None:
        # What is kept of a consumer that was deleted stays erased.
        if self.limits.has_consumer(finished.consumer_id):
            self.usage.count(finished)

    def _attempt(self, part: str, act: Callable[[], None]) -> None:
        try:
            act()
        except ImagineArtError as error:
            self.report(f"{part}: {error.detail or error.message}")

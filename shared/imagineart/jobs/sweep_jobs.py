"""Each minute: jobs that were accepted and never sent, and those whose worker, message or webhook is lost.

A crash between two writes of another function is repaired here, so that no job is lost by it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from imagineart.errors import ImagineArtError
from imagineart.jobs.end_job import JobSettlement
from imagineart.jobs.model import (
    Job,
    JobKey,
    JobQueue,
    JobState,
    crash_error,
    resend_at,
    unstarted_error,
)
from imagineart.jobs.report_job_end import ReportJobEnd
from imagineart.jobs.send_jobs import JobSender, Places


class OpenJobs(Protocol):
    """The jobs. See `JobStore` for what each method does."""

    def due(self, now: float) -> Iterator[JobKey]: ...

    def find(self, key: JobKey) -> Job | None: ...

    def postpone(self, key: JobKey, *, due_at: float) -> None: ...


@dataclass(frozen=True, slots=True)
class SweepJobs:
    """Sends again what is lost, and ends what cannot be started.

    `report` is called with what failed.
    """

    jobs: OpenJobs
    places: Places
    sender: JobSender
    settlement: JobSettlement
    reports: ReportJobEnd
    report: Callable[[str], None]
    clock: Callable[[], float]

    def sweep(self) -> int:
        """Look at every job that is due; return how many consumers and reports failed."""
        due: defaultdict[str, set[str]] = defaultdict(set)
        for key in self.jobs.due(self.clock()):
            due[key.consumer_id].add(key.id)
        failures = 0
        for consumer_id, ids in due.items():
            try:
                self._sweep_consumer(consumer_id, ids)
            except ImagineArtError as error:
                failures += 1
                self.report(f"the jobs of {consumer_id}: {error.detail or error.message}")
        return failures + self._send_reports()

    def fail_dead(self, key: JobKey) -> None:
        """End the job of a message that no worker could handle."""
        job = self.jobs.find(key)
        if job is not None and not job.has_ended:
            if job.is_leased(self.clock()):
                return
            self.settlement.fail_unattended(job, crash_error())
        self.sender.leave(key)

    def _send_reports(self) -> int:
        failures = 0
        for key in self.reports.overdue():
            try:
                self.reports.send(key)
            except ImagineArtError as error:
                failures += 1
                self.report(f"the webhook of {key.id}: {error.detail or error.message}")
        return failures

    def _sweep_consumer(self, consumer_id: str, ids: set[str]) -> None:
        queue = self.places.find(consumer_id)
        for job_id in sorted(ids | queue.in_flight):
            self._look_at(JobKey(consumer_id, job_id), queue, is_due=job_id in ids)
        self.sender.send_next(consumer_id)

    def _look_at(self, key: JobKey, queue: JobQueue, *, is_due: bool) -> None:
        now, is_in_flight = self.clock(), key.id in queue.in_flight
        if not is_in_flight and key.id > queue.last_sent and now < key.deadline:
            # It waits for its turn. There may be thousands of these, and nothing is read of them.
            return
        job = self.jobs.find(key)
        if job is None or job.has_ended:
            self._close(key, job)
        elif is_due and not job.is_leased(now):
            self._start_or_fail(job, now, is_in_flight=is_in_flight)

    def _close(self, key: JobKey, job: Job | None) -> None:
        """Give back the place of a job that has ended, unless its worker is still at it."""
        if job is not None and job.state is JobState.CANCELLED and job.lease_ends_at is not None:
            if job.is_leased(self.clock()):
                return
            self.settlement.close_cancelled(job)
        self.places.release_place(key)

    def _start_or_fail(self, job: Job, now: float, *, is_in_flight: bool) -> None:
        error = unstarted_error(job, now)
        if error is not None:
            self.settlement.fail_unattended(job, error)
            self.places.release_place(job.key)
        elif is_in_flight:
            self.jobs.postpone(job.key, due_at=resend_at(job, now))
            self.sender.send(job.key)
        else:
            self.sender.send_next(job.key.consumer_id, also=job.key)

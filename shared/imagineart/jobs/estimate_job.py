"""How long a job will take and how far it is, by what its model usually takes."""

from dataclasses import dataclass
from typing import Final

from imagineart.jobs.model import Job, JobKey, JobState
from imagineart.jobs.send_jobs import Places, WaitingJobs

MOST_COUNTED: Final = 200
"""The most waiting jobs that are read for an estimate."""

_ALMOST_DONE: Final = 95


@dataclass(frozen=True, slots=True)
class EstimateJob:
    """Estimates from the jobs of a consumer that are before another one. Its method raises AwsCallError."""

    jobs: WaitingJobs
    places: Places

    def rounds(self, key: JobKey, *, limit: int) -> int:
        """In which round a job runs, where `limit` of its consumer's jobs run at a time; the first is 1."""
        queue = self.places.find(key.consumer_id)
        if key.id in queue.in_flight:
            return 1
        waiting = self.jobs.waiting(key.consumer_id, after=queue.last_sent, limit=MOST_COUNTED)
        before = len(queue.in_flight) + sum(job_id < key.id for job_id in waiting)
        return 1 + before // limit


def progress_of(job: Job, *, typical_seconds: float | None, now: float) -> int:
    """Percent; while a job runs, by the time that has passed, which is not known for every model."""
    if job.state is JobState.COMPLETED:
        return 100
    if job.started_at is None or typical_seconds is None:
        return 0
    passed = (job.ended_at or now) - job.started_at
    return min(_ALMOST_DONE, max(0, int(100 * passed / typical_seconds)))

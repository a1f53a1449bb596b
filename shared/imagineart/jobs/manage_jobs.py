"""What a caller does with its jobs: it finds, lists, cancels and deletes them, and fetches their images."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from imagineart.backends.model import MAX_IMAGE_BYTES
from imagineart.errors import UnknownRequestError
from imagineart.images.seeds import RandomBelow
from imagineart.jobs.end_job import JobSettlement
from imagineart.jobs.model import KEPT_SECONDS, Job, JobKey, JobState, create_attempt, is_job_id, jobs_folder
from imagineart.quoting import shown


class StoredJobs(Protocol):
    """The jobs. See `JobStore` for what each method does."""

    def find(self, key: JobKey) -> Job | None: ...

    def page(
        self, consumer_id: str, *, api: str, before: str | None, accepted_from: float, limit: int
    ) -> list[Job]: ...

    def cancel(self, key: JobKey, by: str, *, now: float) -> Job | None: ...

    def all_of(self, consumer_id: str) -> Iterator[Job]: ...

    def forget_listeners(self, key: JobKey) -> None: ...

    def delete(self, key: JobKey) -> None: ...

    def erase(self, consumer_id: str) -> None: ...


class StoredWebhooks(Protocol):
    """The webhooks. See `QueueWebhooks.remove`."""

    def remove(self, consumer_id: str, *, event_id: str) -> None: ...


class JobObjects(Protocol):
    """Where images are kept. See `Bucket` for what each method does."""

    def get(self, key: str, *, limit_bytes: int) -> bytes | None: ...

    def delete_all(self, prefix: str) -> None: ...


@dataclass(frozen=True, slots=True)
class ManageJobs:
    """The jobs that an API accepted, for each caller its own. Every method raises AwsCallError."""

    api: str
    jobs: StoredJobs
    objects: JobObjects
    settlement: JobSettlement
    webhooks: StoredWebhooks
    random_below: RandomBelow
    clock: Callable[[], float]

    def find(self, consumer_id: str, job_id: str) -> Job:
        """The job. Raises UnknownRequestError where the consumer has none of this id."""
        key = JobKey(consumer_id, job_id)
        job = self.jobs.find(key) if is_job_id(job_id) else None
        if job is None or job.api != self.api or key.accepted_at <= self.clock() - KEPT_SECONDS:
            raise UnknownRequestError(
                f"No job has the id {shown(job_id)}. Jobs are kept for 30 days, unless they are deleted."
            )
        return job

    def list_jobs(self, consumer_id: str, *, before: str | None, limit: int) -> tuple[list[Job], bool]:
        """Up to `limit` jobs with smaller ids than `before`, the newest first, and whether there are more."""
        oldest = self.clock() - KEPT_SECONDS
        jobs = self.jobs.page(consumer_id, api=self.api, before=before, accepted_from=oldest, limit=limit + 1)
        return jobs[:limit], len(jobs) > limit

    def cancel(self, consumer_id: str, job_id: str) -> Job:
        """The job, cancelled unless it had ended. Raises UnknownRequestError.

        A backend that runs is not stopped. Its images are counted, and nobody gets them.
        """
        return self._cancel(self.find(consumer_id, job_id).key) or self.find(consumer_id, job_id)

    def delete(self, consumer_id: str, job_id: str) -> None:
        """Delete a job and all that is kept of it, its webhook included.

        One that has not ended is cancelled first. Raises UnknownRequestError.
        """
        self._delete(self.cancel(consumer_id, job_id))

    def erase(self, consumer_id: str) -> None:
        """Delete every job of a consumer, in whichever API, and what is kept beside it, without a report."""
        for job in self.jobs.all_of(consumer_id):
            if job.has_listener:
                self.jobs.forget_listeners(job.key)
            self._delete((None if job.has_ended else self._cancel(job.key)) or job)
        self.objects.delete_all(jobs_folder(consumer_id))
        self.jobs.erase(consumer_id)

    def image(self, consumer_id: str, job_id: str, position: str) -> tuple[bytes, str]:
        """An image and its media type. Raises UnknownRequestError where the job has no such image."""
        job = self.find(consumer_id, job_id)
        if job.state is not JobState.COMPLETED:
            raise UnknownRequestError(f"The job is {job.state}; a completed job alone has images.")
        numbers = [str(each) for each in range(job.image_count)]
        if position not in numbers:
            raise UnknownRequestError(
                f"No image has the number {shown(position)}; the job has {', '.join(numbers)}."
            )
        content = self.objects.get(job.key.image_object(int(position)), limit_bytes=MAX_IMAGE_BYTES)
        if content is None:
            raise UnknownRequestError("The image was deleted.")
        return content, job.request.media_type

    def _cancel(self, key: JobKey) -> Job | None:
        """The job, cancelled; None where it is gone or had ended."""
        cancelled = self.jobs.cancel(key, create_attempt(self.random_below), now=self.clock())
        if cancelled is not None and cancelled.lease_ends_at is None:
            self.settlement.settle(cancelled, JobState.CANCELLED)
        elif cancelled is not None and not cancelled.is_leased(self.clock()):
            self.settlement.close_cancelled(cancelled)
        return cancelled

    def _delete(self, job: Job) -> None:
        self.settlement.delete_objects(job)
        self.webhooks.remove(job.key.consumer_id, event_id=job.key.id)
        self.jobs.delete(job.key)

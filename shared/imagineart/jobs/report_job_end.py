"""The end of a job is reported: its webhook is queued, and its results are sent to its session.

The job keeps the URL and the session until that is done, so that none is lost.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from imagineart.jobs.model import Job, JobKey

OVERDUE_SECONDS: Final = 60
"""The sweeper reports a job that ended so long ago: who ended it may have crashed."""


class EndedJobs(Protocol):
    """The jobs. See `JobStore` for what each method does."""

    def find(self, key: JobKey) -> Job | None: ...

    def unreported(self, ended_before: float) -> Iterator[JobKey]: ...

    def forget_listeners(self, key: JobKey) -> None: ...


class WebhookQueue(Protocol):
    """Where webhooks are queued. See `QueueWebhooks.queue_webhook`."""

    def queue_webhook(self, consumer_id: str, *, event_id: str, type: str, body: str, url: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Notice:
    """A webhook of a job: its `event_id` is its own, and `body` is JSON."""

    event_id: str
    type: str
    body: str


@dataclass(frozen=True, slots=True)
class ReportJobEnd:
    """Reports the end of jobs. Every method raises AwsCallError.

    `notices` gives the webhooks of a job that has ended, at a time in Unix seconds, and `push` sends its
    results to its session.
    """

    jobs: EndedJobs
    webhooks: WebhookQueue
    notices: Callable[[Job, float], Sequence[Notice]]
    push: Callable[[Job], None]
    clock: Callable[[], float]

    def send(self, key: JobKey) -> None:
        """Report a job that has ended, if that was not done; again does no harm."""
        job = self.jobs.find(key)
        if job is None or not job.has_ended or not job.has_listener:
            return
        if job.session_id is not None:
            self.push(job)
        if job.webhook_url is not None:
            self._queue(job, job.webhook_url)
        self.jobs.forget_listeners(key)

    def _queue(self, job: Job, url: str) -> None:
        for notice in self.notices(job, self.clock()):
            self.webhooks.queue_webhook(
                job.key.consumer_id,
                event_id=notice.event_id,
                type=notice.type,
                body=notice.body,
                url=url,
            )

    def overdue(self) -> Iterator[JobKey]:
        """The jobs that ended a while ago and were not reported."""
        return self.jobs.unreported(self.clock() - OVERDUE_SECONDS)

"""The webhook of a job that has ended. The job keeps its URL until it is queued, so that none is lost."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from imagineart.jobs.model import Job, JobKey

OVERDUE_SECONDS: Final = 60
"""The sweeper queues the webhook of a job that ended so long ago: who ended it may have crashed."""


class EndedJobs(Protocol):
    """The jobs. See `JobStore` for what each method does."""

    def find(self, key: JobKey) -> Job | None: ...

    def with_unsent_webhook(self, ended_before: float) -> Iterator[JobKey]: ...

    def forget_webhook(self, key: JobKey) -> None: ...


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
class QueueJobWebhook:
    """Queues webhooks of jobs. Every method raises AwsCallError.

    `notices` gives what a caller is told of a job that has ended, at a time in Unix seconds.
    """

    jobs: EndedJobs
    webhooks: WebhookQueue
    notices: Callable[[Job, float], Sequence[Notice]]
    clock: Callable[[], float]

    def queue(self, key: JobKey) -> None:
        """Queue the webhooks of a job that has ended, if it has some that were not; again does no harm."""
        job = self.jobs.find(key)
        if job is None or not job.has_ended or job.webhook_url is None:
            return
        for notice in self.notices(job, self.clock()):
            self.webhooks.queue_webhook(
                key.consumer_id,
                event_id=notice.event_id,
                type=notice.type,
                body=notice.body,
                url=job.webhook_url,
            )
        self.jobs.forget_webhook(key)

    def overdue(self) -> Iterator[JobKey]:
        """The jobs that ended a while ago and still have a webhook to be queued."""
        return self.jobs.with_unsent_webhook(self.clock() - OVERDUE_SECONDS)

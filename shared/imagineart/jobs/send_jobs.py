"""Which jobs are in the queue: at most as many of a consumer as it may have requests in progress.

So a consumer with thousands of jobs delays no other. The function that accepts or ends a job sends the next
ones.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from imagineart.jobs.model import JobKey, JobQueue, is_job_id

_PLACES_OF_THE_UNREGISTERED: Final = 1
"""The jobs of a consumer that was deleted fail one after another."""


class Messages(Protocol):
    """The queue that workers read."""

    def send(self, body: str, *, delay_seconds: int = 0) -> None:
        """Send a message, which workers get after the delay."""


class Places(Protocol):
    """The places of consumers in the queue. See `QueueStore` for what each method does."""

    def find(self, consumer_id: str) -> JobQueue: ...

    def enter(self, key: JobKey, *, limit: int) -> bool: ...

    def note_late(self, key: JobKey) -> None: ...

    def take_place(self, key: JobKey, *, limit: int, is_newest: bool) -> bool: ...

    def release_place(self, key: JobKey) -> bool: ...


class WaitingJobs(Protocol):
    """The jobs that wait for a message. See `JobStore.waiting`."""

    def waiting(self, consumer_id: str, *, after: str, limit: int) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class JobSender:
    """Sends messages of jobs. `concurrent_requests` is a consumer's limit, None for an unregistered one."""

    jobs: WaitingJobs
    places: Places
    messages: Messages
    concurrent_requests: Callable[[str], int | None]

    def send_accepted(self, key: JobKey, *, limit: int) -> None:
        """Send a new job of a consumer that has `limit` places, once those that wait are sent."""
        if self.places.enter(key, limit=limit):
            self.send(key)
        else:
            self.send_next(key.consumer_id, also=key, limit=limit)

    def send_next(self, consumer_id: str, *, also: JobKey | None = None, limit: int | None = None) -> None:
        """Send the jobs of a consumer that wait, the oldest first, while it has places.

        `also` is a job that may wait though a later one was sent, as where that one's request overtook its
        own: it is noted, so that the next job that ends is followed by it.
        """
        limit = limit or self.concurrent_requests(consumer_id) or _PLACES_OF_THE_UNREGISTERED
        queue = self.places.find(consumer_id)
        if also is not None and also.id <= queue.last_sent and also.id not in queue.in_flight:
            self.places.note_late(also)
            queue = self.places.find(consumer_id)
        while (room := limit - len(queue.in_flight)) > 0:
            late = sorted(queue.late - queue.in_flight)
            ids = [*late, *self.jobs.waiting(consumer_id, after=queue.last_sent, limit=room)]
            if not ids:
                return
            for job_id in ids[:room]:
                key = JobKey(consumer_id, job_id)
                if self.places.take_place(key, limit=limit, is_newest=job_id > queue.last_sent):
                    self.send(key)
            queue = self._note_overtaken(consumer_id, after=queue.last_sent)

    def _note_overtaken(self, consumer_id: str, *, after: str) -> JobQueue:
        """The queue, with the jobs noted that were kept only after larger ids were looked up and sent."""
        queue = self.places.find(consumer_id)
        if queue.last_sent <= after:
            return queue
        ids = self.jobs.waiting(consumer_id, after=after, limit=2 * len(queue.in_flight) + 1)
        overtaken = [
            each for each in ids if each <= queue.last_sent and each not in queue.in_flight | queue.late
        ]
        for job_id in overtaken:
            self.places.note_late(JobKey(consumer_id, job_id))
        return self.places.find(consumer_id) if overtaken else queue

    def send(self, key: JobKey, *, delay_seconds: int = 0) -> None:
        """Send a message of a job that has a place."""
        body = json.dumps({"consumer_id": key.consumer_id, "job_id": key.id})
        self.messages.send(body, delay_seconds=delay_seconds)

    def leave(self, key: JobKey) -> None:
        """Give back the place of a job that has ended, and send the next ones."""
        if self.places.release_place(key):
            self.send_next(key.consumer_id)


def read_message(body: str) -> JobKey:
    """The job of a message. Raises ValueError for a message of something else."""
    fields = json.loads(body)
    if not isinstance(fields, dict) or not is_job_id(str(fields.get("job_id"))):
        raise ValueError("the message names no job")
    return JobKey(str(fields["consumer_id"]), fields["job_id"])

"""Jobs and their queue, kept in memory."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from imagineart.jobs.model import (
    SEND_SECONDS,
    Job,
    JobClaim,
    JobError,
    JobKey,
    JobQueue,
    JobState,
    KeptImage,
    first_id_at,
)
from imagineart.media.model import KeptMedia, Order


@dataclass(slots=True)
class InMemoryJobs:
    """A JobStore without DynamoDB."""

    jobs: dict[JobKey, Job] = field(default_factory=dict)
    due_at: dict[JobKey, float] = field(default_factory=dict)
    """The jobs that are open."""
    looked_up: Callable[[], object] = lambda: None
    """Called between a look-up of the jobs that wait and its caller's next step."""

    def add(self, job: Job, *, due_at: float) -> None:
        if job.key not in self.jobs:
            self._put(job, due_at)

    def _put(self, job: Job, due_at: float) -> None:
        self.jobs[job.key], self.due_at[job.key] = job, due_at

    def find(self, key: JobKey) -> Job | None:
        return self.jobs.get(key)

    def page(
        self, consumer_id: str, *, api: str, before: str | None, accepted_from: float, limit: int
    ) -> list[Job]:
        first, last = first_id_at(accepted_from), before or "job_~"
        jobs = [job for key, job in self.jobs.items() if (key.consumer_id, job.api) == (consumer_id, api)]
        found = [job for job in jobs if first <= job.key.id < last]
        return sorted(found, key=lambda job: job.key.id, reverse=True)[:limit]

    def all_of(self, consumer_id: str) -> Iterator[Job]:
        return iter([job for key, job in self.jobs.items() if key.consumer_id == consumer_id])

    def erase(self, consumer_id: str) -> None:
        for job in self.all_of(consumer_id):
            self.delete(job.key)

    def waiting(self, consumer_id: str, *, after: str, limit: int) -> list[str]:
        ids = sorted(
            key.id
            for key, job in self.jobs.items()
            if key.consumer_id == consumer_id and key.id > after and job.state is JobState.QUEUED
        )
        self.looked_up()
        return ids[:limit]

    def due(self, now: float) -> Iterator[JobKey]:
        return iter([key for key, due_at in self.due_at.items() if due_at <= now])

    def unreported(self, ended_before: float) -> Iterator[JobKey]:
        jobs = [job for job in self.jobs.values() if job.has_listener]
        return iter([job.key for job in jobs if job.ended_at is not None and job.ended_at <= ended_before])

    def forget_listeners(self, key: JobKey) -> None:
        if key in self.jobs:
            self.jobs[key] = replace(self.jobs[key], webhook_url=None, session_id=None)

    def claim(self, claim: JobClaim, *, now: float) -> Job | None:
        job = self.jobs.get(claim.key)
        if job is None or job.has_ended:
            return None
        if job.attempt != claim.attempt:
            if not self._is_unattended(job, now):
                return None
            job = replace(
                job,
                state=JobState.PROCESSING,
                attempt=claim.attempt,
                attempts=job.attempts + 1,
                lease_ends_at=claim.lease_ends_at,
                started_at=job.started_at or now,
            )
            self._put(job, claim.lease_ends_at)
        return job

    def keep_image(self, claim: JobClaim, position: int, image: KeptImage) -> bool:
        job = self._own(claim)
        if job is not None:
            self.jobs[claim.key] = replace(job, images={**job.images, position: image})
        return job is not None

    def keep_layout(self, claim: JobClaim, layout: str) -> bool:
        job = self._own(claim)
        if job is not None:
            self.jobs[claim.key] = replace(job, layout=layout)
        return job is not None

    def keep_media(self, claim: JobClaim, media: KeptMedia) -> bool:
        job = self._own(claim)
        if job is not None:
            self.jobs[claim.key] = replace(job, media=media)
        return job is not None

    def pause(self, claim: JobClaim, order: Order, *, until: float) -> bool:
        job = self._own(claim)
        if job is not None:
            paused = replace(job, order=order, attempts=0, paused_until=until, lease_ends_at=0)
            self._put(paused, until + SEND_SECONDS)
        return job is not None

    def end(self, claim: JobClaim, state: JobState, *, error: JobError | None, now: float) -> bool:
        job = self.jobs.get(claim.key)
        if job and (job.attempt, job.state) == (claim.attempt, state):
            return True
        return self._end(self._own(claim), claim.attempt, state, error, now)

    def fail_unattended(self, key: JobKey, attempt: str, error: JobError, *, now: float) -> bool:
        job = self.jobs.get(key)
        if job and (job.attempt, job.state) == (attempt, JobState.FAILED):
            return True
        return self._end(
            job if job and self._is_unattended(job, now) else None, attempt, JobState.FAILED, error, now
        )

    def cancel(self, key: JobKey, by: str, *, now: float) -> Job | None:
        job = self.jobs.get(key)
        if job is None or job.has_ended:
            return None
        self.jobs[key] = replace(job, state=JobState.CANCELLED, ended_at=now)
        if job.lease_ends_at is None:
            del self.due_at[key]
        return self.jobs[key]

    def close(self, key: JobKey, attempt: str) -> bool:
        job = self.jobs.get(key)
        is_own = job and (job.attempt, job.state) == (attempt, JobState.CANCELLED)
        if job is None or not is_own or key not in self.due_at:
            return False
        self.jobs[key] = replace(job, lease_ends_at=None)
        del self.due_at[key]
        return True

    def release(self, claim: JobClaim, *, now: float) -> None:
        job = self._own(claim)
        if job is not None:
            self._put(replace(job, lease_ends_at=0), now)

    def postpone(self, key: JobKey, *, due_at: float) -> None:
        if key in self.due_at:
            self._put(replace(self.jobs[key], messages=self.jobs[key].messages + 1), due_at)

    def delete(self, key: JobKey) -> None:
        self.jobs.pop(key, None)
        self.due_at.pop(key, None)

    def _own(self, claim: JobClaim) -> Job | None:
        job = self.jobs.get(claim.key)
        is_own = job and (job.attempt, job.state) == (claim.attempt, JobState.PROCESSING)
        return job if is_own else None

    @staticmethod
    def _is_unattended(job: Job, now: float) -> bool:
        return not job.has_ended and not job.is_leased(now)

    def _end(
        self, job: Job | None, attempt: str, state: JobState, error: JobError | None, now: float
    ) -> bool:
        if job is None:
            return False
        self.jobs[job.key] = replace(
            job, state=state, attempt=attempt, error=error, ended_at=now, lease_ends_at=None
        )
        del self.due_at[job.key]
        return True


@dataclass(slots=True)
class InMemoryPlaces:
    """A QueueStore without DynamoDB."""

    queues: dict[str, JobQueue] = field(default_factory=dict)
    last_accepted: dict[str, str] = field(default_factory=dict)

    def find(self, consumer_id: str) -> JobQueue:
        return self.queues.get(consumer_id, JobQueue())

    def enter(self, key: JobKey, *, limit: int) -> bool:
        queue, last = self.find(key.consumer_id), self.last_accepted.get(key.consumer_id, "")
        if key.id in queue.in_flight:
            return True
        self.last_accepted[key.consumer_id] = max(key.id, last)
        if last != queue.last_sent or last >= key.id or len(queue.in_flight) >= limit:
            return False
        self.queues[key.consumer_id] = replace(queue, in_flight=queue.in_flight | {key.id}, last_sent=key.id)
        return True

    def note_late(self, key: JobKey) -> None:
        queue = self.find(key.consumer_id)
        if key.id not in queue.in_flight:
            self.queues[key.consumer_id] = replace(queue, late=queue.late | {key.id})

    def take_place(self, key: JobKey, *, limit: int, is_newest: bool) -> bool:
        queue = self.find(key.consumer_id)
        if len(queue.in_flight) >= limit or key.id in queue.in_flight:
            return False
        if is_newest and queue.last_sent >= key.id:
            return False
        last_sent = key.id if is_newest else queue.last_sent
        self.queues[key.consumer_id] = JobQueue(queue.in_flight | {key.id}, last_sent, queue.late - {key.id})
        return True

    def release_place(self, key: JobKey) -> bool:
        queue = self.find(key.consumer_id)
        self.queues[key.consumer_id] = replace(queue, in_flight=queue.in_flight - {key.id})
        return bool(queue.late) or self.last_accepted.get(key.consumer_id, "") != queue.last_sent


@dataclass(slots=True)
class InMemoryWebhooks:
    """A QueueWebhooks without DynamoDB and SQS."""

    webhooks: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The webhooks by their event."""
    queued: int = 0

    def queue_webhook(self, consumer_id: str, *, event_id: str, type: str, body: str, url: str) -> str:
        self.queued += 1
        webhook = {"consumer": consumer_id, "type": type, "data": json.loads(body), "url": url}
        self.webhooks.setdefault(event_id, webhook)
        return f"wh_{event_id}"

    def remove(self, consumer_id: str, *, event_id: str) -> None:
        self.webhooks.pop(event_id, None)


@dataclass(slots=True)
class InMemorySessions:
    """The jobs whose results were sent to each session, with the state in which they ended."""

    pushed: dict[str, list[tuple[str, JobState]]] = field(default_factory=dict)

    def push(self, job: Job) -> None:
        self.pushed.setdefault(job.session_id or "", []).append((job.key.id, job.state))


@dataclass(slots=True)
class Message:
    """A message, and how often it was received."""

    body: str
    visible_at: float
    receives: int = 0

    @property
    def job_id(self) -> str:
        """The job that it is about."""
        job_id: str = json.loads(self.body)["job_id"]
        return job_id


@dataclass(slots=True)
class InMemoryQueue:
    """A queue of SQS with its dead-letter queue, read by workers that delete what they have handled."""

    clock: Callable[[], float]
    visibility_seconds: float = 1_800.0
    max_receives: int = 3
    messages: list[Message] = field(default_factory=list)
    dead: list[Message] = field(default_factory=list)
    most: int = 0
    """The most messages that waited at a time."""

    def send(self, body: str, *, delay_seconds: int = 0) -> None:
        self.messages.append(Message(body, self.clock() + delay_seconds))
        self.most = max(self.most, sum(each.visible_at <= self.clock() for each in self.messages))

    def receive(self) -> Message | None:
        """The first visible message, which becomes invisible for a while; what came too often is dead."""
        visible = [each for each in self.messages if each.visible_at <= self.clock()]
        for message in visible:
            if message.receives == self.max_receives:
                self.messages.remove(message)
                self.dead.append(message)
            else:
                message.receives += 1
                message.visible_at = self.clock() + self.visibility_seconds
                return message
        return None

    def delete(self, message: Message) -> None:
        self.messages.remove(message)

"""The results of a job that has ended are sent to its session, and once more where nobody received them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from imagineart.connections.model import RESUME_SECONDS, Session
from imagineart.jobs.model import Job, JobKey


class StoredJobs(Protocol):
    """The jobs. See `JobStore` for what each method does."""

    def find(self, key: JobKey) -> Job | None: ...

    def listen(self, key: JobKey, session_id: str) -> Job | None: ...

    def forget_listeners(self, key: JobKey) -> None: ...


class SessionMessages(Protocol):
    """What sends to sessions. See `SendMessages.send_results`."""

    def send_results(self, session_id: str, job_id: str, messages: Sequence[str]) -> bool: ...


class Undelivered(Protocol):
    """The jobs that are noted in sessions. See `ConnectionStore.forget_undelivered`."""

    def forget_undelivered(self, session_id: str, job_ids: frozenset[str]) -> None: ...


@dataclass(frozen=True, slots=True)
class PushJob:
    """Sends results. Every method raises AwsCallError. `describe` gives the messages about a job."""

    jobs: StoredJobs
    messages: SessionMessages
    sessions: Undelivered
    describe: Callable[[Job], Iterable[str]]
    clock: Callable[[], float]

    def push(self, job: Job) -> None:
        """Send the results of a job to its session, or keep them for it."""
        if job.session_id is not None:
            self.messages.send_results(job.session_id, job.key.id, list(self.describe(job)))

    def follow(self, key: JobKey, session_id: str) -> None:
        """Send the results of an earlier job to this session: now, or when there are some."""
        job = self.jobs.listen(key, session_id)
        if job is not None and job.has_ended:
            self.push(job)
            if job.webhook_url is None:
                self.jobs.forget_listeners(key)

    def resume(self, session: Session) -> None:
        """Send what was kept for a session that has a connection again, unless it is too old."""
        delivered = frozenset(job_id for job_id in sorted(session.undelivered) if self._send(session, job_id))
        if delivered:
            self.sessions.forget_undelivered(session.id, delivered)

    def _send(self, session: Session, job_id: str) -> bool:
        job = self.jobs.find(JobKey(session.consumer_id, job_id))
        if job is None or (job.ended_at or 0) < self.clock() - RESUME_SECONDS:
            return True
        return self.messages.send_results(session.id, job_id, list(self.describe(job)))

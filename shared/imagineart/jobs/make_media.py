"""Makes the file of a job that is for other media than images, at once or by an order of a backend.

Between two polls of an order no worker has the job, and its message waits in the queue. The order is kept
before anything else happens, so that a worker that dies later leads to no second one.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from imagineart.images.model import ImageRequest
from imagineart.jobs.model import Job, JobClaim
from imagineart.jobs.run_job import KeepsResults, Made
from imagineart.jobs.send_jobs import JobSender
from imagineart.media.model import KeptMedia, MadeMedia, MediaRequest, Order
from imagineart.results.model import RESULT_LIFE_SECONDS

MIN_PAUSE_SECONDS: Final = 2
MAX_PAUSE_SECONDS: Final = 15


class JobMedia(Protocol):
    """The jobs. See `JobStore` for what each method does."""

    def keep_media(self, claim: JobClaim, media: KeptMedia) -> bool: ...

    def pause(self, claim: JobClaim, order: Order, *, until: float) -> bool: ...


class MakesMedia(Protocol):
    """Makes files. See `MediaBackends.make`."""

    async def make(
        self, request: MediaRequest, order: Order | None, *, deadline_seconds: float
    ) -> MadeMedia | Order: ...


@dataclass(frozen=True, slots=True)
class MakeMedia:
    """Makes the files of jobs."""

    jobs: JobMedia
    results: KeepsResults
    sender: JobSender
    backends_of: Callable[[Job], MakesMedia]
    clock: Callable[[], float]

    async def make(self, job: Job, claim: JobClaim, deadline_seconds: float) -> Made:
        """Make and keep the file, unless it is kept already; or pause the job.

        Raises the error of the last backend that was tried.
        """
        request = job.request
        if isinstance(request, ImageRequest):
            raise TypeError(f"the job {job.key.id} is for images")
        if job.media is not None:
            return Made.ALL
        made = await self.backends_of(job).make(request, job.order, deadline_seconds=deadline_seconds)
        if isinstance(made, Order):
            return self._pause(job, claim, made)
        kept = await asyncio.to_thread(self._keep, job, made)
        return Made.ALL if self.jobs.keep_media(claim, kept) else Made.FOR_NOBODY

    def _pause(self, job: Job, claim: JobClaim, order: Order) -> Made:
        now = self.clock()
        seconds = pause_seconds(now - order.ordered_at)
        if not self.jobs.pause(claim, order, until=now + seconds):
            return Made.FOR_NOBODY
        self.sender.send(job.key, delay_seconds=seconds)
        return Made.NOT_YET

    def _keep(self, job: Job, made: MadeMedia) -> KeptMedia:
        file = made.file
        result = self.results.keep(
            file.content,
            media_type=file.media_type,
            life_seconds=job.result_life_seconds or RESULT_LIFE_SECONDS,
            nonce=job.key.result_nonce(0),
        )
        return KeptMedia(
            file.media_type,
            result.name,
            file.seconds,
            made.backend,
            round(made.backend_seconds, 3),
            job.attempts,
            file.content.decode() if file.media_type == "text/plain" else None,
        )


def pause_seconds(passed_seconds: float) -> int:
    """How long to wait before the next poll of an order: the longer, the older it is."""
    return min(MAX_PAUSE_SECONDS, max(MIN_PAUSE_SECONDS, round(passed_seconds / 4)))

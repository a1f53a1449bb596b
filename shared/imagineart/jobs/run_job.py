"""A worker runs a job: it claims it, makes the images that are missing, keeps each, and ends it.

A message that comes twice finds the job claimed or ended. A worker that dies leaves a lease, after which the
next one makes only the images that are not kept yet: for each image, one call at most is repeated.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

from imagineart.access.job_limits import JobLimits
from imagineart.access.limits import LEASE_MARGIN_SECONDS, LimitReachedError
from imagineart.backends.call_backends import MAX_AT_ONCE
from imagineart.errors import ImagineArtError, InternalError, InvalidTokenError
from imagineart.images.model import Image, ImageRequest
from imagineart.images.seeds import RandomBelow
from imagineart.jobs.end_job import JobSettlement
from imagineart.jobs.model import (
    MAX_ATTEMPTS,
    Job,
    JobClaim,
    JobError,
    JobKey,
    JobState,
    KeptImage,
    crash_error,
    create_attempt,
    unstarted_error,
)
from imagineart.jobs.send_jobs import JobSender
from imagineart.outbound.http import Sender
from imagineart.results.model import Result
from imagineart.results.send_file import send_file
from imagineart.safety.check_content import ContentChecker, check_content

KEEPING_SECONDS: Final = 20.0
"""The part of a worker's time that is reserved for keeping the images and ending the job."""

SLOT_RETRY_SECONDS: Final = 5
"""How long a job waits at least where requests of its consumer have taken every slot."""

UPLOAD_FIELD: Final = "uploadEndpoint"
"""What the one API with uploads of images calls the field of their URL."""

MAX_REFERENCE_BYTES: Final = 64 * 1024 * 1024


class RunnableJobs(Protocol):
    """The jobs. See `JobStore` for what each method does."""

    def find(self, key: JobKey) -> Job | None: ...

    def claim(self, claim: JobClaim, *, now: float) -> Job | None: ...

    def keep_image(self, claim: JobClaim, position: int, image: KeptImage) -> bool: ...

    def end(self, claim: JobClaim, state: JobState, *, error: JobError | None, now: float) -> bool: ...

    def close(self, key: JobKey, attempt: str) -> bool: ...

    def release(self, claim: JobClaim, *, now: float) -> None: ...

    def delete(self, key: JobKey) -> None: ...


class JobObjects(Protocol):
    """Where images are kept. See `Bucket` for what each method does."""

    def put(self, key: str, content: bytes) -> None: ...

    def get(self, key: str, *, limit_bytes: int) -> bytes | None: ...


class KeepsResults(Protocol):
    """Keeps results. See `Results.keep`."""

    def keep(self, content: bytes, *, media_type: str, life_seconds: int, nonce: int) -> Result: ...


class Generates(Protocol):
    """Makes images. See `Backends.generate`."""

    async def generate(self, request: ImageRequest, *, deadline_seconds: float) -> list[Image]: ...


@dataclass(frozen=True, slots=True)
class RunJob:
    """Runs jobs, one at a time."""

    jobs: RunnableJobs
    objects: JobObjects
    results: KeepsResults
    sender: JobSender
    limits: JobLimits
    settlement: JobSettlement
    checker: ContentChecker
    http: Sender
    backends_of: Callable[[Job], Generates]
    random_below: RandomBelow
    clock: Callable[[], float]

    async def run(self, key: JobKey, *, seconds_left: float) -> None:
        """Run the job of a message in the time that is left.

        Raises InternalError where this service itself failed: the message has to come again.
        """
        job = self.jobs.find(key)
        if job is not None and not job.has_ended:
            if job.is_leased(self.clock()):
                return
            error = unstarted_error(job, self.clock())
            if error is not None:
                self.settlement.fail_unattended(job, error)
            elif not await self._run_with_slot(job, seconds_left):
                return
        self.sender.leave(key)

    async def _run_with_slot(self, job: Job, seconds_left: float) -> bool:
        """Whether the job has ended; False where it waits, or another worker has it."""
        consumer_id, lease_seconds = job.key.consumer_id, seconds_left + LEASE_MARGIN_SECONDS
        try:
            slot = self.limits.hold_slot(consumer_id, lease_seconds=lease_seconds)
        except LimitReachedError:
            delay_seconds = SLOT_RETRY_SECONDS + self.random_below(SLOT_RETRY_SECONDS)
            self.sender.send(job.key, delay_seconds=delay_seconds)
            return False
        except InvalidTokenError as error:
            message = "The consumer of this job was deleted."
            self.settlement.fail_unattended(job, JobError(error.code, message))
            self.jobs.delete(job.key)
            return True
        try:
            claim = JobClaim(job.key, create_attempt(self.random_below), self.clock() + lease_seconds)
            claimed = self.jobs.claim(claim, now=self.clock())
            if claimed is None:
                return False
            await self._run_claimed(claimed, claim, seconds_left - KEEPING_SECONDS)
            return True
        finally:
            self.settlement.release_slot(consumer_id, slot)

    async def _run_claimed(self, job: Job, claim: JobClaim, deadline_seconds: float) -> None:
        error: JobError | None = None
        is_own = True
        try:
            is_own = await self._make_images(job, claim, deadline_seconds)
        except ImagineArtError as failure:
            if isinstance(failure, InternalError) and job.attempts < MAX_ATTEMPTS:
                self.jobs.release(claim, now=self.clock())
                raise
            is_internal = isinstance(failure, InternalError)
            error = crash_error() if is_internal else _job_error(failure)
        state = JobState.FAILED if error else JobState.COMPLETED
        images = 0 if error else job.request.count
        if is_own and self.jobs.end(claim, state, error=error, now=self.clock()):
            self.settlement.settle(job, state, error_code=error.code if error else None, images=images)
        else:
            self._drop_images(job, claim, images)

    async def _make_images(self, job: Job, claim: JobClaim, deadline_seconds: float) -> bool:
        """Make and keep every image that is missing; False where the job is no longer this attempt's.

        A backend that runs is not stopped when the job is cancelled: its image is made all the same. When one
        image fails, the others are cancelled. Raises the error of the first that failed.
        """
        backends, now = self.backends_of(job), asyncio.get_running_loop().time
        ends_at, places = now() + deadline_seconds, asyncio.Semaphore(MAX_AT_ONCE)
        request = await self._with_contents(job)

        async def make(position: int, single: ImageRequest) -> bool:
            async with places:
                kept = await self._make_and_keep(backends, single, ends_at - now(), job, position)
                return self.jobs.keep_image(claim, position, kept)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(make(position, single))
                    for position, single in enumerate(request.series())
                    if position not in job.images
                ]
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return all(task.result() for task in tasks)

    async def _make_and_keep(
        self, backends: Generates, single: ImageRequest, seconds: float, job: Job, position: int
    ) -> KeptImage:
        """What is known of an image once its content is kept, which nobody holds from then on."""
        (image,) = await backends.generate(single, deadline_seconds=seconds)
        is_unsafe = (
            await check_content(self.checker, image.content, single.prompt) if single.checks_content else None
        )
        result = await asyncio.to_thread(self._keep, image, job, position)
        if job.upload_url:
            await send_file(
                self.http, job.upload_url, image.content, media_type=image.kind.media_type, field=UPLOAD_FIELD
            )
        return KeptImage(
            image.size, image.seed, image.backend, image.backend_seconds, job.attempts, result, is_unsafe
        )

    def _keep(self, image: Image, job: Job, position: int) -> str | None:
        """The name of the result that the image is kept as, if it is one."""
        if job.result_life_seconds is None:
            self.objects.put(job.key.image_object(position), image.content)
            return None
        return self.results.keep(
            image.content,
            media_type=image.kind.media_type,
            life_seconds=job.result_life_seconds,
            nonce=job.key.result_nonce(position),
        ).name

    async def _with_contents(self, job: Job) -> ImageRequest:
        references = [
            replace(reference, content=await self._content(job.key.reference_object(position)))
            for position, reference in enumerate(job.request.references)
        ]
        mask = None if job.request.mask is None else await self._content(job.key.mask_object)
        watermark = job.request.watermark
        if watermark and not watermark.text:
            watermark = replace(watermark, image=await self._content(job.key.watermark_object))
        return replace(job.request, references=tuple(references), mask=mask, watermark=watermark)

    async def _content(self, name: str) -> bytes:
        content = await asyncio.to_thread(self.objects.get, name, limit_bytes=MAX_REFERENCE_BYTES)
        if content is None:
            raise InternalError(detail=f"{name} is gone")
        return content

    def _drop_images(self, job: Job, claim: JobClaim, images: int) -> None:
        """Settle a job that was cancelled or deleted while this attempt had it: its images are counted."""
        if self.jobs.find(job.key) is None or self.jobs.close(job.key, claim.attempt):
            self.settlement.settle(job, JobState.CANCELLED, images=images)


def _job_error(failure: ImagineArtError) -> JobError:
    return JobError(failure.code, failure.message, getattr(failure, "field", ""))

"""Makes the images of a job that are missing, and keeps each as soon as it is made."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

from imagineart.backends.call_backends import MAX_AT_ONCE
from imagineart.errors import InternalError
from imagineart.images.model import Image, ImageRequest
from imagineart.jobs.model import Job, JobClaim, KeptImage
from imagineart.jobs.run_job import KeepsResults, Made
from imagineart.outbound.http import Sender
from imagineart.results.send_file import send_file
from imagineart.safety.check_content import ContentChecker, check_content

UPLOAD_FIELD: Final = "uploadEndpoint"
"""What the one API with uploads of images calls the field of their URL."""

MAX_REFERENCE_BYTES: Final = 64 * 1024 * 1024


class JobImages(Protocol):
    """Where it is noted what is made. See `JobStore.keep_image`."""

    def keep_image(self, claim: JobClaim, position: int, image: KeptImage) -> bool: ...


class JobObjects(Protocol):
    """Where images are kept. See `Bucket` for what each method does."""

    def put(self, key: str, content: bytes) -> None: ...

    def get(self, key: str, *, limit_bytes: int) -> bytes | None: ...


class Generates(Protocol):
    """Makes images. See `Backends.generate`."""

    async def generate(self, request: ImageRequest, *, deadline_seconds: float) -> list[Image]: ...


@dataclass(frozen=True, slots=True)
class MakeImages:
    """Makes the images of jobs."""

    jobs: JobImages
    objects: JobObjects
    results: KeepsResults
    checker: ContentChecker
    http: Sender
    backends_of: Callable[[Job], Generates]

    async def make(self, job: Job, claim: JobClaim, deadline_seconds: float) -> Made:
        """Make and keep every image that is missing.

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
        return Made.ALL if all(task.result() for task in tasks) else Made.FOR_NOBODY

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
        request = job.image_request
        references = [
            replace(reference, content=await self._content(job.key.reference_object(position)))
            for position, reference in enumerate(request.references)
        ]
        mask = None if request.mask is None else await self._content(job.key.mask_object)
        watermark = request.watermark
        if watermark and not watermark.text:
            watermark = replace(watermark, image=await self._content(job.key.watermark_object))
        return replace(request, references=tuple(references), mask=mask, watermark=watermark)

    async def _content(self, name: str) -> bytes:
        content = await asyncio.to_thread(self.objects.get, name, limit_bytes=MAX_REFERENCE_BYTES)
        if content is None:
            raise InternalError(detail=f"{name} is gone")
        return content

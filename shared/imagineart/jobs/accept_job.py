"""A request becomes a job: it is counted, its references are kept, and it is sent when its turn comes."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from imagineart.access.admit import Admission
from imagineart.access.job_limits import JobLimits
from imagineart.errors import ImagineArtError
from imagineart.images.model import ImageRequest
from imagineart.images.seeds import RandomBelow
from imagineart.jobs.model import SEND_SECONDS, Job, JobKey, create_key, images_of
from imagineart.jobs.send_jobs import JobSender
from imagineart.media.model import MediaRequest


class NewJobs(Protocol):
    """Where jobs are kept. See `JobStore` for what each method does."""

    def add(self, job: Job, *, due_at: float) -> None: ...


class KeptObjects(Protocol):
    """Where images are kept. See `Bucket.put`."""

    def put(self, key: str, content: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class AcceptJob:
    """Accepts jobs. `report` is called with what failed without harm to the request."""

    jobs: NewJobs
    objects: KeptObjects
    sender: JobSender
    limits: JobLimits
    random_below: RandomBelow
    clock: Callable[[], float]
    report: Callable[[str], None]

    async def accept(
        self,
        admission: Admission,
        request: ImageRequest | MediaRequest,
        *,
        api: str,
        model_id: str,
        resolution: str,
        base_url: str = "",
        result_life_seconds: int | None = None,
        webhook_url: str | None = None,
        session_id: str | None = None,
        upload_url: str | None = None,
        details: Mapping[str, Any] | None = None,
        layout_model: str | None = None,
        key: JobKey | None = None,
    ) -> Job:
        """The job for a request whose references were checked; it is kept when this returns.

        One for other media than images has no `resolution`. `Job` says what each value is; both URLs are
        ones that `parse_url` has accepted, and `key` is one that no job has yet. Raises LimitReachedError
        where the day leaves no room for its images; AwsCallError.
        """
        consumer_id = admission.consumer.id
        key = key or create_key(consumer_id, now=self.clock(), random_below=self.random_below)
        images = images_of(request)
        counted = self.limits.count_images(admission, key.id, images) if images else 0
        try:
            if isinstance(request, ImageRequest):
                request = await self._keep_contents(key, request)
            job = Job(
                key,
                api,
                model_id,
                resolution,
                request,
                base_url,
                result_life_seconds,
                counted,
                webhook_url=webhook_url,
                session_id=session_id,
                upload_url=upload_url,
                details=details or {},
                layout_model=layout_model,
            )
            self.jobs.add(job, due_at=self.clock() + SEND_SECONDS)
        except BaseException:
            self._give_back(key, counted, admission)
            raise
        self._send(key, admission.consumer.limits.concurrent_requests)
        return job

    async def _keep_contents(self, key: JobKey, request: ImageRequest) -> ImageRequest:
        """The request without what is kept in files of its own."""
        for position, reference in enumerate(request.references):
            name = key.reference_object(position)
            await asyncio.to_thread(self.objects.put, name, reference.content)
        if request.mask is not None:
            await asyncio.to_thread(self.objects.put, key.mask_object, request.mask)
        if request.watermark and request.watermark.image:
            await asyncio.to_thread(self.objects.put, key.watermark_object, request.watermark.image)
        return _without_contents(request)

    def _send(self, key: JobKey, limit: int) -> None:
        try:
            self.sender.send_accepted(key, limit=limit)
        except ImagineArtError as error:
            # The job is kept, and the sweeper sends it.
            self.report(f"the job {key.id} is not sent yet: {error.detail}")

    def _give_back(self, key: JobKey, counted: int, admission: Admission) -> None:
        try:
            self.limits.give_images_back(
                key.consumer_id, key.id, counted_at=admission.entered_at, images=counted
            )
        except ImagineArtError as error:
            self.report(f"the images of {key.id} stay counted: {error.detail}")


def _without_contents(request: ImageRequest) -> ImageRequest:
    references = tuple(replace(each, content=b"") for each in request.references)
    return replace(request, references=references, mask=None if request.mask is None else b"")

"""The results of a task that became a job."""

import asyncio
import json
from typing import Any
from uuid import UUID

from imagineart.apis.runware.errors import TaskError, error_of_job
from imagineart.apis.runware.results import MadeImage, describe_result
from imagineart.apis.runware.tasks import ShownTask
from imagineart.backends.model import MAX_IMAGE_BYTES
from imagineart.errors import ResultExpiredError
from imagineart.jobs.model import Job, JobState, KeptImage
from imagineart.jobs.report_job_end import Notice
from imagineart.results.model import result_path
from imagineart.results.results import Results


def task_of(job: Job) -> ShownTask:
    """What is known of the task of a job."""
    return ShownTask(**job.details["task"])


def image_uuid(job: Job, position: int) -> str:
    """The UUID of an image, the same from the first poll on; the image can be named by it as a reference."""
    return str(UUID(int=job.key.image_number(position)))


def error_of(job: Job) -> TaskError | None:
    """Why a job made no images, or None where it did not fail."""
    if job.state is JobState.CANCELLED:
        return error_of_job("taskCancelled", "The task was cancelled.", task_of(job).task_uuid)
    return (
        error_of_job(job.error.code, job.error.message, task_of(job).task_uuid, field=job.error.field)
        if job.error
        else None
    )


async def describe_job(job: Job, results: Results) -> list[dict[str, Any]]:
    """An element for each result, with its status: all are there when the last one is made."""
    if job.state is not JobState.COMPLETED:
        return [_processing(job, position) for position in range(job.image_count)]
    described = []
    for position, image in sorted(job.images.items()):
        content = b"" if task_of(job).output_type == "URL" else await _content(results, image)
        described.append(describe_image(job, position, content) | {"status": "success"})
    return described


def describe_image(job: Job, position: int, content: bytes = b"") -> dict[str, Any]:
    """A result as an element of ``data``; `content` is needed where it is not given by its URL."""
    image, task = job.images[position], task_of(job)
    made = MadeImage(
        uuid=image_uuid(job, position),
        # The seed that was asked for, where the model has none.
        seed=job.image_request.seed + position if image.seed is None else image.seed,
        kind=job.image_request.output_format.kind,
        url=job.base_url + result_path(image.result or ""),
        content=content,
        is_unsafe=image.is_unsafe,
    )
    return describe_result(task, made, cost=job.details["cost"]) | {"resultIndex": position}


def job_notices(job: Job) -> list[Notice]:
    """A webhook for each result, or one for the error, in the form of Runware's."""
    error = error_of(job)
    if error is not None:
        return [Notice(job.key.id, "imageInference", json.dumps({"data": [], "errors": [error.document()]}))]
    return [
        Notice(
            f"{job.key.id}_{position}",
            "imageInference",
            json.dumps({"data": [describe_image(job, position)]}),
        )
        for position in sorted(job.images)
    ]


def _processing(job: Job, position: int) -> dict[str, Any]:
    return {
        "taskType": "imageInference",
        "taskUUID": task_of(job).task_uuid,
        "imageUUID": image_uuid(job, position),
        "resultIndex": position,
        "status": "processing",
    }


async def _content(results: Results, image: KeptImage) -> bytes:
    _, stored = await asyncio.to_thread(results.find, image.result or "")
    if stored.size_bytes > MAX_IMAGE_BYTES:
        stored.close()
        raise ResultExpiredError
    return await asyncio.to_thread(stored.read)

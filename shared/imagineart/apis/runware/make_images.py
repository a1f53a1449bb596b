"""The images of a task, made within its request; each task takes a slot of its own."""

import asyncio
import time
from typing import Any
from uuid import UUID

from imagineart.access.admit import Admission
from imagineart.access.limits import LEASE_MARGIN_SECONDS
from imagineart.apis.common.call import KEEPING_SECONDS
from imagineart.apis.runware.context import TaskContext
from imagineart.apis.runware.image_request import ChosenRequest, make_request
from imagineart.apis.runware.results import MadeImage, describe_result
from imagineart.apis.runware.tasks import ImageInference
from imagineart.errors import ImagineArtError, InternalError, ModelTimeoutError
from imagineart.images.model import Image, ImageRequest
from imagineart.jobs.make_images import UPLOAD_FIELD
from imagineart.results.model import NONCE_BITS, RESULT_LIFE_SECONDS, nonce_of
from imagineart.results.send_file import send_file
from imagineart.safety.check_content import check_content
from imagineart.usage.model import OK, FinishedRequest

_MAX_BYTES_PER_PIXEL = 4


async def make_images(
    context: TaskContext, task: ImageInference, chosen: ChosenRequest
) -> list[dict[str, Any]]:
    """The results of a task, in the order of their seeds; all or none. They are counted when this returns."""
    limits, started, outcome, images = context.services.limits, time.monotonic(), OK, 0
    admission = limits.take_slot(
        context.admission, lease_seconds=context.remaining_seconds() + LEASE_MARGIN_SECONDS
    )
    try:
        admission = limits.reserve_images(admission, task.number_results)
        results = await _make_all(context, task, chosen, await make_request(context, task, chosen))
        images = len(results)
    except BaseException as error:
        outcome = _outcome(error)
        raise
    finally:
        finished = FinishedRequest(
            request_id=f"{context.request_id} {task.task_uuid}",
            consumer_id=context.consumer_id,
            operation=chosen.model.id,
            resolution=chosen.resolution,
            outcome=outcome,
            images=images,
            seconds=time.monotonic() - started,
            finished_at=context.services.clock(),
        )
        _settle(context, admission, finished)
    return results


def _outcome(error: BaseException) -> str:
    if isinstance(error, ImagineArtError):
        return error.code
    # The deadline of the whole request cancels its tasks.
    return ModelTimeoutError.code if isinstance(error, asyncio.CancelledError) else InternalError.code


def _settle(context: TaskContext, admission: Admission, finished: FinishedRequest) -> None:
    context.services.settlement.settle(context.caller, admission, finished)
    context.finished.append(finished)


async def _make_all(
    context: TaskContext, task: ImageInference, chosen: ChosenRequest, request: ImageRequest
) -> list[dict[str, Any]]:
    """When one image fails, the others are cancelled. Raises the error of the first that failed."""

    async def make(single: ImageRequest) -> dict[str, Any]:
        async with context.places:
            made = await _make_one(context, task, chosen, single)
            return describe_result(task.shown(), made, cost=chosen.cost)

    try:
        async with asyncio.TaskGroup() as group:
            making = [group.create_task(make(single)) for single in request.series()]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [each.result() for each in making]


async def _make_one(
    context: TaskContext, task: ImageInference, chosen: ChosenRequest, request: ImageRequest
) -> MadeImage:
    services = context.services
    reserved = 0 if task.output_type == "URL" else request.delivered_size.pixels * _MAX_BYTES_PER_PIXEL
    left = context.deadline_seconds(response_bytes=reserved * task.number_results)
    deadline_seconds = max(0.0, left - KEEPING_SECONDS)
    (image,) = await services.backends.of(chosen.model).generate(request, deadline_seconds=deadline_seconds)
    is_unsafe = None
    if task.checks_content:
        is_unsafe = await check_content(services.content_checker, image.content, task.positive_prompt)
    uuid = UUID(int=services.random_below(2**NONCE_BITS), version=4)
    url = await _keep(context, task, image, uuid) if task.output_type == "URL" else ""
    if task.upload_endpoint:
        await send_file(
            services.outbound,
            task.upload_endpoint,
            image.content,
            media_type=image.kind.media_type,
            field=UPLOAD_FIELD,
        )
    # The seed that was asked for, where the model has none.
    return MadeImage(str(uuid), request.seed, image.kind, url, b"" if url else image.content, is_unsafe)


async def _keep(context: TaskContext, task: ImageInference, image: Image, uuid: UUID) -> str:
    """The URL of the image, which is found by its UUID too."""
    result = await asyncio.to_thread(
        context.services.results.keep,
        image.content,
        media_type=image.kind.media_type,
        life_seconds=task.ttl or RESULT_LIFE_SECONDS,
        nonce=nonce_of(context.consumer_id, uuid.int),
    )
    return context.base_url + result.path

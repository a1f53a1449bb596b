"""imageInference: images of a prompt within the request, or a job for them; once for each taskUUID."""

import json
from dataclasses import asdict
from typing import Any, Final

from imagineart.access.tokens import Scope
from imagineart.apis.runware.context import API, TaskContext
from imagineart.apis.runware.errors import RefusedTaskError
from imagineart.apis.runware.image_request import ChosenRequest, choose_request, make_request
from imagineart.apis.runware.make_images import make_images
from imagineart.apis.runware.reading import read_task
from imagineart.apis.runware.tasks import ImageInference
from imagineart.idempotency.model import StoredResponse, fingerprint
from imagineart.idempotency.respond_once import KeyConflictError
from imagineart.jobs.model import Job, JobKey
from imagineart.results.model import RESULT_LIFE_SECONDS

PATIENCE_SECONDS: Final = 20.0
"""How long a task waits for an earlier one with its taskUUID."""


async def infer_images(context: TaskContext, element: Any) -> list[dict[str, Any]]:
    """The images of a task, or its acknowledgement. Raises what its steps raise."""
    task = read_task(ImageInference, element)
    context.require(Scope.EDIT_IMAGES if task.references else Scope.GENERATE_IMAGES)
    if not context.waits_for_images and task.output_type != "URL":
        raise RefusedTaskError(
            "unsupportedOutputType",
            "outputType",
            f"got {task.output_type}, and a message of a WebSocket has no room for an image; allowed: URL, "
            "or the same task over HTTP.",
        )
    chosen = choose_request(context, task)
    if task.wants_job or not context.waits_for_images:
        await _accept_once(context, task, chosen)
        # Over a WebSocket, the results of a synchronous task come when they are made.
        return [{"taskType": task.task_type, "taskUUID": task.task_uuid}] if task.wants_job else []
    return await _make_once(context, task, chosen)


async def _make_once(
    context: TaskContext, task: ImageInference, chosen: ChosenRequest
) -> list[dict[str, Any]]:
    """A task that is sent again gets the same results again, and costs nothing."""

    async def make() -> StoredResponse:
        if context.services.named_jobs.find(context.consumer_id, task.task_uuid):
            raise KeyConflictError
        async with context.slots:
            return StoredResponse({}, json.dumps(await make_images(context, task, chosen)).encode())

    response, _ = await context.services.idempotency.respond_once(
        context.consumer_id,
        _key(task),
        _fingerprint(task),
        make,
        lease_seconds=context.remaining_seconds(),
        transfer_seconds=lambda size: context.deadline_seconds(response_bytes=size),
        patience_seconds=min(PATIENCE_SECONDS, context.deadline_seconds()),
    )
    results: list[dict[str, Any]] = json.loads(response.content)
    return results


async def _accept_once(context: TaskContext, task: ImageInference, chosen: ChosenRequest) -> None:
    """A task that is sent again is acknowledged again. There is one job, whose results go where it came."""
    services = context.services
    # What HTTP keeps is out of reach where WebSocket messages are handled.
    if context.waits_for_images and services.idempotency.is_used(context.consumer_id, _key(task)):
        raise KeyConflictError

    async def accept(key: JobKey) -> Job:
        return await services.accept_job.accept(
            context.admission,
            await make_request(context, task, chosen),
            api=API,
            base_url=context.base_url,
            model_id=chosen.model.id,
            resolution=chosen.resolution,
            result_life_seconds=task.ttl or RESULT_LIFE_SECONDS,
            webhook_url=task.webhook_url,
            upload_url=task.upload_endpoint,
            session_id=context.session_id,
            details={"task": asdict(task.shown()), "cost": chosen.cost},
            key=key,
        )

    earlier = await services.named_jobs.accept_once(
        context.consumer_id, task.task_uuid, _fingerprint(task), accept
    )
    if earlier is not None and context.session_id is not None:
        services.push_job.follow(earlier, context.session_id)


def _key(task: ImageInference) -> str:
    """What keeps the results of a synchronous task."""
    return f"runware {task.task_uuid}"


def _fingerprint(task: ImageInference) -> str:
    """What distinguishes a task from another one under its taskUUID."""
    came = task.model_dump_json(by_alias=True, exclude_unset=True)
    return fingerprint(task.task_uuid, task.task_type, {"task": came}, (), "results")

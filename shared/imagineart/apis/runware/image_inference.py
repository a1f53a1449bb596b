"""imageInference: images of a prompt within the request, once for each taskUUID."""

import json
from typing import Any, Final

from imagineart.access.tokens import Scope
from imagineart.apis.runware.context import TaskContext
from imagineart.apis.runware.image_request import ChosenRequest, choose_request, image_request
from imagineart.apis.runware.make_images import make_images
from imagineart.apis.runware.reading import read_task
from imagineart.apis.runware.tasks import ImageInference
from imagineart.idempotency.model import StoredResponse, fingerprint
from imagineart.images.sizes import Size

PATIENCE_SECONDS: Final = 20.0
"""How long a task waits for an earlier one with its taskUUID."""


async def infer_images(context: TaskContext, element: Any) -> list[dict[str, Any]]:
    """The images of a task, or its acknowledgement. Raises what its steps raise."""
    task = read_task(ImageInference, element)
    context.require(Scope.EDIT_IMAGES if task.references else Scope.GENERATE_IMAGES)
    chosen = choose_request(context, task)
    return await _make_once(context, task, chosen)


async def _make_once(
    context: TaskContext, task: ImageInference, chosen: ChosenRequest
) -> list[dict[str, Any]]:
    """A task that is sent again gets the same results again, and costs nothing."""

    async def make() -> StoredResponse:
        request = image_request(context, task, chosen, chosen.size or Size(0, 0))
        return StoredResponse({}, json.dumps(await make_images(context, task, chosen, request)).encode())

    response, _ = await context.services.idempotency.respond_once(
        context.consumer_id,
        f"runware {task.task_uuid}",
        fingerprint_of(task),
        make,
        lease_seconds=context.remaining_seconds(),
        transfer_seconds=lambda size: context.deadline_seconds(response_bytes=size),
        patience_seconds=min(PATIENCE_SECONDS, context.deadline_seconds()),
    )
    results: list[dict[str, Any]] = json.loads(response.content)
    return results


def fingerprint_of(task: ImageInference) -> str:
    """What distinguishes a task from another one under its taskUUID."""
    came = task.model_dump_json(by_alias=True, exclude_unset=True)
    return fingerprint(task.task_uuid, task.task_type, {"task": came}, (), "results")

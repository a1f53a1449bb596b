"""The tasks of an array, whatever transport brought it; each is answered on its own."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from imagineart.apis.runware.account_tasks import describe_task, manage_account, search_models
from imagineart.apis.runware.context import TaskContext
from imagineart.apis.runware.errors import RefusedTaskError, TaskError, task_error
from imagineart.apis.runware.get_response import get_response
from imagineart.apis.runware.image_inference import infer_images
from imagineart.apis.runware.media_tasks import store_media, upload_image
from imagineart.apis.runware.reading import described, read_task
from imagineart.apis.runware.tasks import Ping
from imagineart.errors import ImagineArtError, InternalError

MAX_TASKS: Final = 20
"""The most tasks of an array; each after the first counts as a request of its own."""

_MAX_ECHOED: Final = 64

Element: TypeAlias = Mapping[str, Any]
Handler: TypeAlias = Callable[[TaskContext, Element], Awaitable[list[dict[str, Any]]]]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a task: elements of ``data``, or an error and what it was made of."""

    data: list[dict[str, Any]]
    error: TaskError | None = None
    cause: ImagineArtError | None = None


async def run_tasks(context: TaskContext, elements: list[Any]) -> list[Reply]:
    """A reply for each task, in their order; images of several tasks are made at the same time.

    Raises RefusedTaskError for an array of no tasks, or of too many.
    """
    count = len(elements)
    if not 1 <= count <= MAX_TASKS:
        raise RefusedTaskError("invalidArrayLength", "body", f"got {count} tasks; allowed: 1 to {MAX_TASKS}.")
    async with asyncio.TaskGroup() as group:
        running = [
            group.create_task(_run(context, element, is_first=position == 0))
            for position, element in enumerate(elements)
        ]
    return [each.result() for each in running]


async def _run(context: TaskContext, element: Any, *, is_first: bool) -> Reply:
    try:
        handle = _handler(element)
        if not is_first:
            context.services.limits.enter(context.consumer_id, lease_seconds=None)
        return Reply(await handle(context, element))
    except ImagineArtError as error:
        return failed(error, element)
    except Exception as error:
        context.services.logger.exception("unexpected failure", request_id=context.request_id)
        return failed(InternalError(detail=type(error).__name__), element)


def failed(error: ImagineArtError, element: Any) -> Reply:
    """The reply to an element that failed; it has the UUID of its task, however that is spelt."""
    named = element if isinstance(element, dict) else {}
    task_type, task_uuid = (_echoed(named.get(name)) for name in ("taskType", "taskUUID"))
    return Reply([], task_error(error, task_type=task_type, task_uuid=task_uuid), error)


def _echoed(value: Any) -> str | None:
    return value[:_MAX_ECHOED].encode(errors="replace").decode() if isinstance(value, str) else None


def _handler(element: Any) -> Handler:
    if not isinstance(element, dict):
        raise RefusedTaskError("invalidTask", "body", f"got {described(element)}; allowed: an object.")
    allowed = ", ".join(_HANDLERS)
    if "taskType" not in element:
        raise RefusedTaskError("missingTaskType", "taskType", f"is required; allowed: {allowed}.")
    name = element["taskType"]
    handler = _HANDLERS.get(name) if isinstance(name, str) else None
    if handler is None:
        raise RefusedTaskError("invalidTaskType", "taskType", f"got {described(name)}; allowed: {allowed}.")
    return handler


async def _ping(_: TaskContext, element: Element) -> list[dict[str, Any]]:
    read_task(Ping, element)
    return [{"taskType": "ping", "pong": True}]


_HANDLERS: Final[Mapping[str, Handler]] = {
    "imageInference": infer_images,
    "getResponse": get_response,
    "getTaskDetails": describe_task,
    "imageUpload": upload_image,
    "mediaStorage": store_media,
    "accountManagement": manage_account,
    "modelSearch": search_models,
    "ping": _ping,
}

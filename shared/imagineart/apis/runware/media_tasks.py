"""imageUpload and mediaStorage: images that are kept here, to be named as references."""

import asyncio
from typing import Any, Final
from uuid import UUID

from imagineart.access.tokens import Scope
from imagineart.apis.runware.context import TaskContext
from imagineart.apis.runware.errors import RefusedTaskError
from imagineart.apis.runware.reading import read_task
from imagineart.apis.runware.references import fetch_image
from imagineart.apis.runware.tasks import ImageUpload, MediaStorage
from imagineart.images.in_thread import in_image_thread
from imagineart.images.model import ReferenceImage
from imagineart.results.model import MAX_RESULT_LIFE_SECONDS

MAX_SIDE: Final = 2048
"""The pixels of the longer side of what is kept."""


async def upload_image(context: TaskContext, element: Any) -> list[dict[str, Any]]:
    """Keep an image. Raises InvalidImageError, MissingScopeError."""
    task = read_task(ImageUpload, element)
    uuid, url = await _keep(context, task.image, label="image")
    return [_described(task.task_type, task.task_uuid) | {"imageUUID": uuid, "imageURL": url}]


async def store_media(context: TaskContext, element: Any) -> list[dict[str, Any]]:
    """Keep an image, or delete one by its UUID. Raises as above, and RefusedTaskError for another text."""
    task = read_task(MediaStorage, element)
    described = _described(task.task_type, task.task_uuid) | {"operation": task.operation}
    if task.operation == "upload":
        uuid, url = await _keep(context, task.media, label="media")
        return [described | {"mediaUUID": uuid, "mediaURL": url}]
    context.require(Scope.WRITE_UPLOADS)
    try:
        uuid = str(UUID(task.media))
    except ValueError as error:
        problem = "got no UUID; allowed with the operation delete: the mediaUUID of an upload."
        raise RefusedTaskError("invalidMedia", "media", problem) from error
    await asyncio.to_thread(context.services.media.delete, context.consumer_id, UUID(uuid))
    return [described | {"mediaUUID": uuid}]


async def _keep(context: TaskContext, image: str, *, label: str) -> tuple[str, str]:
    """The UUID under which the image is kept, and a URL that shows it for a week."""
    context.require(Scope.WRITE_UPLOADS)
    content = await fetch_image(context, image, label=label)
    kept = await in_image_thread(_reduced, content, label)
    services, media_type = context.services, kept.kind.media_type
    uuid = await asyncio.to_thread(
        services.media.keep, context.consumer_id, kept.content, media_type=media_type
    )
    result = await asyncio.to_thread(
        services.results.keep,
        kept.content,
        media_type=media_type,
        life_seconds=MAX_RESULT_LIFE_SECONDS,
    )
    return str(uuid), context.base_url + result.path


def _reduced(content: bytes, label: str) -> ReferenceImage:
    # Pillow is imported at the first upload only.
    from imagineart.images.references import read_reference

    return read_reference(content, label=label, max_side=MAX_SIDE)


def _described(task_type: str, task_uuid: str) -> dict[str, Any]:
    return {"taskType": task_type, "taskUUID": task_uuid}

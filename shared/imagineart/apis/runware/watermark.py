"""The watermark that a task asks for."""

from imagineart.apis.runware.context import TaskContext
from imagineart.apis.runware.errors import RefusedTaskError
from imagineart.apis.runware.references import read_references
from imagineart.apis.runware.tasks import ImageInference
from imagineart.images.model import Watermark

_NAME = "advancedFeatures.watermark"


async def read_watermark(context: TaskContext, task: ImageInference) -> Watermark | None:
    """The watermark, its image fetched and decoded. Raises RefusedTaskError, InvalidImageError."""
    asked = task.advanced_features.watermark if task.advanced_features else None
    if asked is None:
        return None
    if (asked.text is None) == (asked.image is None):
        raise RefusedTaskError("incompatibleParameters", _NAME, "allowed: either text or image.")
    image = b""
    if asked.image is not None:
        (reference,) = await read_references(context, [asked.image], name=f"{_NAME}.image")
        image = reference.content
    return Watermark(
        asked.text or "", image, asked.display_position, asked.opacity, asked.font_color, asked.bg_color or ""
    )

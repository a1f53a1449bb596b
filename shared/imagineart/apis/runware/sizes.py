"""The sizes that the model is offered in here, which are not those of /v1 below 2K.

Source: Runware's schema of the model ``imagineart:2.0@0`` of 2026-09-22.
"""

from collections.abc import Iterator
from typing import Final

from imagineart.apis.runware.errors import RefusedTaskError
from imagineart.apis.runware.tasks import ImageInference
from imagineart.images.sizes import Size, nearest_aspect_ratio

WITH_REFERENCES: Final = "1.5K"

_LANDSCAPE: Final = {
    "1K": (
        Size(1024, 1024), Size(1360, 768), Size(1024, 768), Size(1152, 768), Size(1072, 848), Size(1680, 560),
        Size(1488, 640), Size(2048, 512),
    ),
    "1.5K": (
        Size(1536, 1536), Size(2048, 1152), Size(1664, 1248), Size(1728, 1152), Size(1856, 1472),
        Size(2496, 832), Size(2160, 928),
    ),
    "2K": (
        Size(2048, 2048), Size(2816, 1584), Size(2368, 1776), Size(2496, 1664), Size(2320, 1856),
        Size(3552, 1184), Size(3136, 1344), Size(4096, 1024),
    ),
}  # fmt: skip
_NEVER_UPRIGHT: Final = frozenset({Size(1488, 640), Size(2160, 928), Size(3136, 1344)})


def _sizes(resolution: str) -> Iterator[Size]:
    for size in _LANDSCAPE[resolution]:
        yield size
        if size.width != size.height and size not in _NEVER_UPRIGHT:
            yield Size(size.height, size.width)


_RESOLUTIONS: Final = {size: resolution for resolution in _LANDSCAPE for size in _sizes(resolution)}


def requested_size(task: ImageInference) -> tuple[Size | None, str]:
    """The size that a task asks for, None where the first reference decides, and its resolution.

    Raises RefusedTaskError.
    """
    if task.resolution is not None:
        if not task.references:
            raise RefusedTaskError(
                "unsupportedParameter", "resolution", "allowed with referenceImages alone."
            )
        if task.width is not None or task.height is not None:
            raise RefusedTaskError(
                "incompatibleParameters", "resolution", "allowed without width and height alone."
            )
        return None, WITH_REFERENCES
    if task.width is None and task.height is None and task.references:
        return None, WITH_REFERENCES
    for name in ("width", "height"):
        if getattr(task, name) is None:
            raise RefusedTaskError(
                f"missing{name.capitalize()}",
                name,
                "is required; width and height go together.",
            )
    size = Size(task.width or 0, task.height or 0)
    resolution = _RESOLUTIONS.get(size, "")
    offered = (WITH_REFERENCES,) if task.references else ("1K", "2K")
    if resolution not in offered:
        allowed = ", ".join(str(each) for name in offered for each in _sizes(name))
        raise RefusedTaskError("invalidDimensions", "width", f"got {size}; allowed: {allowed}.")
    return size, resolution


def size_like(reference: Size) -> Size:
    """The size at 1.5K whose shape is nearest to that of a reference."""
    ratios = {f"{size.width}:{size.height}": size for size in _sizes(WITH_REFERENCES)}
    return ratios[nearest_aspect_ratio(reference, tuple(ratios))]

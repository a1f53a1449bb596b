"""Results as Runware's clients read them."""

from dataclasses import dataclass
from typing import Any

import pybase64

from imagineart.apis.runware.tasks import ShownTask
from imagineart.images.kinds import ImageKind


@dataclass(frozen=True, slots=True)
class MadeImage:
    """A finished image of a task. `url` is set where it is kept as a result, else it has its `content`.

    `is_unsafe` is None where its content was not checked.
    """

    uuid: str
    seed: int
    kind: ImageKind
    url: str = ""
    content: bytes = b""
    is_unsafe: bool | None = None


def describe_result(task: ShownTask, image: MadeImage, *, cost: float | None) -> dict[str, Any]:
    """An element of ``data``; `cost` is in USD. A seed is always there: some clients require it."""
    described: dict[str, Any] = {
        "taskType": "imageInference",
        "taskUUID": task.task_uuid,
        "imageUUID": image.uuid,
        **_output(task, image),
        "seed": image.seed,
    }
    if image.is_unsafe is not None:
        described["NSFWContent"] = image.is_unsafe
    if task.include_cost and cost is not None:
        described["cost"] = cost
    return described


def _output(task: ShownTask, image: MadeImage) -> dict[str, str]:
    if task.output_type == "URL":
        return {"imageURL": image.url}
    encoded = pybase64.b64encode(image.content).decode()
    if task.output_type == "base64Data":
        return {"imageBase64Data": encoded}
    return {"imageDataURI": f"data:{image.kind.media_type};base64,{encoded}"}

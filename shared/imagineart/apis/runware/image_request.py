"""What a task asks of which model."""

from dataclasses import dataclass, replace
from typing import Final

from imagineart.apis.runware.context import TaskContext
from imagineart.apis.runware.errors import RefusedTaskError
from imagineart.apis.runware.references import read_references
from imagineart.apis.runware.sizes import requested_size, size_like
from imagineart.apis.runware.tasks import MAX_SEED, ImageInference
from imagineart.apis.runware.watermark import read_watermark
from imagineart.errors import ModelNotAvailableError
from imagineart.images.kinds import JPEG, PNG, WEBP
from imagineart.images.model import ImageRequest, OutputFormat
from imagineart.images.operations import ModelOperation
from imagineart.images.seeds import choose_seed
from imagineart.images.sizes import Size, output_size, smallest_covering
from imagineart.jobs.make_images import UPLOAD_FIELD
from imagineart.models.model import Model
from imagineart.outbound.addresses import parse_url
from imagineart.quoting import shown

_KINDS: Final = {"JPG": JPEG, "PNG": PNG, "WEBP": WEBP}


@dataclass(frozen=True, slots=True)
class ChosenRequest:
    """The model of a task, and the size it asks for, None where the first reference decides."""

    model: Model
    size: Size | None
    resolution: str

    @property
    def cost(self) -> float | None:
        """The price of an image in USD, if the model has one."""
        price = self.model.prices.get(self.resolution)
        return None if price is None else float(price)


def choose_request(context: TaskContext, task: ImageInference) -> ChosenRequest:
    """Check what can be checked before any image is fetched. Raises RefusedTaskError."""
    operation = ModelOperation.EDIT if task.references else ModelOperation.GENERATE
    if task.references and task.settings is not None:
        raise RefusedTaskError(
            "incompatibleParameters", "settings", "not allowed with inputs.referenceImages."
        )
    _check_seed(task)
    _check_urls(context, task)
    size, resolution = requested_size(task)
    return ChosenRequest(_choose_model(context, task, operation), size, resolution)


def _check_seed(task: ImageInference) -> None:
    last = MAX_SEED - task.number_results + 1
    if task.seed is not None and task.seed > last:
        raise RefusedTaskError(
            "invalidSeed",
            "seed",
            f"got {task.seed} with numberResults {task.number_results}; allowed: 0 to {last}.",
        )


def _check_urls(context: TaskContext, task: ImageInference) -> None:
    for name, url in (("webhookURL", task.webhook_url), (UPLOAD_FIELD, task.upload_endpoint)):
        if url is not None:
            parse_url(name, url, allows_loopback=context.services.reaches_loopback)
    if task.output_type != "URL" and task.ttl is not None:
        raise RefusedTaskError("incompatibleParameters", "ttl", "allowed with outputType URL alone.")
    if task.output_type != "URL" and task.webhook_url is not None:
        raise RefusedTaskError(
            "incompatibleParameters", "outputType", f"got {task.output_type}; allowed with webhookURL: URL."
        )


def _choose_model(context: TaskContext, task: ImageInference, operation: ModelOperation) -> Model:
    serving = context.services.models.current().serving(operation)
    if not serving:
        raise ModelNotAvailableError(detail=f"no model has the operation {operation}")
    may_use = context.admission.consumer.may_use
    for model in serving:
        if model.answers_to(task.model) and may_use(model.id):
            return model
    allowed = ", ".join(air_of(model) for model in serving if may_use(model.id))
    raise RefusedTaskError("invalidModel", "model", f"got {shown(task.model)}; allowed: {allowed or 'none'}.")


def air_of(model: Model) -> str:
    """The name that Runware's clients know a model by, where it has one."""
    return next((alias for alias in model.aliases if "@" in alias), model.id)


async def make_request(context: TaskContext, task: ImageInference, chosen: ChosenRequest) -> ImageRequest:
    """The images that a task asks for, its references fetched and decoded.

    Raises RefusedTaskError for a size that the model is not offered in; InvalidImageError.
    """
    references = await read_references(context, task.references, name="inputs.referenceImages")
    sizes, size = chosen.model.sizes, chosen.size or size_like(references[0].size)
    if not sizes.admit(size):
        raise RefusedTaskError("invalidDimensions", "width", f"got {size}; the model makes images {sizes}.")
    watermark = await read_watermark(context, task)
    made = output_size(*smallest_covering(size))
    request = ImageRequest(
        prompt=task.positive_prompt,
        size=made,
        seed=choose_seed(task.seed, context.services.random_below),
        references=references,
        operation=ModelOperation.EDIT if references else ModelOperation.GENERATE,
        reasoning=task.settings.thinking_level if task.settings else "high",
        delivered_as=None if made == size else size,
        count=task.number_results,
        watermark=watermark,
        checks_content=task.checks_content,
        output_format=OutputFormat(_KINDS[task.output_format], task.output_quality),
    )
    return request if sizes.admit(made) else replace(request, size=size, delivered_as=None)

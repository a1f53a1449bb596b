"""What the fields of a request ask for: OpenAI's size and quality in the words of the API reference.

A size outside the table is made from the nearest ratio at the lower resolution that covers it, then scaled
and cropped (docs/decisions/0007).
"""

from dataclasses import replace
from typing import Final

from imagineart.apis.imagineart.parameters import AUTO, MAX_SEED, EditFields, GenerationFields, ImageFields
from imagineart.errors import InvalidRequestError
from imagineart.images.model import ImageRequest, ReferenceImage
from imagineart.images.sizes import (
    Size,
    nearest_aspect_ratio,
    output_size,
    smallest_covering,
)
from imagineart.models.model import Model

_REASONING_BY_QUALITY: Final = {
    "low": "low", "medium": "low", "standard": "low", "high": "high", "hd": "high",
}  # fmt: skip


def generation_request(fields: GenerationFields, model: Model, *, seed: int) -> ImageRequest:
    """The images that a generation asks for.

    Raises InvalidRequestError where two fields contradict, and for a size that the model is not offered for.
    """
    ratio, resolution, delivered_as = _shape(fields, fields.aspect_ratio)
    request = ImageRequest(
        prompt=fields.prompt,
        size=output_size(ratio, resolution),
        seed=seed,
        reasoning=_reasoning(fields),
        delivered_as=delivered_as,
        count=fields.n,
    )
    return _within_bounds(request, model, fields, ratio)


def edit_request(
    fields: EditFields, model: Model, references: tuple[ReferenceImage, ...], *, seed: int
) -> ImageRequest:
    """The images that an edit of `references` asks for. Raises InvalidRequestError as above."""
    ratio, resolution, delivered_as = _shape(fields, fields.aspect_ratio)
    if ratio == AUTO:
        ratio = nearest_aspect_ratio(references[0].size)
    request = ImageRequest(
        prompt=fields.prompt,
        size=output_size(ratio, resolution),
        seed=seed,
        references=references,
        delivered_as=delivered_as,
        count=fields.n,
    )
    return _within_bounds(request, model, fields, ratio)


def check_fields(fields: GenerationFields | EditFields) -> None:
    """Raises InvalidRequestError where two fields contradict each other, before any work is done."""
    _shape(fields, fields.aspect_ratio)
    if isinstance(fields, GenerationFields):
        _reasoning(fields)
    last_seed = MAX_SEED - fields.n + 1
    if fields.seed > last_seed:
        raise InvalidRequestError(
            "seed",
            f"got '{fields.seed}' with n = {fields.n}, so that the last seed is too large; allowed: an "
            f"integer up to {last_seed}.",
        )


def _within_bounds(
    request: ImageRequest, model: Model, fields: GenerationFields | EditFields, ratio: str
) -> ImageRequest:
    """The request, asked of the backend in a size that the model is offered for."""
    size = request.delivered_size
    if model.sizes.admit(size):
        return request if model.sizes.admit(request.size) else replace(request, size=size, delivered_as=None)
    allowed = f"allowed for the model '{model.id}': {model.sizes}."
    if fields.size != AUTO:
        raise InvalidRequestError("size", f"got '{size}'; {allowed}")
    raise InvalidRequestError(
        "resolution", f"got '{fields.resolution}', which is {size} at {ratio}; {allowed}"
    )


def _reasoning(fields: GenerationFields) -> str:
    asked = _REASONING_BY_QUALITY.get(fields.quality)
    if asked is None:
        return fields.reasoning
    if "reasoning" in fields.model_fields_set and fields.reasoning != asked:
        raise InvalidRequestError(
            "quality",
            f"got '{fields.quality}', which contradicts reasoning '{fields.reasoning}'; allowed: either "
            "alone.",
        )
    return asked


def _shape(fields: ImageFields, aspect_ratio: str) -> tuple[str, str, Size | None]:
    """The aspect ratio and the resolution to make, and the size to deliver where it is another one."""
    size_name: str = getattr(fields, "size")  # noqa: B009
    if size_name == AUTO:
        return aspect_ratio, fields.resolution, None
    width, _, height = size_name.partition("x")
    size = Size(int(width), int(height))
    if "aspect_ratio" in fields.model_fields_set:
        _require_ratio(size, aspect_ratio)
    ratio, resolution = smallest_covering(size)
    if "resolution" in fields.model_fields_set and output_size(ratio, fields.resolution) != size:
        raise _contradiction(size, "resolution", fields.resolution)
    return ratio, resolution, None if output_size(ratio, resolution) == size else size


def _require_ratio(size: Size, aspect_ratio: str) -> None:
    if aspect_ratio == AUTO:
        return
    width, height = map(int, aspect_ratio.split(":"))
    if size.width * height != size.height * width:
        raise _contradiction(size, "aspect_ratio", aspect_ratio)


def _contradiction(size: Size, name: str, text: str) -> InvalidRequestError:
    return InvalidRequestError(
        "size",
        f"got '{size}', which contradicts {name} '{text}'; allowed: size alone, or aspect_ratio and "
        "resolution without it.",
    )

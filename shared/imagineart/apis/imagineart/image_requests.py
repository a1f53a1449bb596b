"""What the fields of a request ask for: OpenAI's size and quality in the words of the API reference.

A size outside the table is made from the nearest ratio at the lower resolution that covers it, then scaled
and cropped (docs/decisions/0007).
"""

from dataclasses import replace
from typing import Any, Final, TypeAlias

from imagineart.apis.imagineart.parameters import (
    AUTO,
    MAX_SEED,
    EditFields,
    GenerationFields,
    ImageFields,
    VariationFields,
)
from imagineart.errors import InvalidRequestError
from imagineart.images.kinds import JPEG, PNG, WEBP, ImageKind
from imagineart.images.model import ImageRequest, OutputFormat, ReferenceImage
from imagineart.images.operations import VARIATION_PROMPT, ModelOperation
from imagineart.images.sizes import (
    Size,
    nearest_aspect_ratio,
    output_size,
    smallest_covering,
)
from imagineart.models.model import Model

AnyImageFields: TypeAlias = GenerationFields | EditFields | VariationFields

_REASONING_BY_QUALITY: Final = {
    "low": "low", "medium": "low", "standard": "low",
    "high": "high", "hd": "high", "xhigh": "high", "max": "high",
}  # fmt: skip

_UNCOMPRESSED: Final = 100
"""OpenAI's output_compression for a file that keeps everything."""


def generation_request(fields: GenerationFields, model: Model, *, seed: int) -> ImageRequest:
    """The images that a generation asks for.

    Raises InvalidRequestError where two fields contradict, and for a size that the model is not offered for.
    """
    return _request(fields, model, (), seed=seed, prompt=fields.prompt, reasoning=_reasoning(fields))


def edit_request(
    fields: EditFields, model: Model, references: tuple[ReferenceImage, ...], *, seed: int
) -> ImageRequest:
    """The images that an edit of `references` asks for. Raises InvalidRequestError as above."""
    return _request(
        fields,
        model,
        references,
        seed=seed,
        prompt=fields.prompt,
        operation=ModelOperation.EDIT,
        reasoning=_REASONING_BY_QUALITY.get(fields.quality, "low"),
        input_fidelity=fields.input_fidelity,
    )


def variation_request(
    fields: VariationFields, model: Model, references: tuple[ReferenceImage, ...], *, seed: int
) -> ImageRequest:
    """The images that a variation asks for: an edit whose instruction is ours."""
    operation = ModelOperation.VARIATION
    return _request(fields, model, references, seed=seed, prompt=VARIATION_PROMPT, operation=operation)


def _request(
    fields: AnyImageFields, model: Model, references: tuple[ReferenceImage, ...], **asked: Any
) -> ImageRequest:
    """What every operation takes from its fields, and what one of them asks for."""
    ratio, resolution, delivered_as = _shape(fields, fields.aspect_ratio)
    if ratio == AUTO:
        ratio = nearest_aspect_ratio(references[0].size)
    request = ImageRequest(
        size=output_size(ratio, resolution),
        references=references,
        delivered_as=delivered_as,
        count=fields.n,
        output_format=OutputFormat(output_kind(fields), max(1, fields.output_compression)),
        background=fields.background,
        moderation=fields.moderation,
        partial_images=fields.partial_images,
        **asked,
    )
    return _within_bounds(request, model, fields, ratio)


def check_fields(fields: AnyImageFields) -> None:
    """Raises InvalidRequestError where two fields contradict each other, before any work is done."""
    _shape(fields, fields.aspect_ratio)
    if isinstance(fields, GenerationFields):
        _reasoning(fields)
    _check_format(fields)
    if fields.partial_images and not fields.stream:
        raise InvalidRequestError(
            "partial_images", f"got '{fields.partial_images}'; allowed without stream: 0."
        )
    last_seed = MAX_SEED - fields.n + 1
    if fields.seed > last_seed:
        raise InvalidRequestError(
            "seed",
            f"got '{fields.seed}' with n = {fields.n}, so that the last seed is too large; allowed: an "
            f"integer up to {last_seed}.",
        )


def check_capabilities(fields: ImageFields, model: Model) -> None:
    """Raises InvalidRequestError for a field whose value the model cannot honour."""
    can = model.capabilities
    for name, value, is_offered, allowed in (
        ("background", "transparent", can.transparency, "auto, opaque"),
        ("moderation", "low", can.moderation, "auto"),
        ("input_fidelity", "high", can.input_fidelity, "low"),
    ):
        if getattr(fields, name, None) == value and not is_offered:
            raise InvalidRequestError(name, f"got '{value}'; allowed for the model '{model.id}': {allowed}.")


def check_mask(model: Model, *, references: int) -> None:
    """Raises InvalidRequestError where the model cannot honour a mask, or it is unclear what it is for."""
    if ModelOperation.INPAINT not in model.operations:
        raise InvalidRequestError(
            "mask",
            f"got one; allowed for a model that repaints a part of an image, which '{model.id}' does not.",
        )
    if references > 1:
        raise InvalidRequestError("mask", f"got one with {references} images; allowed with one image.")


def _check_format(fields: ImageFields) -> None:
    compression = fields.output_compression
    is_given = "output_compression" in fields.model_fields_set
    if is_given and fields.output_format == "png" and compression != _UNCOMPRESSED:
        raise InvalidRequestError(
            "output_compression",
            f"got '{compression}' for a PNG, which loses nothing; allowed: 100, or another output_format.",
        )
    if fields.output_format == "jpeg" and fields.background == "transparent":
        raise InvalidRequestError(
            "background",
            "got 'transparent' for a JPEG; allowed with output_format png, webp.",
        )


def output_kind(fields: ImageFields) -> ImageKind:
    """The kind of file that the fields ask for."""
    return {"png": PNG, "jpeg": JPEG, "webp": WEBP}[fields.output_format]


def _within_bounds(request: ImageRequest, model: Model, fields: AnyImageFields, ratio: str) -> ImageRequest:
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

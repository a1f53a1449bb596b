"""The parameters of a model, as ``GET /v1/models`` shows them."""

from collections.abc import Mapping
from typing import Any, Final

from imagineart.apis.common.validation import base_type, bound, choices_of
from imagineart.apis.imagineart.parameters import (
    AUTO,
    IMAGES_DESCRIPTION,
    EditFields,
    GenerationFields,
    ImageFields,
    max_references,
)
from imagineart.images.kinds import INPUT_IMAGE_KINDS, MAX_REFERENCE_PIXELS
from imagineart.images.operations import ModelOperation
from imagineart.images.sizes import RESOLUTIONS, output_size
from imagineart.models.model import Model

FIELDS_BY_OPERATION: Final[Mapping[ModelOperation, type[ImageFields]]] = {
    ModelOperation.GENERATE: GenerationFields,
    ModelOperation.EDIT: EditFields,
}
"""Those of the API reference; the others have OpenAI's parameters alone."""


def describe_parameters(model: Model) -> dict[str, dict[str, Any]]:
    """The parameters of the API reference, by name and in its order, as ``GET /v1/models`` shows them.

    Of a model that has several operations, a parameter that one of them lacks is not required.
    """
    described: dict[str, dict[str, Any]] = {}
    operations = [each for each in model.operations if each in FIELDS_BY_OPERATION]
    for operation in operations:
        fields = FIELDS_BY_OPERATION[operation]
        for name in fields.reference_names:
            described.setdefault(
                name, _describe_images(model) if name == "images" else _describe(fields, name, model)
            )
    for name, parameter in described.items():
        if any(name not in FIELDS_BY_OPERATION[each].reference_names for each in operations):
            parameter["required"] = False
    return described


def _describe_images(model: Model) -> dict[str, Any]:
    return {
        "type": "file[]",
        "required": True,
        "min_items": 1,
        "max_items": max_references(model),
        "media_types": [kind.media_type for kind in INPUT_IMAGE_KINDS],
        "max_pixels": MAX_REFERENCE_PIXELS,
        "description": IMAGES_DESCRIPTION,
    }


def _describe(fields: type[ImageFields], name: str, model: Model) -> dict[str, Any]:
    field = fields.model_fields[name]
    described: dict[str, Any] = {
        "type": {str: "string", int: "integer"}[base_type(field)],
        "required": field.is_required(),
    }
    described |= {"enum": list(choices)} if (choices := choices_of(field)) else {}
    if base_type(field) is int:
        described |= {"minimum": bound(field, "ge"), "maximum": bound(field, "le")}
    elif not choices:
        described |= {"min_length": bound(field, "min_length"), "max_length": bound(field, "max_length")}
    described |= {} if field.is_required() else {"default": field.default}
    described |= {"random": [-1, 0]} if name == "seed" else {}
    described["description"] = field.description
    if name == "resolution":
        described["sizes"] = _describe_sizes(fields, model)
    return described


def _describe_sizes(fields: type[ImageFields], model: Model) -> dict[str, dict[str, dict[str, int]]]:
    """The pixels as ``sizes[resolution][ratio] = {"width", "height"}``, of what the model is offered for."""
    ratios = [each for each in choices_of(fields.model_fields["aspect_ratio"]) if each != AUTO]
    return {
        resolution: {
            ratio: {"width": size.width, "height": size.height}
            for ratio in ratios
            for size in [output_size(ratio, resolution)]
            if model.sizes.admit(size)
        }
        for resolution in RESOLUTIONS
    }

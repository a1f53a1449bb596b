"""The parameters of /v1, defined once: they validate requests, describe models and make the OpenAPI document.

Sources: ImagineArt 2.0 API reference; https://platform.openai.com/docs/api-reference/images and the types of
the PyPI package openai 3.52 for OpenAI's parameters (docs/decisions/0007).
"""

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Literal, TypeAlias

from pydantic import Field, StringConstraints

from imagineart.apis.common.validation import Fields, ModelName, Text
from imagineart.images.kinds import MAX_UPLOAD_BYTES
from imagineart.images.model import DEFAULT_QUALITY, Background
from imagineart.images.sizes import (
    EDIT_ASPECT_RATIOS,
    GENERATION_ASPECT_RATIOS,
    RESOLUTIONS,
    Size,
    output_size,
)
from imagineart.models.model import Model

MAX_SEED: Final = 2**63 - 1
MAX_IMAGES: Final = 10
MAX_REFERENCES: Final = 4
MAX_PARTIAL_IMAGES: Final = 3
REFERENCE_NAMES: Final = frozenset({"images", "image", "image[]"})
"""The field of the reference images, and OpenAI's names for it."""

MASK_NAMES: Final = frozenset({"mask"})

AUTO: Final = "auto"
FOREIGN_SIZES: Final = (
    Size(1536, 1024), Size(1024, 1536), Size(1792, 1024), Size(1024, 1792), Size(512, 512), Size(256, 256),
)  # fmt: skip
"""The sizes that OpenAI's clients name and the size table lacks."""


def _size_names(ratios: tuple[str, ...]) -> tuple[str, ...]:
    table = (str(output_size(ratio, resolution)) for resolution in RESOLUTIONS for ratio in ratios)
    return (AUTO, *table, *map(str, FOREIGN_SIZES))


GenerationRatio: TypeAlias = Literal[
    "1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "21:9", "4:5", "5:4", "3:1", "1:3", "4:1", "1:4"
]
EditRatio: TypeAlias = Literal[
    "auto", "1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "21:9", "4:5", "5:4", "3:1", "1:3"
]
Resolution: TypeAlias = Literal["1K", "2K"]
UserName: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, max_length=512)]

_RESOLUTION_DESCRIPTION: Final = (
    "Output resolution: 1K is faster, 2K has higher fidelity. `sizes` gives exact pixels."
)
_SIZE_DESCRIPTION: Final = (
    "Output size in pixels, in place of aspect_ratio and resolution; auto leaves it to those."
)
_MODEL_DESCRIPTION: Final = (
    "The id of a model, or one of the names that programs for OpenAI's API have built in; by default {model}."
)
_UNUSED: Final = "Accepted; neither used nor stored."


class ImageFields(Fields):
    """What both image endpoints accept, in the API reference's words and in OpenAI's (docs/openai.md)."""

    resolution: Resolution = Field("2K", description=_RESOLUTION_DESCRIPTION)
    seed: int = Field(
        -1,
        ge=-1,
        le=MAX_SEED,
        description="Deterministic seed. 0, -1 or absent chooses one at random in the unsigned 32-bit range; "
        "the X-Seed header of the response says which.",
        json_schema_extra={"note": "0 and -1 choose one"},
    )
    n: int = Field(
        1, ge=1, le=MAX_IMAGES, description="How many images, with the seeds seed, seed + 1 and so on."
    )
    response_format: Literal["b64_json", "url"] = Field(
        "b64_json",
        description="Images come in the response, or url: at URLs that need no token. They work for an hour, "
        "with an Idempotency-Key for 25 hours.",
    )
    output_format: Literal["png", "jpeg", "webp"] = Field("png", description="The file format of the images.")
    output_compression: int = Field(
        DEFAULT_QUALITY,
        ge=0,
        le=100,
        description="The quality of a JPEG or WebP, from the smallest file to the best; of a PNG 100.",
    )
    background: Background = Field(
        AUTO,
        description="The model chooses; opaque: white in place of transparency; transparent: for models that "
        "make it, as a PNG or WebP.",
    )
    moderation: Literal["auto", "low"] = Field(AUTO, description="How strict, for models that know it.")
    stream: Literal[False, True] = Field(
        False, description="true: server-sent events, in the names of OpenAI's, in place of JSON."
    )
    partial_images: int = Field(
        0,
        ge=0,
        le=MAX_PARTIAL_IMAGES,
        description="With stream: up to so many unfinished images of each, from models that show them.",
    )
    webhook_url: str = Field(
        "",
        description="With the header Prefer: respond-async: where the end of the job is sent, signed by "
        "Standard Webhooks.",
    )
    user: UserName = Field("", description=_UNUSED)
    safety_identifier: UserName = Field("", description=_UNUSED)

    reference_names: ClassVar[tuple[str, ...]]
    """The parameters of the API reference, in its order; all others are OpenAI's."""

    @classmethod
    def accepted_names(cls) -> tuple[str, ...]:
        """The names that an error message lists, those of the API reference first."""
        return tuple(dict.fromkeys((*cls.reference_names, *cls.model_fields)))

    @classmethod
    def is_openai_name(cls, name: str) -> bool:
        """Whether only OpenAI's API has a field of this name."""
        return re.sub(r"\[\d+\]$|(?<=s)\[\]$", "", name) not in cls.reference_names

    @property
    def chosen_seed(self) -> int | None:
        """The seed that the caller chose, None where it is to be random."""
        return self.seed if self.seed > 0 else None


_REFUSALS: Final[Mapping[str, str]] = {
    "complexity": "is not supported; send reasoning.",
    "svg": "is not supported; images are PNG, JPEG or WebP.",
    "frame_count": "is not supported; images do not move.",
    "frame_duration_ms": "is not supported; images do not move.",
}


class GenerationFields(ImageFields):
    """Images from a prompt."""

    prompt: Text = Field(description="Text prompt describing the desired image.")
    aspect_ratio: GenerationRatio = Field("1:1", description="Output aspect ratio.")
    reasoning: Literal["low", "high"] = Field(
        "low", description="Visual reasoning level: low is faster, high gives richer compositions."
    )
    model: ModelName = Field("", description=_MODEL_DESCRIPTION.format(model="text-to-image"))
    quality: Literal["auto", "low", "medium", "high", "standard", "hd", "xhigh", "max"] = Field(
        AUTO,
        description="Stands for reasoning: high, hd, xhigh and max for high; low, medium and standard for "
        "low; auto leaves it to that.",
    )
    style: Literal["vivid"] = Field("vivid", description="What happens anyway.")
    size: str = Field(
        AUTO,
        description=_SIZE_DESCRIPTION,
        json_schema_extra={"enum": list(_size_names(GENERATION_ASPECT_RATIOS))},
    )

    reference_names = ("prompt", "aspect_ratio", "resolution", "seed", "reasoning")
    refusals = _REFUSALS


class EditFields(ImageFields):
    """Images from reference images and an instruction."""

    prompt: Text = Field(description="Editing instruction.")
    aspect_ratio: EditRatio = Field(
        AUTO,
        description="Output aspect ratio. auto takes the listed ratio nearest to the first reference image.",
    )
    model: ModelName = Field("", description=_MODEL_DESCRIPTION.format(model="image-edit"))
    quality: Literal["auto", "low", "medium", "high", "standard", "hd", "xhigh", "max"] = Field(
        AUTO,
        description="high, hd, xhigh and max ask the model for more effort, where it has such a thing.",
    )
    input_fidelity: Literal["low", "high"] = Field(
        "low", description="high keeps closer to the references, for models that know it."
    )
    size: str = Field(
        AUTO,
        description=_SIZE_DESCRIPTION,
        json_schema_extra={"enum": list(_size_names(EDIT_ASPECT_RATIOS))},
    )

    reference_names = ("prompt", "images", "aspect_ratio", "resolution", "seed")
    refusals: ClassVar[Mapping[str, str]] = {
        **_REFUSALS,
        "style": "is not supported; describe the style in the prompt.",
        "markup": "is not supported; say in the prompt which part to change.",
        "reasoning": "is not supported; the model of this endpoint has none.",
    }

    @classmethod
    def accepted_names(cls) -> tuple[str, ...]:
        """The names that an error message lists, those of the reference images included."""
        return (*super().accepted_names(), *sorted(REFERENCE_NAMES - {"images"}), *MASK_NAMES)


class VariationFields(ImageFields):
    """Images that vary one reference image."""

    aspect_ratio: EditRatio = Field(
        AUTO, description="Output aspect ratio. auto takes the listed ratio nearest to the reference image."
    )
    model: ModelName = Field("", description=_MODEL_DESCRIPTION.format(model="image-edit"))
    quality: Literal["auto"] = Field(AUTO, description="The model chooses.")
    size: str = Field(
        AUTO,
        description=_SIZE_DESCRIPTION,
        json_schema_extra={"enum": list(_size_names(EDIT_ASPECT_RATIOS))},
    )

    reference_names = ("images", "aspect_ratio", "resolution", "seed")
    refusals: ClassVar[Mapping[str, str]] = {
        **_REFUSALS,
        "prompt": "is not supported; send it to /v1/images/edits.",
    }


class UploadFields(Fields):
    """The size and type of an image to upload."""

    content_type: Literal["image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"] = Field(
        description="Media type of the image, which the upload has to declare."
    )
    size: int = Field(ge=1, le=MAX_UPLOAD_BYTES, description="Size of the image in bytes, exactly.")


MASK_DESCRIPTION: Final = (
    "Marks the part of the one image that is made anew: transparent, or white without transparency. "
    "It is stretched to the image; the rest stays as it is."
)
IMAGES_DESCRIPTION: Final = (
    "Reference images, in order: files, or ids from POST /v1/uploads. The kind is detected by content."
)


def max_references(model: Model) -> int:
    """The most reference images of an edit."""
    return min(MAX_REFERENCES, model.capabilities.references)

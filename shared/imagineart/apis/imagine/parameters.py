"""The fields of every endpoint, which are forms.

Sources: the forms that PyPI ``imaginesdk`` 1.0.0b4 and npm ``imaginesdk`` 1.1.0 send; Imagine's pages on its
first version (https://vyroai.notion.site) and on its second (https://reference.imagine.art).
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Literal, TypeAlias

from pydantic import Field, StringConstraints

from imagineart.apis.common.validation import Fields, ModelName, Text
from imagineart.images.operations import ModelOperation

MAX_SEED: Final = 2**63 - 1

AspectRatio: TypeAlias = Literal[
    "1:1", "4:3", "3:4", "3:2", "2:3", "16:9", "9:16", "5:4", "4:5", "8:10", "3:1"
]
TABLE_RATIO: Final[Mapping[str, str]] = {"8:10": "4:5"}
"""Ratios that the table of sizes has under another name."""

ControlName: TypeAlias = Literal["openpose", "scribble", "canny", "lineart", "depth"]
OPERATION_BY_CONTROL: Final[Mapping[str, ModelOperation]] = {
    "openpose": ModelOperation.CONTROL_POSE,
    "scribble": ModelOperation.CONTROL_SCRIBBLE,
    "canny": ModelOperation.CONTROL_CANNY,
    "lineart": ModelOperation.CONTROL_LINEART,
    "depth": ModelOperation.CONTROL_DEPTH,
}

_SEED_NOTE: Final = {"note": "0 and -1 choose one"}
Seed: TypeAlias = Annotated[
    int,
    Field(
        ge=-1,
        le=MAX_SEED,
        description="The same seed makes the same image; the header X-Seed of the response has it.",
        json_schema_extra=_SEED_NOTE,
    ),
]
StyleName: TypeAlias = Annotated[
    ModelName, Field(description="A style of the deployment, by its number or its name.")
]
NegativePrompt: TypeAlias = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=4000),
    Field(description="What to avoid, where the model can."),
]
Guidance: TypeAlias = Annotated[
    float | None,
    Field(ge=3, le=15, description="How closely to follow the prompt, if the model supports it."),
]
Steps: TypeAlias = Annotated[
    int | None, Field(ge=1, le=50, description="In how many steps, if the model supports it.")
]
Ratio: TypeAlias = Annotated[AspectRatio, Field(description="The shape of the image.")]
HighResolution: TypeAlias = Annotated[
    Literal[0, 1], Field(description="1: twice as many pixels on each side.")
]
_OWN_SHAPE: Final = "The shape of the image; without it, the shape nearest to that of `image`."
_UNUSED: Final = "Accepted, without effect."


class ImagineFields(Fields):
    """What every endpoint reads of its fields, those that an endpoint lacks by their defaults.

    `files` are the fields with a file, all required but those in `optional_files`. `default_style` is taken
    where the deployment has it and the caller names none.
    """

    files: ClassVar[tuple[str, ...]] = ()
    optional_files: ClassVar[tuple[str, ...]] = ()
    style_field: ClassVar[str] = "style_id"
    default_style: ClassVar[str] = ""

    @classmethod
    def accepted_names(cls) -> tuple[str, ...]:
        """The names that an error message lists, files included."""
        return (*super().accepted_names(), *cls.files)


class GenerationFields(ImagineFields):
    """Version 1: an image from a prompt."""

    prompt: Text
    style_id: StyleName = ""
    aspect_ratio: Ratio = "1:1"
    negative_prompt: NegativePrompt = ""
    cfg: Guidance = None
    seed: Seed = -1
    steps: Steps = None
    high_res_results: HighResolution = 0


class VariationFields(ImagineFields):
    """Version 1: an image like another one."""

    prompt: Text
    style_id: StyleName = ""
    aspect_ratio: AspectRatio | None = Field(None, description=_OWN_SHAPE)
    strength: float | None = Field(None, ge=0, le=1, description="How far to leave `image`.")
    negative_prompt: NegativePrompt = ""
    cfg: Guidance = None
    seed: Seed = -1
    steps: Steps = None

    files = ("image",)


class RemixFields(ImagineFields):
    """Version 1: an image that keeps to the lines, the shapes or the pose of another one."""

    prompt: Text
    style_id: StyleName = ""
    control: ControlName | None = Field(
        None, description="What to keep to; without it, the first of these that a model can keep to."
    )
    aspect_ratio: AspectRatio | None = Field(None, description=_OWN_SHAPE)
    strength: int | None = Field(
        None, ge=0, le=100, description="How closely to keep to `image`, in percent."
    )
    negative_prompt: NegativePrompt = ""
    cfg: Guidance = None
    seed: Seed = -1
    steps: Steps = None

    files = ("image",)


class GuidedFields(ImagineFields):
    """Version 1: another image, altered as a prompt says."""

    prompt: Text
    style_id: StyleName = ""
    aspect_ratio: AspectRatio | None = Field(None, description=_OWN_SHAPE)
    neg_prompt: NegativePrompt = ""
    seed: Seed = -1
    steps: Steps = None

    files = ("image",)
    refusals: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("generation_bias", "artistic_noise", "aesthetics_weight"),
        "is not supported by any model here; leave it out.",
    )


class InpaintFields(ImagineFields):
    """Version 1: an image of which a part is made anew."""

    prompt: Text
    style_id: Literal[1] = Field(1, description=_UNUSED)
    model_version: Literal[1] = Field(1, description=_UNUSED)
    neg_prompt: NegativePrompt = ""
    cfg: Guidance = None
    seed: Seed = -1

    files = ("image", "mask")
    refusals: ClassVar[Mapping[str, str]] = {
        "inpaint_strength": "is not supported: what the mask marks is made anew; leave it out."
    }


class UpscaleFields(ImagineFields):
    """Version 1: the same image, larger."""

    model_version: Literal[1] = Field(1, description=_UNUSED)

    files = ("image",)


class EnhanceFields(ImagineFields):
    """Version 2: the same image, larger."""

    files = ("image",)


class RemoverFields(ImagineFields):
    """Version 2: the subject of an image, transparent around it."""

    files = ("image",)


class StyledFields(ImagineFields):
    """Version 2: an image from a prompt."""

    prompt: Text
    style: StyleName = ""
    aspect_ratio: Ratio = "1:1"
    negative_prompt: NegativePrompt = ""
    seed: Seed = -1
    high_res_results: HighResolution = 0
    high_res_result: HighResolution = 0
    variation: Annotated[str, StringConstraints(max_length=40)] = Field("", description=_UNUSED)

    style_field = "style"


class TransparentFields(StyledFields):
    """Version 2: an image from a prompt, transparent around its subject."""


class BackgroundFields(ImagineFields):
    """Version 2: the subject of an image in another place."""

    prompt: Text
    style: StyleName = ""
    seed: Seed = -1

    files = ("image",)
    style_field = "style"
    default_style = "product-shoot"


class FillFields(ImagineFields):
    """Version 2: an image of which a part is made anew."""

    prompt: Text
    seed: Seed = -1

    files = ("image", "mask")


class ResizeFields(ImagineFields):
    """Version 2: an image with more around it, up to a shape or where a mask says."""

    prompt: Text
    aspect_ratio: AspectRatio | None = Field(
        None, description="The shape to which the image grows; required without `mask`."
    )
    seed: Seed = -1

    files = ("image", "mask")
    optional_files = ("mask",)

"""The parameters of a generation, and the images that they ask for.

Source: ImagineoAI REST API, "Generate Image"; the bounds that it does not name are docs/imagineo.md's.
"""

from typing import Annotated, Any, Final

from pydantic import Field, StringConstraints

from imagineart.apis.common.validation import Fields, ModelName, Text
from imagineart.errors import InvalidFieldError, InvalidRequestError
from imagineart.images.model import ImageRequest
from imagineart.images.sizes import Size, output_size, smallest_covering
from imagineart.models.model import Model

MIN_SIDE: Final = 64
MAX_SIDE: Final = 4096
SIDE_STEP: Final = 8


def _side(description: str) -> Any:
    return Field(
        1024,
        ge=MIN_SIDE,
        le=MAX_SIDE,
        multiple_of=SIDE_STEP,
        description=description,
        json_schema_extra={"note": f"a multiple of {SIDE_STEP}"},
    )


class GenerateFields(Fields):
    """The body of a generation."""

    positive_prompt: Text = Field(description="What the image shows.")
    negative_prompt: Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000)] = Field(
        "", description="What the image must not show, where the model can avoid something."
    )
    model_id: ModelName = Field(
        "", description="A model of GET /imagineo/v1/models; by default the first one."
    )
    lora_weight: float | None = Field(
        None, ge=0, le=2, description="How much the model's LoRA counts, where it has one. Default: 1."
    )
    guidance: float | None = Field(
        None,
        ge=1,
        le=20,
        description="How closely the image follows the prompt, if the model supports it; by default the "
        "model's own.",
    )
    width: int = _side("Width in pixels.")
    height: int = _side("Height in pixels.")

    @property
    def size(self) -> Size:
        """What is delivered, exactly."""
        return Size(self.width, self.height)


def image_request(fields: GenerateFields, model: Model, *, seed: int) -> ImageRequest:
    """The image that a generation asks for.

    Raises InvalidRequestError for what the model cannot do, and for a size that it is not offered for.
    """
    _check_capabilities(fields, model)
    if not model.sizes.admit(fields.size):
        allowed = f"{model.sizes}, for the model '{model.id}'"
        raise InvalidFieldError("width", came=f"got {fields.size}", allowed=allowed)
    table_size = output_size(*smallest_covering(fields.size))
    # A size of the table is what every kind of backend makes; what a model is not offered for, none makes.
    asked = table_size if model.sizes.admit(table_size) else fields.size
    return ImageRequest(
        prompt=fields.positive_prompt,
        size=asked,
        seed=seed,
        delivered_as=None if asked == fields.size else fields.size,
        negative_prompt=fields.negative_prompt,
        guidance=fields.guidance,
        lora_weight=fields.lora_weight if model.capabilities.lora else None,
    )


def _check_capabilities(fields: GenerateFields, model: Model) -> None:
    capabilities = model.capabilities
    asks = {
        "negative_prompt": bool(fields.negative_prompt) and not capabilities.negative_prompt,
        "guidance": fields.guidance is not None and not capabilities.guidance,
        # A weight of 1 is what happens anyway.
        "lora_weight": fields.lora_weight not in (None, 1) and not capabilities.lora,
    }
    for name in (name for name, is_refused in asks.items() if is_refused):
        raise InvalidRequestError(name, f"the model '{model.id}' does not support it; leave it out.")

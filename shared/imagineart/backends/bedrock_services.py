"""Stability's models and services on Amazon Bedrock, and which of them an operation needs.

Sources: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-stability-diffusion.html and
https://docs.aws.amazon.com/bedrock/latest/userguide/stable-image-services.html
"""

from collections.abc import Mapping
from typing import Final

from imagineart.images.operations import ModelOperation
from imagineart.models.routes import BedrockRoute

CORE: Final = "stability.stable-image-core-v1:1"
ULTRA: Final = "stability.stable-image-ultra-v1:1"
SD35_LARGE: Final = "stability.sd3-5-large-v1:0"

INPAINT: Final = "us.stability.stable-image-inpaint-v1:0"
OUTPAINT: Final = "us.stability.stable-outpaint-v1:0"
REMOVE_BACKGROUND: Final = "us.stability.stable-image-remove-background-v1:0"
CONTROL_SKETCH: Final = "us.stability.stable-image-control-sketch-v1:0"
CONTROL_STRUCTURE: Final = "us.stability.stable-image-control-structure-v1:0"
STYLE_TRANSFER: Final = "us.stability.stable-style-transfer-v1:0"
FAST_UPSCALE: Final = "us.stability.stable-fast-upscale-v1:0"
"""Services, called through inference profiles from us-east-1, us-east-2 and us-west-2."""

SERVICES: Final[Mapping[ModelOperation, tuple[str, ...]]] = {
    ModelOperation.INPAINT: (INPAINT,),
    ModelOperation.OUTPAINT: (OUTPAINT,),
    ModelOperation.UPSCALE: (FAST_UPSCALE,),
    ModelOperation.REMOVE_BACKGROUND: (REMOVE_BACKGROUND,),
    ModelOperation.REPLACE_BACKGROUND: (REMOVE_BACKGROUND, INPAINT),
    ModelOperation.CONTROL_SCRIBBLE: (CONTROL_SKETCH,),
    ModelOperation.CONTROL_CANNY: (CONTROL_SKETCH,),
    ModelOperation.CONTROL_LINEART: (CONTROL_SKETCH,),
    ModelOperation.CONTROL_DEPTH: (CONTROL_STRUCTURE,),
}
"""What is called for an operation, in its order, apart from generating and editing."""

OPERATIONS: Final = frozenset(
    {ModelOperation.GENERATE, ModelOperation.EDIT, ModelOperation.VARIATION, *SERVICES}
)

KEEPS_ITS_SIZE: Final = frozenset({
    ModelOperation.INPAINT, ModelOperation.OUTPAINT, ModelOperation.UPSCALE,
    ModelOperation.REMOVE_BACKGROUND, ModelOperation.REPLACE_BACKGROUND,
})  # fmt: skip
"""The result has the size of what was sent, or is enlarged already."""


def invoked_models(route: BedrockRoute, operation: ModelOperation) -> tuple[str, ...]:
    """The models and inference profiles that a backend calls for an operation."""
    made_by = SERVICES.get(operation, (SD35_LARGE, STYLE_TRANSFER))
    if operation is ModelOperation.GENERATE:
        made_by = (route.model,)
    is_enlarged = route.upscaler and operation not in KEEPS_ITS_SIZE
    return (*made_by, FAST_UPSCALE) if is_enlarged else made_by

"""What can be asked of a model."""

from enum import StrEnum
from typing import Final


class ModelOperation(StrEnum):
    """What a model makes: an image from a prompt, or from images too."""

    GENERATE = "generate"
    EDIT = "edit"
    VARIATION = "variation"
    INPAINT = "inpaint"
    OUTPAINT = "outpaint"
    UPSCALE = "upscale"
    REMOVE_BACKGROUND = "remove_background"
    REPLACE_BACKGROUND = "replace_background"
    CONTROL_SCRIBBLE = "control_scribble"
    CONTROL_CANNY = "control_canny"
    CONTROL_LINEART = "control_lineart"
    CONTROL_DEPTH = "control_depth"
    CONTROL_POSE = "control_pose"


VARIATION_PROMPT: Final = (
    "Make a variation of this image: the same subject, style, colours and mood, in another composition."
)
"""What a model is asked for a variation: no backend of today makes one without words."""

"""What can be asked of a model."""

from enum import StrEnum
from typing import Final


class ModelOperation(StrEnum):
    """What a model makes: an image from a prompt, or from images too."""

    GENERATE = "generate"
    EDIT = "edit"
    VARIATION = "variation"
    INPAINT = "inpaint"


VARIATION_PROMPT: Final = (
    "Make a variation of this image: the same subject, style, colours and mood, in another composition."
)
"""What a model is asked for a variation: no backend of today makes one without words."""

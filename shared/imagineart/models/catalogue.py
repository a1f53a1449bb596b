"""The models this API offers. Source: ImagineArt 2.0 API reference, "List models"."""

from dataclasses import dataclass
from typing import Final

OFFERED_SINCE: Final = 1_795_219_200
"""When this API began to offer its models, in Unix seconds: 2026-11-21."""

OWNER: Final = "imagineart"


@dataclass(frozen=True, slots=True)
class Model:
    """A public model; `modality` is the API reference's word for what it makes of what."""

    id: str
    name: str
    modality: str


GENERATION_MODEL: Final = Model("text-to-image", "ImagineArt 2.0", "text-to-image")
EDIT_MODEL: Final = Model("image-edit", "ImagineArt 2.0 Edit", "image-to-image")
CATALOGUE: Final = (GENERATION_MODEL, EDIT_MODEL)
MODEL_IDS: Final = tuple(model.id for model in CATALOGUE)

"""The models this API offers. Source: ImagineArt 2.0 API reference, "List models"."""

from dataclasses import dataclass
from typing import Any, Final

from imagineart.domain.parameters import EDIT_PARAMETERS, GENERATION_PARAMETERS, EndpointParameters


@dataclass(frozen=True, slots=True)
class Model:
    """A public model and the parameters it accepts."""

    id: str
    name: str
    modality: str
    parameters: EndpointParameters

    def describe(self) -> dict[str, Any]:
        """The model as `GET /v1/models` shows it."""
        return {
            "id": self.id,
            "name": self.name,
            "modality": self.modality,
            "parameters": self.parameters.describe(),
        }


GENERATION_MODEL: Final = Model("text-to-image", "ImagineArt 2.0", "text-to-image", GENERATION_PARAMETERS)
EDIT_MODEL: Final = Model("image-edit", "ImagineArt 2.0 Edit", "image-to-image", EDIT_PARAMETERS)
CATALOGUE: Final = (GENERATION_MODEL, EDIT_MODEL)

"""The models this API offers. Source: ImagineArt 2.0 API reference, "List models"."""

from dataclasses import dataclass
from typing import Any, Final

from imagineart.domain.parameters import EDIT_PARAMETERS, GENERATION_PARAMETERS, EndpointParameters

OFFERED_SINCE: Final = 1_795_219_200
"""When this API began to offer its models, in Unix seconds: 2026-11-21."""

OWNER: Final = "imagineart"


@dataclass(frozen=True, slots=True)
class Model:
    """A public model and the parameters it accepts."""

    id: str
    name: str
    modality: str
    parameters: EndpointParameters

    def describe(self) -> dict[str, Any]:
        """The model as `GET /v1/models` shows it.

        The last three keys are what clients of OpenAI's API read:
        https://platform.openai.com/docs/api-reference/models/object
        """
        return {
            "id": self.id,
            "name": self.name,
            "modality": self.modality,
            "parameters": self.parameters.describe(),
            "object": "model",
            "created": OFFERED_SINCE,
            "owned_by": OWNER,
        }


GENERATION_MODEL: Final = Model("text-to-image", "ImagineArt 2.0", "text-to-image", GENERATION_PARAMETERS)
EDIT_MODEL: Final = Model("image-edit", "ImagineArt 2.0 Edit", "image-to-image", EDIT_PARAMETERS)
CATALOGUE: Final = (GENERATION_MODEL, EDIT_MODEL)

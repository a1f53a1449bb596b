"""A picture from a text prompt."""

from collections.abc import Mapping
from dataclasses import dataclass

from imagineart.domain.catalogue import GENERATION_MODEL
from imagineart.domain.orders import GenerationOrder, Picture
from imagineart.domain.seeds import RandomBelow, choose_seed
from imagineart.domain.sizes import output_size
from imagineart.use_cases.call_backends import CallBackends


@dataclass(frozen=True, slots=True)
class GenerateImage:
    """Has a backend paint a picture."""

    backends: CallBackends
    random_below: RandomBelow

    def __call__(self, fields: Mapping[str, str], *, deadline_seconds: float) -> Picture:
        """The picture that the form `fields` ask for (see `GENERATION_PARAMETERS`).

        Raises InvalidRequestError, and whatever `CallBackends` raises.
        """
        values = GENERATION_MODEL.parameters.parse_scalars(fields)
        order = GenerationOrder(
            prompt=values["prompt"],
            size=output_size(values["aspect_ratio"], values["resolution"]),
            seed=choose_seed(values["seed"], self.random_below),
            reasoning=values["reasoning"],
        )
        painting = self.backends.generate(order, deadline_seconds=deadline_seconds)
        return painting.deliver(order, GENERATION_MODEL.id)

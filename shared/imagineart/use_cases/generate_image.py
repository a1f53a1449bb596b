"""A picture from a text prompt."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from imagineart.domain.catalogue import GENERATION_MODEL
from imagineart.domain.orders import GenerationOrder, Picture
from imagineart.domain.pieces import BegunPieces
from imagineart.domain.ports import ImageBackend, PictureFinisher
from imagineart.domain.seeds import RandomBelow, choose_seed
from imagineart.domain.sizes import output_size


@dataclass(frozen=True, slots=True)
class GenerateImage:
    """Has the backend paint a picture and finishes it."""

    backend: ImageBackend
    finisher: PictureFinisher
    random_below: RandomBelow

    def __call__(self, fields: Mapping[str, str], *, deadline_seconds: float) -> Picture:
        """The picture that the form `fields` ask for (see `GENERATION_PARAMETERS`).

        Raises InvalidRequestError, and whatever `ImageBackend` and `PictureFinisher` raise.
        """
        values = GENERATION_MODEL.parameters.parse_scalars(fields)
        order = GenerationOrder(
            prompt=values["prompt"],
            size=output_size(values["aspect_ratio"], values["resolution"]),
            seed=choose_seed(values["seed"], self.random_below),
            reasoning=values["reasoning"],
        )
        started = time.monotonic()
        answer = self.backend.generate(order, deadline_seconds=deadline_seconds)
        png = BegunPieces(self.finisher.finish(answer, order.size))
        return Picture(png, order.size, order.seed, GENERATION_MODEL.id, time.monotonic() - started)

"""A picture from a text prompt."""

from collections.abc import Mapping
from dataclasses import dataclass

from imagineart.domain.catalogue import GENERATION_MODEL
from imagineart.domain.orders import GenerationOrder, Picture, SeriesRequest
from imagineart.domain.seeds import RandomBelow, choose_seed
from imagineart.domain.sizes import output_size
from imagineart.use_cases.call_backends import CallBackends
from imagineart.use_cases.paint_series import paint_series


@dataclass(frozen=True, slots=True)
class GenerateImage:
    """Has a backend paint a picture."""

    backends: CallBackends
    random_below: RandomBelow

    def __call__(self, fields: Mapping[str, str], *, deadline_seconds: float) -> Picture:
        """The picture that the form `fields` ask for (see `GENERATION_PARAMETERS`).

        Raises InvalidRequestError, and whatever `CallBackends` raises.
        """
        (picture,) = self.series(SeriesRequest(fields), deadline_seconds=deadline_seconds)
        return picture

    def series(self, request: SeriesRequest, *, deadline_seconds: float) -> tuple[Picture, ...]:
        """The pictures that `request` asks for, all within the deadline; see `paint_series`.

        Raises as a call does.
        """
        values = GENERATION_MODEL.parameters.parse_scalars(request.fields)
        order = GenerationOrder(
            prompt=values["prompt"],
            size=output_size(values["aspect_ratio"], values["resolution"]),
            seed=choose_seed(values["seed"], self.random_below),
            reasoning=values["reasoning"],
            delivered_as=request.delivered_as,
        )
        return paint_series(self._paint, order, request.count, deadline_seconds)

    def _paint(self, order: GenerationOrder, deadline_seconds: float, whole: bool) -> Picture:
        painting = self.backends.generate(order, deadline_seconds=deadline_seconds, whole=whole)
        return painting.deliver(order, GENERATION_MODEL.id)

"""A picture from a text prompt."""

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

    def __call__(self, request: SeriesRequest, *, deadline_seconds: float) -> tuple[Picture, ...]:
        """The pictures that `request` asks for (see `GENERATION_PARAMETERS`), all within the deadline.

        Raises InvalidRequestError, and whatever `CallBackends` raises; see also `paint_series`.
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

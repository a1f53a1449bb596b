"""Transparent images of a model that makes none: its images, whose background another model removes."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from imagineart.backends.call_backends import MAX_AT_ONCE, Backends
from imagineart.backends.model_backends import ModelBackends
from imagineart.images.kinds import PNG
from imagineart.images.model import AS_PNG, Image, ImageRequest, ReferenceImage
from imagineart.images.operations import ModelOperation
from imagineart.models.model import Model, ModelsDocument


def choose_backends(
    request: ImageRequest,
    model: Model,
    document: ModelsDocument,
    backends: ModelBackends[Model, Backends],
) -> "Backends | CutOutBackends":
    """What makes the images of a request to a model.

    Where they are to be transparent and the model makes no transparency, its images are cut out by the
    document's model for that.
    """
    remover = document.background_remover
    is_made = request.background != "transparent" or model.capabilities.transparency
    if is_made or remover is None or request.operation is ModelOperation.REMOVE_BACKGROUND:
        return backends.of(model)
    return CutOutBackends(backends.of(model), backends.of(remover))


@dataclass(frozen=True, slots=True)
class CutOutBackends:
    """Makes images with the backends of one model, and removes their background with those of another."""

    making: Backends
    removing: Backends

    async def generate(
        self,
        request: ImageRequest,
        *,
        deadline_seconds: float,
        partial_made: Callable[[int, int, bytes], None] | None = None,
    ) -> list[Image]:
        """As `Backends.generate`; unfinished images have their background. An image names all backends."""
        now = asyncio.get_running_loop().time
        ends_at = now() + deadline_seconds
        opaque = replace(request, background="auto", output_format=AS_PNG, watermark=None)
        made = await self.making.generate(
            opaque, deadline_seconds=deadline_seconds, partial_made=partial_made
        )
        places = asyncio.Semaphore(MAX_AT_ONCE)

        async def cut_out_in_turn(image: Image) -> Image:
            async with places:
                return await self._cut_out(image, request, ends_at - now())

        try:
            async with asyncio.TaskGroup() as group:
                cutting = [group.create_task(cut_out_in_turn(each)) for each in made]
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return [each.result() for each in cutting]

    async def _cut_out(self, image: Image, request: ImageRequest, seconds: float) -> Image:
        asked = ImageRequest(
            prompt=request.prompt,
            size=image.size,
            seed=request.seed,
            operation=ModelOperation.REMOVE_BACKGROUND,
            references=(ReferenceImage(image.content, PNG, image.size),),
            background=request.background,
            output_format=request.output_format,
            watermark=request.watermark,
        )
        (cut,) = await self.removing.generate(asked, deadline_seconds=seconds)
        return replace(
            image,
            content=cut.content,
            kind=cut.kind,
            backend=", ".join(dict.fromkeys((image.backend, cut.backend))),
            backend_seconds=image.backend_seconds + cut.backend_seconds,
        )

"""The images of a request, each from the first backend that can make it, within the deadline."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from imagineart.backends.call_routes import AttemptFinished, RouteCaller
from imagineart.backends.model import GeneratedImage, ImageBackend, MakesPartialImages, Route
from imagineart.errors import ImagineArtError, ModelError
from imagineart.images.finish import finish_image
from imagineart.images.model import Image, ImageRequest

MAX_AT_ONCE: Final = 4
"""So many images of one request are made at the same time."""


class Backends:
    """Makes images with the routes of a model. See `RouteCaller` for how they are called."""

    def __init__(
        self,
        routes: Sequence[Route],
        *,
        random_fraction: Callable[[], float],
        attempt_finished: AttemptFinished,
        report_failure: Callable[[str, ImagineArtError], None],
        finish: Callable[[bytes, ImageRequest], Awaitable[bytes]] = finish_image,
    ) -> None:
        """See `RouteCaller` for the first ones."""
        self._caller = RouteCaller(
            routes,
            random_fraction=random_fraction,
            attempt_finished=attempt_finished,
            report_failure=report_failure,
        )
        self._finish = finish

    async def generate(
        self,
        request: ImageRequest,
        *,
        deadline_seconds: float,
        partial_made: Callable[[int, int, bytes], None] | None = None,
    ) -> list[Image]:
        """The images that `request` asks for, in the order of their seeds; all or none.

        `partial_made` gets each unfinished image that a backend shows: the position of its image, its own
        number, both from 0, and a file of the format and size of the finished one. When one fails, the others
        are cancelled. Raises the error of the first that failed, which is that of the last backend that was
        tried for it.
        """
        now = asyncio.get_running_loop().time
        ends_at = now() + deadline_seconds
        places = asyncio.Semaphore(MAX_AT_ONCE)

        async def generate_in_turn(position: int, single: ImageRequest) -> Image:
            async with places:
                report = partial_made and partial(partial_made, position)
                task = _Task(single, now(), report)
                return await self._caller.call(partial(self._make, task), ends_at=ends_at)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(generate_in_turn(*each)) for each in enumerate(request.series())]
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return [task.result() for task in tasks]

    async def _make(self, task: "_Task", route: Route) -> Image:
        request = task.request
        generated = await self._call(route.backend, task)
        content = await self._finish(generated.content, request)
        seed = request.seed if generated.has_seed else None
        seconds = asyncio.get_running_loop().time() - task.started
        kind = request.output_format.kind
        return Image(content, request.delivered_size, seed, route.name, seconds, generated.usage, kind)

    async def _call(self, backend: ImageBackend, task: "_Task") -> GeneratedImage:
        request, report = task.request, task.partial_made
        if not (report and request.partial_images and isinstance(backend, MakesPartialImages)):
            return await backend.generate(request)

        async def finish_partial(index: int, content: bytes) -> None:
            # One that cannot be shown is no reason to do without the image.
            with suppress(ModelError):
                finished = await self._finish(content, replace(request, background="auto"))
                report(index, finished)

        return await backend.generate_in_steps(request, finish_partial)


@dataclass(frozen=True, slots=True)
class _Task:
    """One image to make, from `started` by the loop's clock."""

    request: ImageRequest
    started: float
    partial_made: Callable[[int, bytes], None] | None

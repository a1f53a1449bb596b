"""The images of a request, each from the first backend that can make it, within the deadline."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, Protocol

from imagineart.backends.circuit_breaker import CircuitBreaker
from imagineart.backends.model import GeneratedImage, ImageBackend, MakesPartialImages, Route
from imagineart.backends.retry_budget import RetryBudget
from imagineart.errors import (
    ImagineArtError,
    InternalError,
    InvalidRequestError,
    ModelAuthError,
    ModelError,
    ModelNotAvailableError,
    ModelTimeoutError,
    ModelUnavailableError,
    RateLimitedError,
    RequestRefusedError,
)
from imagineart.images.finish import finish_image
from imagineart.images.model import Image, ImageRequest

MAX_AT_ONCE: Final = 4
"""So many images of one request are made at the same time."""

FIRST_PAUSE_SECONDS: Final = 0.5
"""The longest pause before the first retry; it doubles with each."""

MAX_PAUSE_SECONDS: Final = 5.0
"""A backend that asks for a longer one is not retried: the caller knows better whether to wait."""

MIN_ATTEMPT_SECONDS: Final = 1.0
"""With less time left, no other backend is tried."""

_REFUSALS: Final = (InvalidRequestError, RequestRefusedError)
"""What a healthy backend says to a request that it does not take."""

_FOR_THE_OPERATOR: Final = (ModelAuthError, ModelNotAvailableError)
"""What lasts until the operator changes a key, a payment, a permission or a model's name."""

_ANOTHER_MAY_SUCCEED: Final = (
    *_FOR_THE_OPERATOR, ModelError, ModelTimeoutError, RateLimitedError,
    # The key of this backend could not be read; another one may need none.
    InternalError,
)  # fmt: skip


class AttemptFinished(Protocol):
    """Called after every attempt at a backend; `needs_operator` where only the operator can help."""

    def __call__(self, backend: str, *, failed: bool, needs_operator: bool) -> None: ...


class Backends:
    """Calls the routes in their order; the next one where one fails.

    A backend is retried, after a pause of random length, only where it made no image: it could not be
    reached, was overloaded or at its limit. A backend that keeps failing is left alone for a while.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        *,
        random_fraction: Callable[[], float],
        attempt_finished: AttemptFinished,
        report_failure: Callable[[str, ImagineArtError], None],
        finish: Callable[[bytes, ImageRequest], Awaitable[bytes]] = finish_image,
    ) -> None:
        """`random_fraction` is uniform from 0 to 1.

        `report_failure` gets the route and the error of each attempt after which another backend is tried,
        for the operator's log: the caller sees none of them where that one succeeds.
        """
        self._backends = [_Backend(route) for route in routes]
        self._random_fraction = random_fraction
        self._attempt_finished = attempt_finished
        self._report_failure = report_failure
        self._finish = finish
        self._budget = RetryBudget()

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
                return await self._generate_one(_Task(single, now(), ends_at, report))

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(generate_in_turn(*each)) for each in enumerate(request.series())]
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return [task.result() for task in tasks]

    async def _generate_one(self, task: "_Task") -> Image:
        now = asyncio.get_running_loop().time
        self._budget.note_request()
        # With every circuit open, the first is called all the same: better a late image than none.
        usable = [each for each in self._backends if not each.breaker.is_open(now())] or self._backends[:1]
        failures: list[tuple[str, ImagineArtError]] = []
        for position, backend in enumerate(usable):
            left = task.ends_at - now()
            if failures and left < MIN_ATTEMPT_SECONDS:
                break
            # A backend that hangs takes no more than its share, so that the others can be tried.
            share_ends_at = now() + left / (len(usable) - position)
            try:
                return await self._retry(backend, task, share_ends_at)
            except _ANOTHER_MAY_SUCCEED as error:
                failures.append((backend.route.name, error))
        raise _last_of(failures)

    async def _retry(self, backend: "_Backend", task: "_Task", share_ends_at: float) -> Image:
        now = asyncio.get_running_loop().time
        own_seconds = backend.route.attempt_seconds
        retries = 0
        while True:
            attempt_ends_at = share_ends_at if own_seconds is None else min(task.ends_at, now() + own_seconds)
            try:
                return await self._attempt(backend, task, attempt_ends_at)
            except (ModelUnavailableError, RateLimitedError) as error:
                asked_seconds: float = getattr(error, "retry_after_seconds", 0)
                pause = asked_seconds + self._random_fraction() * FIRST_PAUSE_SECONDS * 2.0**retries
                retries += 1
                if (
                    retries > backend.route.retries
                    or asked_seconds > MAX_PAUSE_SECONDS
                    or backend.breaker.is_open(now())
                    or share_ends_at - now() < pause + MIN_ATTEMPT_SECONDS
                    or not self._budget.take()
                ):
                    raise
            await asyncio.sleep(pause)

    async def _attempt(self, backend: "_Backend", task: "_Task", ends_at: float) -> Image:
        """An attempt that is cancelled says nothing of its backend, and is not counted."""
        now = asyncio.get_running_loop().time
        route, request, begun = backend.route, task.request, now()
        try:
            async with asyncio.timeout_at(ends_at) as timeout:
                generated = await self._call(route.backend, task)
                content = await self._finish(generated.content, request)
        except TimeoutError as error:
            if not timeout.expired():
                raise
            late = ModelTimeoutError(deadline_seconds=max(0.0, ends_at - begun))
            self._note(backend, late)
            raise late from error
        except ImagineArtError as error:
            self._note(backend, error)
            raise
        self._note(backend, None)
        seed = request.seed if generated.has_seed else None
        seconds = now() - task.started
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

    def _note(self, backend: "_Backend", error: ImagineArtError | None) -> None:
        failed = isinstance(error, _ANOTHER_MAY_SUCCEED) and not isinstance(error, _REFUSALS)
        if failed:
            backend.breaker.note_failure(asyncio.get_running_loop().time())
        else:
            backend.breaker.note_success()
        needs_operator = isinstance(error, _FOR_THE_OPERATOR)
        self._attempt_finished(backend.route.name, failed=failed, needs_operator=needs_operator)
        if isinstance(error, _ANOTHER_MAY_SUCCEED):
            self._report_failure(backend.route.name, error)


@dataclass(frozen=True, slots=True)
class _Task:
    """One image to make, from `started` until `ends_at` by the loop's clock."""

    request: ImageRequest
    started: float
    ends_at: float
    partial_made: Callable[[int, bytes], None] | None


@dataclass(frozen=True, slots=True)
class _Backend:
    route: Route
    breaker: CircuitBreaker = field(default_factory=CircuitBreaker)


def _last_of(failures: Sequence[tuple[str, ImagineArtError]]) -> ImagineArtError:
    """The last failure; its detail names every route that was tried."""
    _, last = failures[-1]
    last.detail = "; ".join(f"{route}: {error.detail or type(error).__name__}" for route, error in failures)
    return last

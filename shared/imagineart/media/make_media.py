"""The file of a request, from the first backend that can make it; or an order, and later the file of it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

from imagineart.backends.call_routes import AttemptFinished, RouteCaller
from imagineart.backends.model import Route
from imagineart.errors import (
    ImagineArtError,
    ModelAuthError,
    ModelError,
    ModelNotAvailableError,
    ModelTimeoutError,
    RateLimitedError,
    RequestRefusedError,
    ResponseTooLargeError,
)
from imagineart.media.check_file import check_file
from imagineart.media.engine import AnyEngine, OrderFailedError, OrdersMedia
from imagineart.media.model import MadeMedia, MediaRequest, Order

ORDER_SECONDS: Final = 3_600
"""How long an order may take."""

_FINAL: Final = (RequestRefusedError, OrderFailedError, ResponseTooLargeError)
"""Of a backend's errors, those that say that an order will not be fulfilled, or not be of use."""

_OF_THE_POLL: Final = (ModelError, ModelTimeoutError, RateLimitedError, ModelAuthError)
"""The errors of a poll, which say nothing of the order otherwise: a key may be replaced while it is made."""


class MediaBackends:
    """Makes media with the routes of a model. See `RouteCaller` for how they are called."""

    def __init__(
        self,
        routes: Sequence[Route[AnyEngine]],
        *,
        random_fraction: Callable[[], float],
        attempt_finished: AttemptFinished,
        report_failure: Callable[[str, ImagineArtError], None],
        clock: Callable[[], float],
    ) -> None:
        """See `RouteCaller`; `clock` gives Unix seconds."""
        self._caller = RouteCaller(
            routes,
            random_fraction=random_fraction,
            attempt_finished=attempt_finished,
            report_failure=report_failure,
        )
        self._clock = clock

    async def make(
        self, request: MediaRequest, order: Order | None, *, deadline_seconds: float
    ) -> MadeMedia | Order:
        """The file; or the order for it, with which this has to be called again.

        Raises the error of the last backend that was tried.
        """
        ends_at = asyncio.get_running_loop().time() + deadline_seconds
        if order is not None:
            return await self._fetch(request, order, ends_at)
        started = self._clock()

        async def begin(route: Route[AnyEngine]) -> MadeMedia | Order:
            if isinstance(route.backend, OrdersMedia):
                return Order(route.backend.place, await route.backend.order(request), self._clock())
            content = await route.backend.make(request)
            return await self._made(content, request, route.name, started)

        return await self._caller.call(begin, ends_at=ends_at)

    async def _fetch(self, request: MediaRequest, order: Order, ends_at: float) -> MadeMedia | Order:
        route, engine = self._ordered_from(order)
        content: bytes | None = None
        try:
            content = await self._caller.call(
                lambda _: engine.fetch(order.id), ends_at=ends_at, only=route.name
            )
        except _OF_THE_POLL as error:
            if isinstance(error, _FINAL):
                raise
            # The backend goes on with it, whatever happened to a poll.
        if content is not None:
            return await self._made(content, request, route.name, order.ordered_at)
        if self._clock() - order.ordered_at > ORDER_SECONDS:
            raise ModelTimeoutError(deadline_seconds=ORDER_SECONDS)
        return order

    def _ordered_from(self, order: Order) -> tuple[Route[AnyEngine], OrdersMedia[Any]]:
        for route in self._caller.routes:
            if isinstance(route.backend, OrdersMedia) and route.backend.place == order.place:
                return route, route.backend
        raise ModelNotAvailableError(detail="the backend of an order is no longer in the models document")

    async def _made(self, content: bytes, request: MediaRequest, name: str, started: float) -> MadeMedia:
        file = await asyncio.to_thread(check_file, content, request)
        return MadeMedia(file, name, self._clock() - started)

"""Calls the routes of a model in their order: retries, circuit breakers and time, whatever is made."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from imagineart.backends.circuit_breaker import CircuitBreaker
from imagineart.backends.model import Route
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


class RouteCaller[BackendT]:
    """Calls the routes in their order; the next one where one fails.

    A backend is retried, after a pause of random length, only where it made nothing: it could not be reached,
    was overloaded or at its limit. A backend that keeps failing is left alone for a while.
    """

    def __init__(
        self,
        routes: Sequence[Route[BackendT]],
        *,
        random_fraction: Callable[[], float],
        attempt_finished: AttemptFinished,
        report_failure: Callable[[str, ImagineArtError], None],
    ) -> None:
        """`random_fraction` is uniform from 0 to 1.

        `report_failure` gets the route and the error of each attempt after which another backend is tried,
        for the operator's log: the caller sees none of them where that one succeeds.
        """
        self._backends = [_Backend(route) for route in routes]
        self._random_fraction = random_fraction
        self._attempt_finished = attempt_finished
        self._report_failure = report_failure
        self._budget = RetryBudget()

    @property
    def routes(self) -> Sequence[Route[BackendT]]:
        """The routes, in their order."""
        return [each.route for each in self._backends]

    async def call[ResultT](
        self,
        act: Callable[[Route[BackendT]], Awaitable[ResultT]],
        *,
        ends_at: float,
        only: str | None = None,
    ) -> ResultT:
        """What `act` makes of the first route that can, until `ends_at` by the loop's clock.

        `only` is the name of the route, where no other one can. Raises the error of the last route that was
        tried.
        """
        now = asyncio.get_running_loop().time
        self._budget.note_request()
        backends = [each for each in self._backends if only in (None, each.route.name)]
        # With every circuit open, the first is called all the same: better late than nothing.
        usable = [each for each in backends if not each.breaker.is_open(now())] or backends[:1]
        failures: list[tuple[str, ImagineArtError]] = []
        for position, backend in enumerate(usable):
            left = ends_at - now()
            if failures and left < MIN_ATTEMPT_SECONDS:
                break
            # A backend that hangs takes no more than its share, so that the others can be tried.
            share_ends_at = now() + left / (len(usable) - position)
            try:
                return await self._retry(backend, act, ends_at, share_ends_at)
            except _ANOTHER_MAY_SUCCEED as error:
                failures.append((backend.route.name, error))
        raise _last_of(failures)

    async def _retry[ResultT](
        self,
        backend: "_Backend[BackendT]",
        act: Callable[[Route[BackendT]], Awaitable[ResultT]],
        ends_at: float,
        share_ends_at: float,
    ) -> ResultT:
        now = asyncio.get_running_loop().time
        own_seconds = backend.route.attempt_seconds
        retries = 0
        while True:
            attempt_ends_at = share_ends_at if own_seconds is None else min(ends_at, now() + own_seconds)
            try:
                return await self._attempt(backend, act, attempt_ends_at)
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

    async def _attempt[ResultT](
        self,
        backend: "_Backend[BackendT]",
        act: Callable[[Route[BackendT]], Awaitable[ResultT]],
        ends_at: float,
    ) -> ResultT:
        """An attempt that is cancelled says nothing of its backend, and is not counted."""
        now = asyncio.get_running_loop().time
        begun = now()
        try:
            async with asyncio.timeout_at(ends_at) as timeout:
                result = await act(backend.route)
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
        return result

    def _note(self, backend: "_Backend[BackendT]", error: ImagineArtError | None) -> None:
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
class _Backend[BackendT]:
    route: Route[BackendT]
    breaker: CircuitBreaker = field(default_factory=CircuitBreaker)


def _last_of(failures: Sequence[tuple[str, ImagineArtError]]) -> ImagineArtError:
    """The last failure; its detail names every route that was tried."""
    _, last = failures[-1]
    last.detail = "; ".join(f"{route}: {error.detail or type(error).__name__}" for route, error in failures)
    return last

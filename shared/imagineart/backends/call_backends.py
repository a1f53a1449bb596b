"""A picture from the first backend that can paint it, within the deadline."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from imagineart.backends.circuit_breaker import CircuitBreaker
from imagineart.errors import (
    ImagineArtError,
    ModelAuthError,
    ModelError,
    ModelNotAvailableError,
    ModelTimeoutError,
    ModelUnavailableError,
    OrderRefusedError,
    RateLimitedError,
)
from imagineart.images.model import EditOrder, GenerationOrder, Picture
from imagineart.domain.pieces import BegunPieces, Pieces
from imagineart.domain.ports import ImageBackend, PictureFinisher
from imagineart.backends.retry_budget import RetryBudget

DEFAULT_RETRIES: Final = 2
"""How often one backend is asked again within a request."""

FIRST_PAUSE_SECONDS: Final = 0.5
"""The longest pause before the first retry; it doubles with each."""

MAX_PAUSE_SECONDS: Final = 5.0
"""Whoever asks for a longer one is not waited for: the caller knows better whether to."""

MIN_ATTEMPT_SECONDS: Final = 1.0
"""With less time left, nobody else is asked."""

_ANOTHER_MAY_SUCCEED: Final = (
    ModelError, ModelAuthError, ModelNotAvailableError, ModelTimeoutError, RateLimitedError,
)  # fmt: skip


_Ask = Callable[[ImageBackend, float], Pieces]


class NoteAttempt(Protocol):
    """Is told of every attempt at a backend, and whether it failed."""

    def __call__(self, backend: str, *, failed: bool) -> None: ...


class _NoteOutcome(Protocol):
    def __call__(self, *, failed: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class Route:
    """A backend under the `name` that callers are told; `attempt_seconds` bounds one attempt.

    Without it, each route that is left gets an equal share of the time that is left.
    """

    name: str
    backend: ImageBackend
    attempt_seconds: float | None = None
    retries: int = DEFAULT_RETRIES


@dataclass(frozen=True, slots=True)
class Painting:
    """A finished picture that has begun to arrive, and how it came: `seconds` until its first piece."""

    png: BegunPieces
    route: Route
    seconds: float

    def deliver(self, order: GenerationOrder | EditOrder, model_id: str) -> Picture:
        """The picture that `order` asked for, made under the public model `model_id`."""
        seed = order.seed if self.route.backend.has_seed else None
        return Picture(
            self.png,
            order.delivered_size,
            seed,
            model_id,
            self.route.name,
            self.seconds,
            usage=lambda: self.route.backend.usage,
        )


class CallBackends:
    """Asks the routes in their order; the next one where one is unavailable.

    One backend is asked again, after a pause of random length, only where it did no work: it could not be
    reached, was overloaded or at its limit. A backend that keeps failing is left alone for a while. Nothing
    is retried after the first piece has come.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        finisher: PictureFinisher,
        *,
        random_fraction: Callable[[], float],
        note_attempt: NoteAttempt,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`random_fraction` is uniform from 0 to 1; `clock` is monotonic, in seconds."""
        self._candidates = [
            _Candidate(route, CircuitBreaker(clock), partial(note_attempt, route.name)) for route in routes
        ]
        self._finisher = finisher
        self._budget = RetryBudget()
        self._random_fraction = random_fraction
        self._clock = clock
        self._sleep = sleep

    def generate(self, order: GenerationOrder, *, deadline_seconds: float, whole: bool = False) -> Painting:
        """A picture made from text. Raises what the last route's backend or the finisher raises.

        A `whole` one is read to its end first, so that the next route is asked where it breaks off.
        """

        def ask(backend: ImageBackend, seconds: float) -> Pieces:
            answer = backend.generate(order, deadline_seconds=seconds)
            finished = self._finisher.finish(answer, order.delivered_size)
            return _held(finished) if whole else finished

        return self._paint(ask, deadline_seconds)

    def edit(self, order: EditOrder, *, deadline_seconds: float, whole: bool = False) -> Painting:
        """A picture made from references, as `generate` makes one."""

        def ask(backend: ImageBackend, seconds: float) -> Pieces:
            answer = backend.edit(order, deadline_seconds=seconds)
            finished = self._finisher.finish(answer, order.delivered_size)
            return _held(finished) if whole else finished

        return self._paint(ask, deadline_seconds)

    def _paint(self, ask: _Ask, deadline_seconds: float) -> Painting:
        started = self._clock()
        deadline = started + deadline_seconds
        self._finisher.prepare()
        self._budget.note_request()
        # With every circuit open, the first is asked all the same: better a late answer than none.
        usable = [each for each in self._candidates if not each.breaker.is_open] or self._candidates[:1]
        failures: list[tuple[Route, ImagineArtError]] = []
        for position, candidate in enumerate(usable):
            remaining = deadline - self._clock()
            if failures and remaining < MIN_ATTEMPT_SECONDS:
                break
            # Whoever hangs takes no more than its share, so that the others can be asked.
            share_ends = deadline - remaining * (1 - 1 / (len(usable) - position))
            try:
                png = self._ask_patiently(candidate, ask, deadline, share_ends)
                return Painting(png, candidate.route, self._clock() - started)
            except _ANOTHER_MAY_SUCCEED as error:
                failures.append((candidate.route, error))
        raise _last_of(failures)

    def _ask_patiently(
        self, candidate: "_Candidate", ask: _Ask, deadline: float, share_ends: float
    ) -> BegunPieces:
        retries = 0
        while True:
            try:
                return self._ask_once(candidate, ask, deadline, share_ends)
            except (ModelUnavailableError, RateLimitedError) as error:
                asked_seconds: float = getattr(error, "retry_after_seconds", 0)
                pause = asked_seconds + self._random_fraction() * FIRST_PAUSE_SECONDS * 2.0**retries
                retries += 1
                if (
                    retries > candidate.route.retries
                    or asked_seconds > MAX_PAUSE_SECONDS
                    or candidate.breaker.is_open
                    or share_ends - self._clock() < pause + MIN_ATTEMPT_SECONDS
                    or not self._budget.take()
                ):
                    raise
            self._sleep(pause)

    def _ask_once(
        self, candidate: "_Candidate", ask: _Ask, deadline: float, share_ends: float
    ) -> BegunPieces:
        own_seconds = candidate.route.attempt_seconds
        ends = share_ends if own_seconds is None else min(deadline, self._clock() + own_seconds)
        answer = ask(candidate.route.backend, max(0.0, ends - self._clock()))
        return BegunPieces(_watched(answer, candidate))


def _watched(pieces: Pieces, candidate: "_Candidate") -> Pieces:
    """The same pieces; the candidate learns how they ended, unless nobody wanted the end."""
    try:
        yield from pieces
    except ImagineArtError as error:
        refused = not isinstance(error, _ANOTHER_MAY_SUCCEED) or isinstance(error, OrderRefusedError)
        candidate.note(failed=not refused)
        raise
    candidate.note(failed=False)


def _held(pieces: Pieces) -> Pieces:
    """The same pieces, the first of which comes when all have come."""
    yield from [bytes(piece) for piece in pieces]


@dataclass(frozen=True, slots=True)
class _Candidate:
    route: Route
    breaker: CircuitBreaker
    note_attempt: "_NoteOutcome"

    def note(self, *, failed: bool) -> None:
        """An attempt has ended; a backend that refused the order itself did not fail."""
        if failed:
            self.breaker.note_failure()
        else:
            self.breaker.note_success()
        self.note_attempt(failed=failed)


def _last_of(failures: Sequence[tuple[Route, ImagineArtError]]) -> ImagineArtError:
    """The last failure; its detail tells the log of every route that was asked."""
    _, last = failures[-1]
    last.detail = "; ".join(
        f"{route.name}: {error.detail or type(error).__name__}" for route, error in failures
    )
    return last

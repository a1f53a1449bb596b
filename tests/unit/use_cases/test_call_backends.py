"""A request goes to the first backend that can paint it, patiently, but never past its deadline."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from imagineart.domain.circuit_breaker import FAILURES_TO_OPEN, OPEN_SECONDS
from imagineart.domain.errors import (
    ImagineArtError,
    InternalError,
    InvalidRequestError,
    ModelAuthError,
    ModelError,
    ModelNotAvailableError,
    ModelTimeoutError,
    ModelUnavailableError,
    OrderRefusedError,
    RateLimitedError,
)
from imagineart.domain.images import PNG, ReferenceImage
from imagineart.domain.orders import EditOrder, GenerationOrder
from imagineart.domain.pieces import Pieces
from imagineart.domain.sizes import Size
from imagineart.domain.usage import Usage
from imagineart.use_cases.call_backends import (
    DEFAULT_RETRIES,
    MAX_PAUSE_SECONDS,
    CallBackends,
    Painting,
    Route,
)
from tests.fakes.clock import FakeClock
from tests.fakes.image_making import FakePictureFinisher
from tests.fakes.metrics import RecordedMetrics

SIZE = Size(64, 48)
ORDER = GenerationOrder("a fox", SIZE, seed=7, reasoning="low")
EDIT = EditOrder("at night", SIZE, seed=7, references=(ReferenceImage(b"photo", PNG, SIZE),))
UNAVAILABLE = ModelUnavailableError(detail="refused")
PERSISTENT = [
    ModelError(detail="500"),
    ModelAuthError(detail="401"),
    ModelNotAvailableError(detail="404"),
    ModelTimeoutError(deadline_seconds=3),
]


@dataclass
class ScriptedBackend:
    """An ImageBackend that plays failures, one a call, then pictures; each call takes `seconds`."""

    clock: FakeClock
    failures: Sequence[ImagineArtError] = ()
    seconds: float = 0.0
    pieces: tuple[bytes, ...] = (b"a ", b"picture")
    breaks_with: ImagineArtError | None = None
    has_seed: bool = True
    usage: Usage | None = None
    given_seconds: list[float] = field(default_factory=list)

    def generate(self, order: GenerationOrder, *, deadline_seconds: float) -> Pieces:
        yield from self._answer(deadline_seconds)

    def edit(self, order: EditOrder, *, deadline_seconds: float) -> Pieces:
        yield from self._answer(deadline_seconds)

    def _answer(self, deadline_seconds: float) -> Pieces:
        self.given_seconds.append(deadline_seconds)
        self.clock.advance(min(self.seconds, deadline_seconds))
        if len(self.given_seconds) <= len(self.failures):
            raise self.failures[len(self.given_seconds) - 1]
        if self.seconds > deadline_seconds:
            raise ModelTimeoutError(deadline_seconds=deadline_seconds)
        yield from self.pieces
        if self.breaks_with:
            raise self.breaks_with


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@dataclass
class Caller:
    """CallBackends over scripted backends, with pauses that pass at once on the fake clock."""

    clock: FakeClock
    routes: Sequence[Route]
    fraction: float = 0.0
    pauses: list[float] = field(default_factory=list)
    metrics: RecordedMetrics = field(default_factory=RecordedMetrics)

    def __post_init__(self) -> None:
        self.calls = CallBackends(
            self.routes,
            FakePictureFinisher(),
            random_fraction=lambda: self.fraction,
            note_attempt=self.metrics.note_attempt,
            clock=self.clock,
            sleep=self.pause,
        )

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.clock.advance(seconds)

    def generate(self, seconds: float = 60.0) -> Painting:
        return self.calls.generate(ORDER, deadline_seconds=seconds)


def failing(clock: FakeClock, failure: ImagineArtError) -> ScriptedBackend:
    return ScriptedBackend(clock, [failure] * 1000)


def test_the_first_route_serves_while_it_is_well(clock: FakeClock) -> None:
    first, second = ScriptedBackend(clock, seconds=4.0), ScriptedBackend(clock)
    painting = Caller(clock, [Route("gpu", first), Route("bedrock", second)]).generate()
    assert b"".join(painting.png) == b"a picture at 64x48"
    assert (painting.route.name, painting.seconds, second.given_seconds) == ("gpu", 4.0, [])


@pytest.mark.parametrize("failure", [*PERSISTENT, UNAVAILABLE], ids=lambda each: type(each).__name__)
def test_the_next_route_serves_where_the_first_cannot(clock: FakeClock, failure: ImagineArtError) -> None:
    routes = [Route("gpu", failing(clock, failure)), Route("bedrock", ScriptedBackend(clock))]
    painting = Caller(clock, routes).generate()
    assert painting.route.name == "bedrock"
    assert b"".join(painting.png) == b"a picture at 64x48"


def test_edits_fall_back_as_well(clock: FakeClock) -> None:
    routes = [Route("gpu", failing(clock, PERSISTENT[0])), Route("bedrock", ScriptedBackend(clock))]
    painting = Caller(clock, routes).calls.edit(EDIT, deadline_seconds=60)
    assert painting.route.name == "bedrock"


@pytest.mark.parametrize(
    "failure", [InvalidRequestError("prompt", "the model refused it."), InternalError(detail="no secret")]
)
def test_what_another_backend_cannot_mend_is_told_at_once(clock: FakeClock, failure: ImagineArtError) -> None:
    second = ScriptedBackend(clock)
    with pytest.raises(type(failure)) as caught:
        Caller(clock, [Route("gpu", failing(clock, failure)), Route("bedrock", second)]).generate()
    assert caught.value is failure
    assert second.given_seconds == []


def test_the_finisher_gets_ready_before_a_backend_is_asked(clock: FakeClock) -> None:
    finisher = FakePictureFinisher()
    ready_when_asked: list[bool] = []

    class BackendThatLooks(ScriptedBackend):
        def generate(self, order: GenerationOrder, *, deadline_seconds: float) -> Pieces:
            ready_when_asked.append(finisher.is_prepared)
            return super().generate(order, deadline_seconds=deadline_seconds)

    routes = [Route("gpu", BackendThatLooks(clock))]
    calls = CallBackends(
        routes,
        finisher,
        random_fraction=lambda: 0.0,
        note_attempt=RecordedMetrics().note_attempt,
        clock=clock,
    )
    calls.generate(ORDER, deadline_seconds=60)
    assert ready_when_asked == [True]


def test_a_garbage_picture_is_passed_over(clock: FakeClock) -> None:
    class FinisherThatLooks(FakePictureFinisher):
        def finish(self, answer: Pieces, size: Size) -> Pieces:
            first = next(answer)
            if first == b"garbage":
                raise ModelError(detail="unusable picture")
            yield first
            yield from super().finish(answer, size)

    routes = [
        Route("gpu", ScriptedBackend(clock, pieces=(b"garbage",))),
        Route("bedrock", ScriptedBackend(clock)),
    ]
    calls = CallBackends(
        routes,
        FinisherThatLooks(),
        random_fraction=lambda: 0.0,
        note_attempt=RecordedMetrics().note_attempt,
        clock=clock,
    )
    assert calls.generate(ORDER, deadline_seconds=60).route.name == "bedrock"


def test_where_all_fail_the_last_failure_is_told_and_the_log_learns_of_every_one(clock: FakeClock) -> None:
    last = ModelNotAvailableError(detail="404")
    routes = [Route("gpu", failing(clock, PERSISTENT[0])), Route("bedrock", failing(clock, last))]
    with pytest.raises(ModelNotAvailableError) as caught:
        Caller(clock, routes).generate()
    assert caught.value.detail == "gpu: 500; bedrock: 404"


def test_what_breaks_after_it_began_is_not_painted_again(clock: FakeClock) -> None:
    broken = ScriptedBackend(clock, breaks_with=ModelError(detail="cut"))
    second = ScriptedBackend(clock)
    painting = Caller(clock, [Route("gpu", broken), Route("bedrock", second)]).generate()
    with pytest.raises(ModelError):
        list(painting.png)
    assert (len(broken.given_seconds), second.given_seconds) == (1, [])


def test_a_whole_picture_that_breaks_off_is_painted_by_the_next_backend(clock: FakeClock) -> None:
    broken = ScriptedBackend(clock, breaks_with=ModelError(detail="cut"))
    caller = Caller(clock, [Route("gpu", broken), Route("bedrock", ScriptedBackend(clock))])
    for painting in (
        caller.calls.generate(ORDER, deadline_seconds=60, whole=True),
        caller.calls.edit(EDIT, deadline_seconds=60, whole=True),
    ):
        assert painting.route.name == "bedrock"
        assert b"".join(painting.png) == b"a picture at 64x48"


def test_a_backend_that_did_no_work_is_asked_again_after_growing_pauses(clock: FakeClock) -> None:
    backend = ScriptedBackend(clock, [UNAVAILABLE] * DEFAULT_RETRIES)
    caller = Caller(clock, [Route("gpu", backend)], fraction=0.5)
    assert caller.generate().route.name == "gpu"
    assert caller.pauses == [0.25, 0.5]


def test_a_backend_at_its_limit_is_asked_again_when_it_said(clock: FakeClock) -> None:
    limit = RateLimitedError("At its limit.", retry_after_seconds=int(MAX_PAUSE_SECONDS))
    caller = Caller(clock, [Route("gpu", ScriptedBackend(clock, [limit]))], fraction=1.0)
    caller.generate()
    assert caller.pauses == [MAX_PAUSE_SECONDS + 0.5]


@pytest.mark.parametrize("failure", PERSISTENT, ids=lambda each: type(each).__name__)
def test_a_backend_that_may_have_painted_is_never_asked_twice(
    clock: FakeClock, failure: ImagineArtError
) -> None:
    backend = ScriptedBackend(clock, [failure])
    with pytest.raises(type(failure)):
        Caller(clock, [Route("gpu", backend)]).generate()
    assert len(backend.given_seconds) == 1


def test_retries_end(clock: FakeClock) -> None:
    backend = failing(clock, UNAVAILABLE)
    with pytest.raises(ModelUnavailableError):
        Caller(clock, [Route("gpu", backend)]).generate()
    assert len(backend.given_seconds) == 1 + DEFAULT_RETRIES


def test_a_route_may_have_no_retries(clock: FakeClock) -> None:
    backend = failing(clock, UNAVAILABLE)
    caller = Caller(clock, [Route("gpu", backend, retries=0)])
    with pytest.raises(ModelUnavailableError):
        caller.generate()
    assert (len(backend.given_seconds), caller.pauses) == (1, [])


def test_a_long_pause_is_the_callers_to_make(clock: FakeClock) -> None:
    limit = RateLimitedError("At its limit.", retry_after_seconds=int(MAX_PAUSE_SECONDS) + 1)
    caller = Caller(clock, [Route("gpu", failing(clock, limit))])
    with pytest.raises(RateLimitedError):
        caller.generate()
    assert caller.pauses == []


def test_nobody_waits_longer_than_the_time_there_is(clock: FakeClock) -> None:
    limit = RateLimitedError("At its limit.", retry_after_seconds=4)
    first, second = failing(clock, limit), ScriptedBackend(clock)
    caller = Caller(clock, [Route("gpu", first), Route("bedrock", second)])
    assert caller.generate(seconds=4).route.name == "bedrock"
    assert (caller.pauses, second.given_seconds) == ([], [4])


def test_all_attempts_share_one_deadline(clock: FakeClock) -> None:
    first, second = ScriptedBackend(clock, [PERSISTENT[0]], seconds=15.0), ScriptedBackend(clock)
    Caller(clock, [Route("gpu", first), Route("bedrock", second)]).generate(seconds=40)
    assert (first.given_seconds, second.given_seconds) == ([20], [25])


def test_an_attempt_can_have_a_bound_of_its_own_so_that_time_is_left_for_the_next(clock: FakeClock) -> None:
    slow, second = ScriptedBackend(clock, seconds=1000.0), ScriptedBackend(clock)
    routes = [Route("gpu", slow, attempt_seconds=30.0), Route("bedrock", second)]
    painting = Caller(clock, routes).generate(seconds=100)
    assert (slow.given_seconds, second.given_seconds) == ([30.0], [70.0])
    assert (painting.route.name, painting.seconds) == ("bedrock", 30.0)


def test_without_a_bound_a_backend_that_never_answers_takes_no_more_than_its_share(clock: FakeClock) -> None:
    backends = [ScriptedBackend(clock, seconds=1000.0) for _ in range(3)]
    routes = [Route(f"gpu-{number}", each) for number, each in enumerate(backends)]
    with pytest.raises(ModelTimeoutError):
        Caller(clock, routes).generate(seconds=90)
    assert [each.given_seconds for each in backends] == [[30.0], [30.0], [30.0]]


def test_a_backend_that_cannot_be_asked_now_leaves_its_share_to_the_others(clock: FakeClock) -> None:
    refused, slow = failing(clock, PERSISTENT[0]), ScriptedBackend(clock, seconds=1000.0)
    with pytest.raises(ModelTimeoutError):
        Caller(clock, [Route("gpu", refused), Route("bedrock", slow)]).generate(seconds=90)
    assert slow.given_seconds == [90.0]


def test_a_backend_that_always_breaks_off_is_left_alone_as_well(clock: FakeClock) -> None:
    broken = ScriptedBackend(clock, breaks_with=ModelError(detail="cut"))
    caller = Caller(clock, [Route("gpu", broken), Route("bedrock", ScriptedBackend(clock))])
    for _ in range(FAILURES_TO_OPEN):
        with pytest.raises(ModelError):
            list(caller.generate().png)
    assert caller.generate().route.name == "bedrock"


def test_a_picture_that_nobody_wants_to_its_end_says_nothing_of_its_backend(clock: FakeClock) -> None:
    first = ScriptedBackend(clock, [PERSISTENT[0]] * (FAILURES_TO_OPEN - 1))
    caller = Caller(clock, [Route("gpu", first), Route("bedrock", ScriptedBackend(clock))])
    for _ in range(FAILURES_TO_OPEN - 1):
        caller.generate()
    caller.generate().png.close()
    first.failures = [*first.failures, PERSISTENT[0], PERSISTENT[0]]
    caller.generate()
    assert caller.generate().route.name == "bedrock"
    asked = len(first.given_seconds)
    caller.generate()
    assert len(first.given_seconds) == asked


def test_an_order_that_a_backend_does_not_take_goes_to_the_next_and_does_not_count_against_it(
    clock: FakeClock,
) -> None:
    first = ScriptedBackend(clock, [OrderRefusedError(detail="422")] * 20)
    caller = Caller(clock, [Route("gpu", first), Route("bedrock", ScriptedBackend(clock))])
    assert [caller.generate().route.name for _ in range(20)] == ["bedrock"] * 20
    assert len(first.given_seconds) == 20
    assert caller.generate().route.name == "gpu"


def test_many_failing_requests_share_a_budget_of_retries(clock: FakeClock) -> None:
    """Else every caller's retries would multiply the load on what is failing for too much of it."""
    limit = RateLimitedError("At its limit.", retry_after_seconds=1)
    backends = [failing(clock, limit) for _ in range(40)]
    caller = Caller(clock, [Route("gpu", backends[0])])
    for _ in range(40):
        clock.advance(OPEN_SECONDS + 1)
        with pytest.raises(RateLimitedError):
            caller.generate()
    asked = len(backends[0].given_seconds)
    assert 40 < asked <= 40 + 5 + 40 * 0.2


def test_a_backend_that_keeps_failing_is_left_alone_for_a_while(clock: FakeClock) -> None:
    failures = [PERSISTENT[0]] * FAILURES_TO_OPEN
    first, second = ScriptedBackend(clock, failures), ScriptedBackend(clock)
    caller = Caller(clock, [Route("gpu", first), Route("bedrock", second)])
    for _ in range(FAILURES_TO_OPEN + 3):
        assert caller.generate().route.name == "bedrock"
    assert len(first.given_seconds) == FAILURES_TO_OPEN
    clock.advance(OPEN_SECONDS)
    assert caller.generate().route.name == "gpu"


def test_one_that_still_fails_when_it_is_tried_again_is_left_alone_again(clock: FakeClock) -> None:
    first = failing(clock, PERSISTENT[0])
    caller = Caller(clock, [Route("gpu", first), Route("bedrock", ScriptedBackend(clock))])
    for _ in range(FAILURES_TO_OPEN):
        caller.generate()
    clock.advance(OPEN_SECONDS)
    for _ in range(5):
        caller.generate()
    assert len(first.given_seconds) == FAILURES_TO_OPEN + 1


def test_a_success_between_failures_keeps_a_backend_in_use(clock: FakeClock) -> None:
    one_short = [PERSISTENT[0]] * (FAILURES_TO_OPEN - 1)
    first = ScriptedBackend(clock, one_short)
    caller = Caller(clock, [Route("gpu", first), Route("bedrock", ScriptedBackend(clock))])
    for _ in one_short:
        caller.generate()
    assert b"".join(caller.generate().png) == b"a picture at 64x48"
    first.failures = [*first.failures, PERSISTENT[0], PERSISTENT[0], PERSISTENT[0]]
    assert [caller.generate().route.name for _ in range(3)] == ["bedrock", "bedrock", "gpu"]


def test_a_refused_prompt_does_not_count_against_a_backend(clock: FakeClock) -> None:
    refused = InvalidRequestError("prompt", "the model refused it.")
    first = ScriptedBackend(clock, [refused] * 20)
    caller = Caller(clock, [Route("gpu", first), Route("bedrock", ScriptedBackend(clock))])
    for _ in range(20):
        with pytest.raises(InvalidRequestError):
            caller.generate()
    assert caller.generate().route.name == "gpu"


def test_the_only_backend_is_asked_however_often_it_failed(clock: FakeClock) -> None:
    backend = ScriptedBackend(clock, [PERSISTENT[0]] * 12)
    caller = Caller(clock, [Route("gpu", backend)])
    for _ in range(12):
        with pytest.raises(ModelError):
            caller.generate()
    assert caller.generate().route.name == "gpu"


@pytest.mark.parametrize(("has_seed", "seed"), [(True, 7), (False, None)])
def test_a_picture_names_its_route_and_its_seed_only_where_there_is_one(
    clock: FakeClock, has_seed: bool, seed: int | None
) -> None:
    backend = ScriptedBackend(clock, has_seed=has_seed)
    picture = Caller(clock, [Route("gpu", backend)]).generate().deliver(ORDER, "text-to-image")
    assert (picture.seed, picture.backend, picture.model_id, picture.size) == (
        seed, "gpu", "text-to-image", SIZE,
    )  # fmt: skip


# What the operator learns


def test_every_attempt_is_noted_and_whether_it_failed(clock: FakeClock) -> None:
    routes = [Route("gpu", failing(clock, UNAVAILABLE), retries=1), Route("bedrock", ScriptedBackend(clock))]
    caller = Caller(clock, routes)
    list(caller.generate().png)
    assert caller.metrics.attempts == [("gpu", True), ("gpu", True), ("bedrock", False)]


def test_a_backend_that_refuses_the_prompt_did_not_fail(clock: FakeClock) -> None:
    caller = Caller(clock, [Route("gpu", failing(clock, InvalidRequestError("prompt", "refused.")))])
    with pytest.raises(InvalidRequestError):
        caller.generate()
    assert caller.metrics.attempts == [("gpu", False)]


def test_a_picture_that_breaks_off_is_a_failure_of_its_backend(clock: FakeClock) -> None:
    caller = Caller(clock, [Route("gpu", ScriptedBackend(clock, breaks_with=ModelError(detail="cut")))])
    with pytest.raises(ModelError):
        list(caller.generate().png)
    assert caller.metrics.attempts == [("gpu", True)]


def test_a_picture_that_nobody_wants_to_its_end_is_no_attempt(clock: FakeClock) -> None:
    caller = Caller(clock, [Route("gpu", ScriptedBackend(clock))])
    caller.generate().png.close()
    assert caller.metrics.attempts == []

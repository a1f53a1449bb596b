"""Each image comes from the first backend that can make it, with patience, but never past the deadline."""

import asyncio
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import pytest

from imagineart.backends.call_backends import MAX_AT_ONCE, Backends
from imagineart.backends.call_routes import MAX_PAUSE_SECONDS
from imagineart.backends.circuit_breaker import FAILURES_TO_OPEN, OPEN_SECONDS
from imagineart.backends.model import DEFAULT_RETRIES, BackendBusyError, Route
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
from imagineart.images import finish
from imagineart.images.kinds import WEBP
from imagineart.images.model import Image, ImageRequest, OutputFormat, TokenUsage
from imagineart.images.sizes import Size
from tests.fakes.image_making import Attempts, FakeImageBackend, fake_backends
from tests.fakes.virtual_time import run_in_virtual_time

SIZE = Size(64, 48)
REQUEST = ImageRequest("a fox", SIZE, seed=7)
SERIES = ImageRequest("a fox", SIZE, seed=7, count=4)
UNAVAILABLE = ModelUnavailableError(detail="refused")
FOREVER = 1000.0
FAILED = ModelError(detail="500")
PERSISTENT = [
    FAILED,
    ModelAuthError(detail="401"),
    ModelNotAvailableError(detail="404"),
    ModelTimeoutError(deadline_seconds=3),
    InternalError(detail="no secret"),
]


def backend(*failures: ImagineArtError, seconds: float = 0.0) -> FakeImageBackend:
    return FakeImageBackend(failures, seconds)


def failing(failure: ImagineArtError) -> FakeImageBackend:
    return FakeImageBackend([failure] * 1000)


def routes(**backends: FakeImageBackend) -> list[Route]:
    return [Route(name, each) for name, each in backends.items()]


async def generate(
    calls: Backends | Sequence[Route], request: ImageRequest = REQUEST, seconds: float = 60.0
) -> list[Image]:
    calls = calls if isinstance(calls, Backends) else fake_backends(calls)
    return await calls.generate(request, deadline_seconds=seconds)


async def route_of_next(calls: Backends) -> str:
    """The name of the route that makes the next image."""
    (image,) = await generate(calls)
    return image.backend


def run_one(calls: Backends | Sequence[Route], seconds: float = 60.0) -> Image:
    (image,) = run_in_virtual_time(generate(calls, seconds=seconds))
    return image


def test_the_first_route_serves_while_it_is_healthy() -> None:
    second = backend()
    image = run_one(routes(gpu=backend(seconds=4.0), bedrock=second))
    assert image == Image(b"image 7 at 64x48", SIZE, 7, "gpu", 4.0)
    assert second.requests == []


@pytest.mark.parametrize("failure", [*PERSISTENT, UNAVAILABLE], ids=lambda each: type(each).__name__)
def test_the_next_route_serves_where_the_first_fails(failure: ImagineArtError) -> None:
    assert run_one(routes(gpu=failing(failure), bedrock=backend())).backend == "bedrock"


def test_an_error_that_another_backend_cannot_change_is_raised_at_once() -> None:
    failure = InvalidRequestError("prompt", "the model refused it.")
    second = backend()
    with pytest.raises(type(failure)) as caught:
        run_one(routes(gpu=failing(failure), bedrock=second))
    assert caught.value is failure
    assert second.requests == []


def test_an_image_that_cannot_be_finished_is_made_by_the_next_backend() -> None:
    async def finish(content: bytes, *_: object) -> bytes:
        if content.startswith(b"garbage"):
            raise ModelError(detail="unusable image")
        return content

    attempts = Attempts()
    calls = Backends(
        routes(gpu=FakeImageBackend(content=b"garbage"), bedrock=backend()),
        random_fraction=lambda: 0.0,
        attempt_finished=attempts.finished,
        report_failure=attempts.report,
        finish=finish,
    )
    assert run_one(calls).backend == "bedrock"
    assert attempts.outcomes == [("gpu", True), ("bedrock", False)]


def test_where_all_fail_the_last_error_is_raised_and_names_every_route_in_the_log() -> None:
    with pytest.raises(ModelNotAvailableError) as caught:
        run_one(routes(gpu=failing(FAILED), bedrock=failing(ModelNotAvailableError(detail="404"))))
    assert caught.value.detail == "gpu: 500; bedrock: 404"


def test_an_image_is_finished_in_the_format_that_was_asked_for_and_says_so() -> None:
    request = replace(REQUEST, output_format=OutputFormat(WEBP, 70))
    (image,) = run_in_virtual_time(generate(routes(gpu=backend()), request))
    assert (image.content, image.kind) == (b"image 7 at 64x48 as WebP of 70", WEBP)


@pytest.mark.parametrize(("has_seed", "seed"), [(True, 7), (False, None)])
def test_an_image_has_a_seed_only_where_the_model_used_it_and_keeps_what_it_cost(
    has_seed: bool, seed: int | None
) -> None:
    usage = TokenUsage(1, 2, 3)
    image = run_one(routes(gpu=FakeImageBackend(has_seed=has_seed, usage=usage)))
    assert (image.seed, image.usage) == (seed, usage)


# Retries


def seconds_of(calls: Backends | Sequence[Route], seconds: float = 60.0) -> float:
    return run_one(calls, seconds).backend_seconds


def test_a_backend_that_did_no_work_is_retried_after_growing_pauses() -> None:
    calls = fake_backends(routes(gpu=backend(*[UNAVAILABLE] * DEFAULT_RETRIES)), random_fraction=0.5)
    assert seconds_of(calls) == pytest.approx(0.25 + 0.5)


@pytest.mark.parametrize(
    "limit",
    [
        RateLimitedError("At its limit.", retry_after_seconds=int(MAX_PAUSE_SECONDS)),
        BackendBusyError("Overloaded.", retry_after_seconds=int(MAX_PAUSE_SECONDS)),
    ],
    ids=["429", "503"],
)
def test_a_backend_that_says_when_to_come_back_is_retried_then(limit: ImagineArtError) -> None:
    calls = fake_backends(routes(gpu=backend(limit)), random_fraction=1.0)
    assert seconds_of(calls) == pytest.approx(MAX_PAUSE_SECONDS + 0.5)


@pytest.mark.parametrize("failure", PERSISTENT, ids=lambda each: type(each).__name__)
def test_a_backend_that_may_have_made_an_image_is_never_retried(failure: ImagineArtError) -> None:
    gpu = backend(failure)
    with pytest.raises(type(failure)):
        run_one(routes(gpu=gpu))
    assert len(gpu.requests) == 1


@pytest.mark.parametrize("retries", [0, DEFAULT_RETRIES])
def test_a_route_says_how_often_it_is_retried(retries: int) -> None:
    gpu = failing(UNAVAILABLE)
    with pytest.raises(ModelUnavailableError):
        run_one([Route("gpu", gpu, retries=retries)])
    assert len(gpu.requests) == 1 + retries


def test_a_pause_that_is_too_long_is_left_to_the_caller() -> None:
    gpu = failing(RateLimitedError("At its limit.", retry_after_seconds=int(MAX_PAUSE_SECONDS) + 1))
    with pytest.raises(RateLimitedError):
        run_one(routes(gpu=gpu))
    assert len(gpu.requests) == 1


def test_no_pause_is_longer_than_the_time_that_is_left() -> None:
    first = failing(RateLimitedError("At its limit.", retry_after_seconds=4))
    image = run_one(routes(gpu=first, bedrock=backend()), seconds=4)
    assert (image.backend, image.backend_seconds, len(first.requests)) == ("bedrock", 0.0, 1)


def test_many_failing_requests_share_a_budget_of_retries() -> None:
    """Otherwise the retries of all callers would multiply the load on a backend that fails for overload."""

    class OverloadedAtFirst(FakeImageBackend):
        async def generate(self, request: ImageRequest):
            is_first_call = all(request.seed != each.seed for each in self.requests)
            generated = await super().generate(request)
            if is_first_call:
                raise UNAVAILABLE
            return generated

    async def send_forty(gpu: FakeImageBackend) -> None:
        calls = fake_backends(routes(gpu=gpu))
        for seed in range(1, 41):
            with suppress(ModelUnavailableError):
                await generate(calls, ImageRequest("a fox", SIZE, seed))
            await asyncio.sleep(OPEN_SECONDS)

    gpu = OverloadedAtFirst()
    run_in_virtual_time(send_forty(gpu))
    assert 40 + 5 <= len(gpu.requests) <= 40 + 5 + 40 * 0.2


# The deadline


def test_all_attempts_share_one_deadline() -> None:
    first, second = backend(FAILED, seconds=15.0), backend(seconds=FOREVER)
    with pytest.raises(ModelTimeoutError, match="25 seconds"):
        run_one(routes(gpu=first, bedrock=second), seconds=40)
    assert second.given_seconds == [pytest.approx(25)]


def test_an_attempt_can_have_a_bound_of_its_own_so_that_time_is_left_for_the_next() -> None:
    slow, second = backend(seconds=FOREVER), backend(seconds=60.0)
    image = run_one([Route("gpu", slow, attempt_seconds=30.0), Route("bedrock", second)], seconds=100)
    assert slow.given_seconds == [pytest.approx(30)]
    assert (image.backend, image.backend_seconds) == ("bedrock", pytest.approx(90))


def test_without_a_bound_a_backend_that_hangs_takes_no_more_than_its_share() -> None:
    hanging = [backend(seconds=FOREVER) for _ in range(3)]
    with pytest.raises(ModelTimeoutError):
        run_one([Route(f"gpu-{number}", each) for number, each in enumerate(hanging)], seconds=90)
    assert [each.given_seconds for each in hanging] == [[pytest.approx(30)]] * 3


def test_a_time_out_of_other_code_is_not_taken_for_the_deadline() -> None:
    with pytest.raises(TimeoutError):
        run_one(routes(gpu=FakeImageBackend([TimeoutError("a bug")])))


# Backends that keep failing


def test_a_backend_that_keeps_failing_is_left_alone_for_a_while() -> None:
    first = backend(*[FAILED] * FAILURES_TO_OPEN)

    async def scenario() -> None:
        calls = fake_backends(routes(gpu=first, bedrock=backend()))
        for _ in range(FAILURES_TO_OPEN + 3):
            assert await route_of_next(calls) == "bedrock"
        assert len(first.requests) == FAILURES_TO_OPEN
        await asyncio.sleep(OPEN_SECONDS)
        assert await route_of_next(calls) == "gpu"

    run_in_virtual_time(scenario())


def test_a_backend_that_still_fails_when_it_is_tried_again_is_left_alone_again() -> None:
    first = failing(FAILED)

    async def scenario() -> None:
        calls = fake_backends(routes(gpu=first, bedrock=backend()))
        for _ in range(FAILURES_TO_OPEN):
            await route_of_next(calls)
        await asyncio.sleep(OPEN_SECONDS)
        for _ in range(5):
            await route_of_next(calls)

    run_in_virtual_time(scenario())
    assert len(first.requests) == FAILURES_TO_OPEN + 1


@pytest.mark.parametrize(
    ("between", "served_by"),
    [
        ([], "bedrock"),
        ([InvalidRequestError("prompt", "the model refused it.")], "gpu"),
        ([RequestRefusedError(detail="no image")], "gpu"),
    ],
    ids=["nothing", "a refused prompt", "a refused request"],
)
def test_a_response_between_failures_even_a_refusal_keeps_a_backend_in_use(
    between: list[ImagineArtError], served_by: str
) -> None:
    failures = [*[FAILED] * (FAILURES_TO_OPEN - 1), *between, FAILED]

    async def scenario() -> None:
        calls = fake_backends(routes(gpu=backend(*failures), bedrock=backend()))
        for _ in failures:
            try:
                await route_of_next(calls)
            except InvalidRequestError:
                assert between
        assert await route_of_next(calls) == served_by

    run_in_virtual_time(scenario())


def test_the_only_backend_is_called_however_often_it_failed() -> None:
    async def scenario() -> None:
        calls = fake_backends(routes(gpu=backend(*[FAILED] * 12)))
        for _ in range(12):
            with pytest.raises(ModelError):
                await generate(calls)
        assert await route_of_next(calls) == "gpu"

    run_in_virtual_time(scenario())


# Series


def test_the_images_of_a_series_are_made_at_the_same_time_and_come_in_the_order_of_their_seeds() -> None:
    gpu = FakeImageBackend(seconds=2.0)
    images = run_in_virtual_time(generate(routes(gpu=gpu), SERIES))
    assert [image.seed for image in images] == [7, 8, 9, 10]
    assert [image.content for image in images] == [b"image %d at 64x48" % seed for seed in (7, 8, 9, 10)]
    assert max(image.backend_seconds for image in images) == pytest.approx(2.0)


def test_no_more_than_four_images_are_made_at_the_same_time() -> None:
    gpu = FakeImageBackend(seconds=2.0)
    images = run_in_virtual_time(generate(routes(gpu=gpu), ImageRequest("a fox", SIZE, seed=1, count=10)))
    assert (len(images), gpu.most_running) == (10, MAX_AT_ONCE)


def test_when_one_image_fails_the_others_are_cancelled_and_counted_against_no_backend() -> None:
    class OneFails(FakeImageBackend):
        async def generate(self, request: ImageRequest):
            if request.seed == 9:
                await asyncio.sleep(1.0)
                raise FAILED
            return await super().generate(request)

    attempts = Attempts()
    gpu = OneFails(seconds=30.0)
    with pytest.raises(ModelError) as caught:
        run_in_virtual_time(generate(fake_backends(routes(gpu=gpu), attempts=attempts), SERIES))
    assert caught.value is FAILED
    assert gpu.given_seconds == [pytest.approx(1.0)] * 3
    assert (gpu.running, attempts.outcomes) == (0, [("gpu", True)])


def test_a_caller_that_gives_up_cancels_its_images_and_harms_no_backend() -> None:
    attempts = Attempts()
    gpu = backend(seconds=30.0)

    async def give_up() -> None:
        async with asyncio.timeout(1.0):
            await generate(fake_backends(routes(gpu=gpu), attempts=attempts), SERIES)

    with pytest.raises(TimeoutError):
        run_in_virtual_time(give_up())
    assert (gpu.running, attempts.outcomes) == (0, [])


# What the operator learns


def test_every_attempt_is_counted_and_every_failure_reported_even_where_another_backend_serves() -> None:
    attempts = Attempts()
    calls = fake_backends(
        [Route("gpu", failing(UNAVAILABLE), retries=1), Route("bedrock", backend())], attempts=attempts
    )
    run_one(calls)
    assert attempts.outcomes == [("gpu", True), ("gpu", True), ("bedrock", False)]
    assert attempts.failures == [("gpu", UNAVAILABLE), ("gpu", UNAVAILABLE)]
    assert attempts.refusals == []


@pytest.mark.parametrize("failure", [ModelAuthError(), ModelNotAvailableError()], ids=lambda each: each.code)
def test_a_failure_that_only_the_operator_can_end_is_told_apart(failure: ImagineArtError) -> None:
    attempts = Attempts()
    assert run_one(fake_backends(routes(gpu=failing(failure), bedrock=backend()), attempts=attempts))
    assert (attempts.refusals, attempts.outcomes[0]) == (["gpu"], ("gpu", True))


@pytest.mark.parametrize(
    ("refusal", "is_reported"),
    [(InvalidRequestError("prompt", "refused."), False), (RequestRefusedError(detail="no image"), True)],
    ids=["prompt", "request"],
)
def test_a_backend_that_refuses_the_request_did_not_fail(refusal: ImagineArtError, is_reported: bool) -> None:
    attempts = Attempts()
    with pytest.raises(type(refusal)):
        run_one(fake_backends(routes(gpu=failing(refusal)), attempts=attempts))
    assert attempts.outcomes == [("gpu", False)]
    assert attempts.failures == ([("gpu", refusal)] if is_reported else [])


def test_a_backend_that_runs_into_the_deadline_failed() -> None:
    attempts = Attempts()
    with pytest.raises(ModelTimeoutError):
        run_one(fake_backends(routes(gpu=backend(seconds=FOREVER)), attempts=attempts))
    assert attempts.outcomes == [("gpu", True)]


def test_one_thread_converts_all_images(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: set[int] = set()
    all_wait = threading.Event()

    def convert(content: bytes, *_: object) -> bytes:
        all_wait.wait()
        threads.add(threading.get_ident())
        return content

    async def finish_several() -> list[bytes]:
        tasks = [asyncio.create_task(finish.finish_image(b"%d" % each, REQUEST)) for each in range(4)]
        await asyncio.sleep(0)
        all_wait.set()
        return await asyncio.gather(*tasks)

    monkeypatch.setattr(finish, "_converted", convert)
    assert asyncio.run(finish_several()) == [b"0", b"1", b"2", b"3"]
    assert len(threads) == 1
    assert threads != {threading.get_ident()}

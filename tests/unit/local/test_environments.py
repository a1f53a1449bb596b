"""Environments as Lambda's: one invocation at a time, state kept in between, bounded in number."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from local.environments import (
    FunctionCrashError,
    FunctionFleet,
    FunctionTimeoutError,
    IntegrationTimeoutError,
    TooManyEnvironmentsError,
)
from local.proxy_events import BodyStream
from local.template import Function

AMPLE_SECONDS = 600
# The handler does what its event asks for, and counts.
SOURCE = """
import asyncio, os, threading
from lambda_response_streaming import StreamedResponse
invocations, setting, loop = 0, os.environ.get("A_SETTING"), asyncio.new_event_loop()
asyncio.set_event_loop(loop)

def handler(event, context):
    global invocations
    invocations += 1
    if "body" in event:
        return StreamedResponse(200, {}, event["body"]())
    if "gate" in event:
        event["arrived"].release()
        event["gate"].wait()
    if "failure" in event:
        raise event["failure"]
    assert asyncio.get_event_loop() is loop
    return invocations, threading.get_ident(), setting, context.get_remaining_time_in_millis()
"""

NewFleet = Callable[..., FunctionFleet]


@pytest.fixture
def new_fleet(tmp_path: Path) -> Iterator[NewFleet]:
    """Builds fleets of one environment at most, unless more are asked for."""
    fleets = []

    def build(*, timeout_seconds: int = AMPLE_SECONDS, most: int = 1, **options: Any) -> FunctionFleet:
        (tmp_path / "room.py").write_text(SOURCE)
        function = Function("Draw", tmp_path, "room.handler", timeout_seconds, 256, {})
        variables = {"A_SETTING": "the function's"}
        fleets.append(FunctionFleet(function, variables, max_environments=most, **options))
        return fleets[-1]

    yield build
    for fleet in fleets:
        fleet.close()


@pytest.fixture
def held() -> Iterator[dict[str, Any]]:
    """An event whose handler waits until the test ends or opens the gate."""
    event = {"arrived": threading.Semaphore(0), "gate": threading.Event()}
    yield event
    event["gate"].set()


def invoke(fleet: FunctionFleet, wait_seconds: float = AMPLE_SECONDS, **event: Any) -> Any:
    return fleet.invoke(event, wait_seconds=wait_seconds)


def count(fleet: FunctionFleet) -> int:
    """How many invocations its environment has had."""
    return invoke(fleet)[0]


def stream(fleet: FunctionFleet, *pieces: bytes | BaseException, done: list[int] | None = None) -> BodyStream:
    def body() -> Iterator[bytes]:
        for piece in pieces:
            if isinstance(piece, BaseException):
                raise piece
            yield piece
        (done if done is not None else []).append(threading.get_ident())

    return invoke(fleet, body=body)


def test_an_idle_environment_is_used_again_in_its_thread_with_its_event_loop(new_fleet: NewFleet) -> None:
    fleet = new_fleet()
    (first, thread, setting, remaining), (second, same_thread, _, _) = invoke(fleet), invoke(fleet)
    assert (first, second) == (1, 2)
    assert thread == same_thread != threading.get_ident()
    assert (setting, os.environ.get("A_SETTING")) == ("the function's", None)
    assert 0 < remaining <= AMPLE_SECONDS * 1000


def test_invocations_at_the_same_time_have_environments_of_their_own(
    new_fleet: NewFleet, held: dict[str, Any]
) -> None:
    cold_starts: list[str] = []
    fleet = new_fleet(on_cold_start=cold_starts.append, most=3)
    with ThreadPoolExecutor(3) as callers:
        calls = [callers.submit(invoke, fleet, **held) for _ in range(3)]
        for _ in calls:
            held["arrived"].acquire()
        with pytest.raises(TooManyEnvironmentsError):
            invoke(fleet)
        held["gate"].set()
        assert [call.result()[0] for call in calls] == [1, 1, 1]
    assert cold_starts == ["Draw"] * 3


@pytest.mark.parametrize("failure", [ValueError("no"), TimeoutError(), SystemExit(1)])
def test_after_a_crash_another_environment_starts(new_fleet: NewFleet, failure: BaseException) -> None:
    fleet = new_fleet()
    with pytest.raises(FunctionCrashError):
        invoke(fleet, failure=failure)
    assert count(fleet) == 1


@pytest.mark.parametrize(
    ("timeout_seconds", "wait_seconds", "error"),
    [(0, AMPLE_SECONDS, FunctionTimeoutError), (AMPLE_SECONDS, 0, IntegrationTimeoutError)],
)
def test_the_shorter_timeout_ends_an_invocation_and_its_environment(
    new_fleet: NewFleet,
    held: dict[str, Any],
    timeout_seconds: int,
    wait_seconds: float,
    error: type[Exception],
) -> None:
    fleet = new_fleet(timeout_seconds=timeout_seconds)
    for _ in range(2):
        with pytest.raises(error):
            invoke(fleet, wait_seconds, **held)


def test_a_stream_comes_piece_by_piece_from_its_environment(new_fleet: NewFleet) -> None:
    fleet, done = new_fleet(), list[int]()
    thread = invoke(fleet)[1]
    begun, *rest = stream(fleet, b"one", b"", b"two", b"three", done=done)
    assert begun.endswith(b"\0" * 8 + b"one")
    assert rest == [b"two", b"three"]
    assert done == [thread]


def test_a_stream_that_nobody_reads_keeps_its_environment_busy_and_runs_to_its_end(
    new_fleet: NewFleet,
) -> None:
    fleet, done = new_fleet(), list[int]()
    unread = stream(fleet, *[b"piece"] * 100, done=done)
    with pytest.raises(TooManyEnvironmentsError):
        invoke(fleet)
    unread.close()
    assert count(fleet) == 2
    assert len(done) == 1


@pytest.mark.parametrize(("failure", "invocations"), [(TimeoutError("midway"), 2), (SystemExit(1), 1)])
def test_a_failure_breaks_the_stream_off(
    new_fleet: NewFleet, failure: BaseException, invocations: int
) -> None:
    fleet = new_fleet()
    pieces = stream(fleet, b"one", failure)
    assert next(pieces).endswith(b"one")
    with pytest.raises(FunctionCrashError):
        next(pieces)
    assert list(pieces) == []
    assert count(fleet) == invocations, "an exit ends the environment, an error does not"
    with pytest.raises(FunctionCrashError):
        stream(fleet, ValueError("before the first piece"))

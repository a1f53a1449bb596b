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
# The handler does what its event asks for, and remembers.
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
    return {"invocations": invocations, "setting": setting, "thread": threading.get_ident(),
            "remaining": context.get_remaining_time_in_millis(), "loop": asyncio.get_event_loop() is loop}
"""

NewFleet = Callable[..., FunctionFleet]


@pytest.fixture
def new_fleet(tmp_path: Path) -> Iterator[NewFleet]:
    fleets = []

    def build(source: str = SOURCE, *, timeout_seconds: int = AMPLE_SECONDS, **options: Any) -> FunctionFleet:
        (tmp_path / "room.py").write_text(source)
        function = Function("Draw", tmp_path, "room.handler", timeout_seconds, 256, {})
        fleets.append(FunctionFleet(function, {"A_SETTING": "the function's"}, **options))
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


def test_an_idle_environment_is_used_again_in_its_thread_with_its_event_loop(new_fleet: NewFleet) -> None:
    fleet = new_fleet()
    first, second = invoke(fleet), invoke(fleet)
    assert (first["invocations"], second["invocations"]) == (1, 2)
    assert first["thread"] == second["thread"] != threading.get_ident()
    assert second["loop"]
    assert 0 < second["remaining"] <= AMPLE_SECONDS * 1000


def test_invocations_at_the_same_time_have_environments_of_their_own(
    new_fleet: NewFleet, held: dict[str, Any]
) -> None:
    cold_starts: list[str] = []
    fleet = new_fleet(on_cold_start=cold_starts.append, max_environments=3)
    with ThreadPoolExecutor(3) as callers:
        calls = [callers.submit(invoke, fleet, **held) for _ in range(3)]
        for _ in calls:
            held["arrived"].acquire()
        with pytest.raises(TooManyEnvironmentsError):
            invoke(fleet)
        held["gate"].set()
        assert [call.result()["invocations"] for call in calls] == [1, 1, 1]
    assert cold_starts == ["Draw"] * 3


def test_variables_are_set_while_the_module_starts_and_not_in_this_process(new_fleet: NewFleet) -> None:
    assert invoke(new_fleet())["setting"] == "the function's"
    assert "A_SETTING" not in os.environ


@pytest.mark.parametrize("failure", [ValueError("no"), TimeoutError(), SystemExit(1)])
def test_after_a_crash_another_environment_starts(new_fleet: NewFleet, failure: BaseException) -> None:
    fleet = new_fleet(max_environments=1)
    with pytest.raises(FunctionCrashError):
        invoke(fleet, failure=failure)
    assert invoke(fleet)["invocations"] == 1


def test_a_module_that_does_not_start_is_a_crash(new_fleet: NewFleet) -> None:
    with pytest.raises(FunctionCrashError, match="TABLE is not set"):
        invoke(new_fleet("raise LookupError('TABLE is not set')"))


@pytest.mark.parametrize(
    ("timeout_seconds", "wait_seconds", "error"),
    [(0, AMPLE_SECONDS, FunctionTimeoutError), (AMPLE_SECONDS, 0, IntegrationTimeoutError)],
)
def test_the_shorter_of_two_timeouts_ends_an_invocation(
    new_fleet: NewFleet,
    held: dict[str, Any],
    timeout_seconds: int,
    wait_seconds: float,
    error: type[Exception],
) -> None:
    fleet = new_fleet(timeout_seconds=timeout_seconds, max_environments=1)
    for _ in range(2):
        with pytest.raises(error):
            invoke(fleet, wait_seconds, **held)


# Streams


def stream(fleet: FunctionFleet, *pieces: bytes | BaseException, done: list[int] | None = None) -> BodyStream:
    def body() -> Iterator[bytes]:
        for piece in pieces:
            if isinstance(piece, BaseException):
                raise piece
            yield piece
        (done if done is not None else []).append(threading.get_ident())

    return invoke(fleet, body=body)


def test_a_stream_comes_piece_by_piece_from_its_environment_which_is_busy_meanwhile(
    new_fleet: NewFleet,
) -> None:
    fleet, done = new_fleet(max_environments=1), list[int]()
    thread = invoke(fleet)["thread"]
    begun, *rest = stream(fleet, b"one", b"", b"two", b"three", done=done)
    assert begun.endswith(b"\0" * 8 + b"one")
    assert rest == [b"two", b"three"]
    assert done == [thread]
    unread = stream(fleet, b"one", b"two")
    with pytest.raises(TooManyEnvironmentsError):
        invoke(fleet)
    unread.close()


def test_a_stream_that_nobody_reads_runs_to_its_end_and_its_environment_is_used_again(
    new_fleet: NewFleet,
) -> None:
    fleet, done = new_fleet(max_environments=1), list[int]()
    stream(fleet, *[b"piece"] * 100, done=done).close()
    assert invoke(fleet)["invocations"] == 2
    assert len(done) == 1


def test_a_failure_before_the_first_piece_is_a_failed_invocation(new_fleet: NewFleet) -> None:
    with pytest.raises(FunctionCrashError, match="at once"):
        stream(new_fleet(), ValueError("at once"))


@pytest.mark.parametrize(("failure", "invocations"), [(TimeoutError("midway"), 2), (SystemExit(1), 1)])
def test_a_failure_midway_breaks_the_stream_off(
    new_fleet: NewFleet, failure: BaseException, invocations: int
) -> None:
    fleet = new_fleet(max_environments=1)
    pieces = stream(fleet, b"one", failure)
    assert next(pieces).endswith(b"one")
    with pytest.raises(FunctionCrashError):
        next(pieces)
    assert list(pieces) == []
    assert invoke(fleet)["invocations"] == invocations, "an exit ends the environment, an error does not"

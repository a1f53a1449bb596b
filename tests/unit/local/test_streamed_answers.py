"""The body of a streaming function, piece by piece from its environment."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lambda_response_streaming.response import StartedStream, StreamedResponse
from local.environments import (
    FunctionCrashError,
    FunctionFleet,
    FunctionTimeoutError,
    StreamedAnswer,
    TooManyEnvironmentsError,
)
from local.template import Function

PATIENT = 30.0
# The handler streams what its event's generator function yields and says which thread it runs in.
STREAMING = """
import threading
from lambda_response_streaming import StreamedResponse
invocations = 0

def handler(event, context):
    global invocations
    invocations += 1
    event["handled_by"] = threading.get_ident()
    return StreamedResponse(200, {"X-Invocation": [str(invocations)]}, event["body"](event))
"""

Body = Callable[[dict[str, Any]], Iterator[bytes]]


@pytest.fixture
def new_fleet(tmp_path: Path) -> Iterator[Callable[..., FunctionFleet]]:
    """Builds fleets of one environment at most."""
    (tmp_path / "room.py").write_text(STREAMING)
    fleets = []

    def build(**options: Any) -> FunctionFleet:
        function = Function("Paint", tmp_path, "room.handler", int(PATIENT), 256, {})
        fleets.append(FunctionFleet(function, {}, max_environments=1, **options))
        return fleets[-1]

    yield build
    for fleet in fleets:
        fleet.close()


@pytest.fixture
def fleet(new_fleet: Callable[..., FunctionFleet]) -> FunctionFleet:
    return new_fleet()


def stream(fleet: FunctionFleet, body: Body, **event: Any) -> StreamedAnswer:
    answer = fleet.invoke({"body": body, **event}, wait_seconds=PATIENT)
    assert isinstance(answer, StreamedAnswer)
    return answer


def invocation_of(prelude: bytes) -> int:
    """The how-manyeth invocation of its environment an answer is of."""
    return int(prelude.partition(b'"X-Invocation": "')[2].partition(b'"')[0])


def two_pieces(_: dict[str, Any]) -> Iterator[bytes]:
    yield b"one"
    yield b"two"


def fail_at_once(_: dict[str, Any]) -> Iterator[bytes]:
    raise ValueError("no first piece")
    yield b""


def test_the_prelude_comes_first_and_then_every_piece(fleet: FunctionFleet) -> None:
    prelude, *body = stream(fleet, two_pieces)
    assert prelude.endswith(b"\0" * 8)
    assert body == [b"one", b"two"]


def test_an_answer_without_a_body_is_its_prelude(fleet: FunctionFleet) -> None:
    pieces = list(stream(fleet, lambda _: iter([])))
    assert [piece[-8:] for piece in pieces] == [b"\0" * 8]


def test_the_body_is_produced_in_the_environments_own_thread(fleet: FunctionFleet) -> None:
    produced_by: list[int] = []

    def tell_threads(_: dict[str, Any]) -> Iterator[bytes]:
        for piece in (b"one", b"two"):
            produced_by.append(threading.get_ident())
            yield piece
        produced_by.append(threading.get_ident())

    event: dict[str, Any] = {"body": tell_threads}
    list(fleet.invoke(event, wait_seconds=PATIENT))
    assert produced_by == [event["handled_by"]] * 3
    assert event["handled_by"] != threading.get_ident()


def test_pieces_are_produced_when_they_are_asked_for(fleet: FunctionFleet) -> None:
    produced: list[int] = []

    def count(_: dict[str, Any]) -> Iterator[bytes]:
        for number in range(5):
            produced.append(number)
            yield b"%d" % number

    answer = stream(fleet, count)
    assert [next(answer)[-8:], next(answer), next(answer)] == [b"\0" * 8, b"0", b"1"]
    assert produced == [0, 1]
    answer.close()


def test_a_failure_before_the_first_piece_is_a_crash_of_the_invocation(fleet: FunctionFleet) -> None:
    with pytest.raises(FunctionCrashError, match="no first piece"):
        stream(fleet, fail_at_once)
    assert invocation_of(next(stream(fleet, two_pieces))) == 1, "a fresh environment was started"


@pytest.mark.parametrize("failure", [ValueError("midway"), TimeoutError("midway")])
def test_a_failure_later_breaks_the_answer_off(fleet: FunctionFleet, failure: Exception) -> None:
    def fail_midway(_: dict[str, Any]) -> Iterator[bytes]:
        yield b"one"
        raise failure

    answer = stream(fleet, fail_midway)
    next(answer)
    assert next(answer) == b"one"
    with pytest.raises(FunctionCrashError, match="midway"):
        next(answer)
    assert list(answer) == []
    assert list(stream(fleet, two_pieces))[1:] == [b"one", b"two"], "the environment may be used again"


def test_an_environment_is_busy_until_its_answer_has_ended(fleet: FunctionFleet) -> None:
    answer = stream(fleet, two_pieces)
    with pytest.raises(TooManyEnvironmentsError):
        stream(fleet, two_pieces)
    list(answer)
    assert invocation_of(next(stream(fleet, two_pieces))) == 2


def test_after_an_early_close_the_function_runs_to_its_end(fleet: FunctionFleet) -> None:
    ended = threading.Event()

    def note_the_end(_: dict[str, Any]) -> Iterator[bytes]:
        yield from [b"piece"] * 100
        ended.set()

    answer = stream(fleet, note_the_end)
    next(answer)
    answer.close()
    answer.close()
    assert list(answer) == []
    assert ended.wait(PATIENT)


def test_after_an_early_close_the_environment_is_used_again_once(
    new_fleet: Callable[..., FunctionFleet],
) -> None:
    cold_starts: list[str] = []
    fleet = new_fleet(on_cold_start=cold_starts.append)
    for number in range(1, 4):
        answer = stream(fleet, two_pieces)
        assert invocation_of(next(answer)) == number
        answer.close()
        answer.close()
    held = stream(fleet, two_pieces)
    with pytest.raises(TooManyEnvironmentsError):
        stream(fleet, two_pieces)
    held.close()
    assert cold_starts == ["Paint"]


def test_a_failure_that_nobody_reads_harms_nothing(fleet: FunctionFleet) -> None:
    def fail_unread(_: dict[str, Any]) -> Iterator[bytes]:
        yield b"one"
        raise ValueError("unread")

    stream(fleet, fail_unread).close()
    assert list(stream(fleet, two_pieces))[1:] == [b"one", b"two"]


def test_a_body_that_ends_its_process_ends_the_environment(fleet: FunctionFleet) -> None:
    def exit_midway(_: dict[str, Any]) -> Iterator[bytes]:
        yield b"one"
        raise SystemExit(1)

    answer = stream(fleet, exit_midway)
    with pytest.raises(FunctionCrashError):
        list(answer)
    assert invocation_of(next(stream(fleet, two_pieces))) == 1


def test_the_functions_timeout_ends_an_answer_midway() -> None:
    may_end = threading.Event()

    def hang_midway() -> Iterator[bytes]:
        yield b"one"
        may_end.wait(PATIENT)

    told: list[bool] = []
    with ThreadPoolExecutor(1) as thread:
        begun = StartedStream(StreamedResponse(200, {}, hang_midway()))
        answer = StreamedAnswer(begun, thread, ends_at=time.monotonic() + PATIENT)
        answer.on_end = told.append
        assert [next(answer)[-8:], next(answer)] == [b"\0" * 8, b"one"]
        late = StreamedAnswer(begun, thread, ends_at=time.monotonic())
        late.on_end = told.append
        with pytest.raises(FunctionTimeoutError):
            next(late)
        assert list(late) == []
        may_end.set()
    assert told == [False], "the environment is told once, and not to be used again"

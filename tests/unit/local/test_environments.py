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
from local.template import Function

PATIENT = 30.0
COUNTING = """
import os
invocations = 0
setting = os.environ.get("LOCAL_TEST_SETTING")

def handler(event, context):
    global invocations
    invocations += 1
    return {"invocations": invocations, "setting": setting, "later": os.environ.get("LOCAL_TEST_SETTING")}
"""
WAITING = """
def handler(event, context):
    event["arrived"].release()
    event["may_end"].wait()
    return id(handler)
"""

NewFleet = Callable[..., FunctionFleet]


@pytest.fixture
def new_fleet(tmp_path: Path) -> Iterator[NewFleet]:
    fleets = []

    def build(source: str, *, timeout_seconds: float = PATIENT, **options: Any) -> FunctionFleet:
        (tmp_path / "room.py").write_text(source)
        function = Function("Paint", tmp_path, "room.handler", timeout_seconds, 256, {})  # type: ignore[arg-type]
        fleets.append(FunctionFleet(function, options.pop("variables", {}), **options))
        return fleets[-1]

    yield build
    for fleet in fleets:
        fleet.close()


@pytest.fixture
def gate() -> Iterator[dict[str, Any]]:
    """An event of a handler that waits: who arrived, and whether it may end; it ends with the test."""
    gate = {"arrived": threading.Semaphore(0), "may_end": threading.Event()}
    yield gate
    gate["may_end"].set()


def invoke(fleet: FunctionFleet, event: dict[str, Any], wait_seconds: float = PATIENT) -> Any:
    return fleet.invoke(event, wait_seconds=wait_seconds)


def test_an_idle_environment_is_used_again_with_its_state(new_fleet: NewFleet) -> None:
    cold_starts: list[str] = []
    fleet = new_fleet(COUNTING, on_cold_start=cold_starts.append)
    assert [invoke(fleet, {})["invocations"] for _ in range(3)] == [1, 2, 3]
    assert cold_starts == ["Paint"]


def test_an_environment_serves_one_invocation_at_a_time(new_fleet: NewFleet, gate: dict[str, Any]) -> None:
    cold_starts: list[str] = []
    fleet = new_fleet(WAITING, on_cold_start=cold_starts.append)
    with ThreadPoolExecutor(3) as callers:
        answers = [callers.submit(invoke, fleet, gate) for _ in range(3)]
        for _ in range(3):
            assert gate["arrived"].acquire(timeout=PATIENT)
        gate["may_end"].set()
        handlers = {answer.result() for answer in answers}
    assert len(handlers) == 3
    assert cold_starts == ["Paint"] * 3


def test_environments_are_bounded_as_concurrency_is(new_fleet: NewFleet, gate: dict[str, Any]) -> None:
    fleet = new_fleet(WAITING, max_environments=1)
    with ThreadPoolExecutor(1) as caller:
        first = caller.submit(invoke, fleet, gate)
        assert gate["arrived"].acquire(timeout=PATIENT)
        with pytest.raises(TooManyEnvironmentsError):
            invoke(fleet, gate)
        gate["may_end"].set()
        first.result()
    assert invoke(fleet, gate), "the environment is free again"


def test_variables_are_those_of_the_start_and_leave_the_process_alone(
    new_fleet: NewFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_TEST_SETTING", "the process's own")
    variables = {"LOCAL_TEST_SETTING": "the function's", "LOCAL_TEST_ADDITION": "x"}
    answer = invoke(new_fleet(COUNTING, variables=variables), {})
    assert (answer["setting"], answer["later"]) == ("the function's", "the process's own")
    assert os.environ["LOCAL_TEST_SETTING"] == "the process's own"
    assert "LOCAL_TEST_ADDITION" not in os.environ


def test_the_context_tells_who_runs_and_how_long_it_may(new_fleet: NewFleet) -> None:
    fleet = new_fleet(
        "def handler(event, context):\n    return context, context.get_remaining_time_in_millis()"
    )
    context, remaining_ms = invoke(fleet, {})
    assert (context.function_name, context.memory_limit_in_mb) == ("Paint", 256)
    assert context.invoked_function_arn.endswith(":function:Paint")
    assert 0 < remaining_ms <= PATIENT * 1000
    assert context.aws_request_id


@pytest.mark.parametrize(
    "body", ["raise ValueError('no')", "raise TimeoutError", "raise SystemExit(1)", "return {}['missing']"]
)
def test_a_handler_that_raises_is_a_crash(new_fleet: NewFleet, body: str) -> None:
    fleet = new_fleet(f"def handler(event, context):\n    {body}", max_environments=1)
    for _ in range(2):
        with pytest.raises(FunctionCrashError):
            invoke(fleet, {})


def test_a_module_that_does_not_start_is_a_crash(new_fleet: NewFleet) -> None:
    with pytest.raises(FunctionCrashError, match="TABLE is not set"):
        invoke(new_fleet("raise LookupError('TABLE is not set')"), {})


def test_after_a_crash_a_fresh_environment_is_started(new_fleet: NewFleet) -> None:
    source = COUNTING.replace("    return", "    if event.get('crash'): raise ValueError\n    return")
    fleet = new_fleet(source, max_environments=1)
    assert invoke(fleet, {})["invocations"] == 1
    with pytest.raises(FunctionCrashError):
        invoke(fleet, {"crash": True})
    assert invoke(fleet, {})["invocations"] == 1


def test_a_function_past_its_timeout_is_given_up(new_fleet: NewFleet, gate: dict[str, Any]) -> None:
    with pytest.raises(FunctionTimeoutError):
        invoke(new_fleet(WAITING, timeout_seconds=0.05), gate)


def test_the_callers_patience_may_end_first(new_fleet: NewFleet, gate: dict[str, Any]) -> None:
    with pytest.raises(IntegrationTimeoutError):
        invoke(new_fleet(WAITING), gate, wait_seconds=0.05)


def test_an_environment_that_was_given_up_is_not_used_again(
    new_fleet: NewFleet, gate: dict[str, Any]
) -> None:
    cold_starts: list[str] = []
    fleet = new_fleet(WAITING, max_environments=1, on_cold_start=cold_starts.append)
    with pytest.raises(IntegrationTimeoutError):
        invoke(fleet, gate, wait_seconds=0.05)
    gate["may_end"].set()
    assert invoke(fleet, gate)
    assert cold_starts == ["Paint"] * 2


FOLLOWED = """
from lambda_response_streaming import FollowedResponse, StreamedResponse
done = []

def handler(event, context):
    def follow():
        event["may_end"].wait(30)
        done.append(event["name"])
    if event["name"] == "what was done":
        return list(done)
    if event["name"] == "streamed":
        return StreamedResponse(200, {}, [b"body"], follow)
    return FollowedResponse({"name": event["name"]}, follow)
"""


@pytest.mark.parametrize("name", ["followed", "streamed"])
def test_what_follows_an_answer_keeps_nobody_waiting_and_its_environment_busy(
    new_fleet: NewFleet, name: str
) -> None:
    cold_starts: list[str] = []
    fleet = new_fleet(FOLLOWED, on_cold_start=cold_starts.append)
    may_end = threading.Event()
    answer = fleet.invoke({"name": name, "may_end": may_end}, wait_seconds=PATIENT)
    if name == "streamed":
        assert b"".join(answer).endswith(b"body")
    else:
        assert answer == {"name": "followed"}
    assert fleet.invoke({"name": "what was done"}, wait_seconds=PATIENT) == []
    assert len(cold_starts) == 2, "as on Lambda, the first environment takes nothing else meanwhile"
    may_end.set()
    fleet.wait_until_idle()
    assert fleet.invoke({"name": "what was done"}, wait_seconds=PATIENT) == [name]
    assert len(cold_starts) == 2


def test_an_environment_that_is_not_done_when_its_fleet_closes_ends_when_it_is(new_fleet: NewFleet) -> None:
    fleet = new_fleet(FOLLOWED, max_environments=1)
    may_end = threading.Event()
    fleet.invoke({"name": "followed", "may_end": may_end}, wait_seconds=PATIENT)
    fleet.close()
    may_end.set()
    fleet.wait_until_idle()
    assert fleet.invoke({"name": "what was done"}, wait_seconds=PATIENT) == []


def test_a_fleet_is_idle_when_what_follows_its_answers_is_done(new_fleet: NewFleet) -> None:
    fleet = new_fleet(FOLLOWED)
    may_end = threading.Event()
    fleet.invoke({"name": "followed", "may_end": may_end}, wait_seconds=PATIENT)
    with ThreadPoolExecutor(1) as caller:
        waiting = caller.submit(fleet.wait_until_idle)
        assert not waiting.done()
        may_end.set()
        waiting.result(PATIENT)
    assert fleet.invoke({"name": "what was done"}, wait_seconds=PATIENT) == ["followed"]

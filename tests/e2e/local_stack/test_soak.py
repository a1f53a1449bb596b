"""A short soak of the local stack, and that it sees what it is there to see."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from load.faults import Fate
from load.reconciliation import Finding, Promise, reconcile
from load.soak import BACKEND, CLOUD, GATEWAY, GENERATOR, Plan, SoakError, soak
from local.template import PROJECT, SEARCH_PATH
from tests.processes import is_running

SHORT = Plan(callers=8, seconds=5, backend_seconds=0.2, faults=0.1, seed=3)


@pytest.fixture(autouse=True)
def _as_make_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(SEARCH_PATH))


def thread_command(plan: Plan, base_url: str, folder: Path) -> Sequence[str]:
    return [
        sys.executable,
        "-m",
        "tests.e2e.local_stack.thread_generator",
        base_url,
        str(folder),
        str(plan.seconds),
    ]


def shown(findings: Sequence[Finding]) -> str:
    return "\n".join(f"{each.promise}: {each.text}" for each in findings)


def test_a_short_soak_keeps_every_promise(tmp_path: Path) -> None:
    record = soak(SHORT, tmp_path / "soak", thread_command)
    assert reconcile(record.stories) == [], shown(reconcile(record.stories))
    assert len(record.stories.answered) > SHORT.callers
    assert {each.fate for each in record.stories.painted} > {Fate.PAINTED}
    assert all(record.memory[name] for name in (GATEWAY, CLOUD, BACKEND, GENERATOR))


def test_a_backend_that_swaps_pictures_is_found_out(tmp_path: Path) -> None:
    plan = Plan(8, 5, 0.2, faults=0, backend_module="tests.e2e.local_stack.swapping_backend")
    record = soak(plan, tmp_path / "soak", thread_command)
    findings = reconcile(record.stories)
    assert {each.promise for each in findings} == {Promise.NO_WRONG_PICTURE}, shown(findings)
    for each in record.stories.answered:
        assert bool(each.problems) == any(serial % 5 == 0 for serial in each.serials)


def test_a_stack_that_does_not_start_is_told_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("load.soak.MODEL", "")
    with pytest.raises(SoakError, match="allowed is one model"):
        soak(SHORT, tmp_path / "soak", thread_command)


def test_ctrl_c_leaves_no_process(tmp_path: Path) -> None:
    """The whole command, interrupted once callers call."""
    folder = tmp_path / "soak"
    source = (
        f"from pathlib import Path; from load.soak import soak; from {__name__} import *; "
        f"soak(SHORT, Path({str(folder)!r}), thread_command)"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", source],
        cwd=PROJECT,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        await_file(folder / "requests.jsonl", running)
        started = children_of(running.pid)
        # The stack, the backend and the generator; now and then `ps`, which measures.
        assert len(started) >= 3
        started += [each for parent in started for each in children_of(parent)]
        running.send_signal(signal.SIGINT)
        assert running.wait(60) != 0
        assert [each for each in started if is_running(each)] == []
    finally:
        running.kill()
        running.wait()
        if running.stderr:
            running.stderr.close()


def children_of(parent: int) -> list[int]:
    command = ["ps", "-A", "-o", "pid=,ppid="]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    pairs = (map(int, line.split()) for line in listed.stdout.splitlines())
    return [pid for pid, its_parent in pairs if its_parent == parent]


def await_file(file: Path, running: "subprocess.Popen[bytes]") -> None:
    """Return once the file is there; fails where the process ends before."""
    while not file.exists():
        try:
            running.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
        pytest.fail(f"it ended: {running.stderr.read() if running.stderr else b''!r}")

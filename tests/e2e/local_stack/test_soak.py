"""A short soak of the local stack, and that it sees what it is there to see."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from load import backend
from load.images import make_png
from load.promises import Finding
from load.soak import Plan, soak
from local.template import PROJECT, SEARCH_PATH
from tests.processes import await_end, children_of, wait_until

SHORT = Plan(callers=8, seconds=5, backend_seconds=0.2, faults=0.1)


def broken(findings: Sequence[Finding]) -> dict[str, Sequence[str]]:
    return {each.promise: each.broken for each in findings if each.broken}


def test_a_short_soak_keeps_every_promise(tmp_path: Path) -> None:
    findings = soak(SHORT, tmp_path / "soak")
    assert broken(findings) == {}
    assert len(findings) == 6


def test_a_backend_that_swaps_images_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    number = count()

    def make_wrong_one(size: tuple[int, int], prompt: str, *others: Any) -> bytes:
        return make_png(size, prompt if next(number) % 3 else "another's prompt", *others)

    monkeypatch.setattr(backend, "make_png", make_wrong_one)
    ((promise, problems),) = broken(soak(SHORT._replace(faults=0), tmp_path / "soak")).items()
    assert promise == "every response is whole, documented and right"
    assert all("for another request" in problem for problem in problems)


def test_a_stack_that_does_not_start_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("load.soak.ATTEMPT_SECONDS", "nonsense")
    with pytest.raises(RuntimeError, match="did not start"):
        soak(SHORT, tmp_path / "soak")


def test_ctrl_c_leaves_no_process(tmp_path: Path) -> None:
    code = f"from load.soak import *; soak(Plan(8), Path({str(tmp_path / 'soak')!r}))"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(SEARCH_PATH)}
    command = [sys.executable, "-c", code]
    running = subprocess.Popen(command, cwd=PROJECT, env=environment, stderr=subprocess.DEVNULL)
    try:
        output = tmp_path / "soak" / "output"
        wait_until(lambda: output.exists() and "cold start" in output.read_text())
        (stack,) = (pid for pid, line in children_of(running.pid).items() if "local.run" in line)
        started = [stack, *children_of(stack)]
        running.send_signal(signal.SIGINT)
        running.wait()
        for pid in started:
            await_end(pid)
    finally:
        running.kill()
        running.wait()

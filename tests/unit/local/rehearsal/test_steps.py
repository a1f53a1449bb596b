"""A step ends in time, takes its processes with it, and says what to look at."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.rehearsal.steps import Step, StepError, end_session
from tests.processes import await_end, is_running


def step(code: str, *, limit_seconds: float = 30.0) -> Step:
    return Step("a-step", [sys.executable, "-c", code], dict(os.environ), limit_seconds)


def test_what_a_step_says_is_in_its_log(tmp_path: Path) -> None:
    step("print('done'); import sys; print('warned', file=sys.stderr)").run(tmp_path, tmp_path)
    assert set((tmp_path / "a-step.log").read_text().splitlines()) == {"done", "warned"}


def test_a_step_that_fails_says_which_and_why(tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"a-step ended with exit code 3; the end of .*a-step\.log:\nreason"):
        step("print('reason'); raise SystemExit(3)").run(tmp_path, tmp_path)


def test_a_step_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    waiting = "[sys.executable, '-c', 'import signal; signal.pause()']"
    child = (
        f"import signal, subprocess, sys; print(subprocess.Popen({waiting}).pid, flush=True); signal.pause()"
    )
    with pytest.raises(StepError, match=r"took more than 2 seconds"):
        step(child, limit_seconds=2).run(tmp_path, tmp_path)
    await_end(int((tmp_path / "a-step.log").read_text()))


def test_a_process_that_ignores_the_polite_way_is_ended_all_the_same() -> None:
    deaf = "import signal; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
    process = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == b"deaf\n"
    end_session(process, polite_seconds=0.1)
    process.stdout.close()
    assert not is_running(process.pid)

"""What a rehearsal refuses and cannot reach, and that a step takes its processes with it."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.rehearsal import __main__ as rehearsal
from local.rehearsal.deployment import TEMPLATE_PARAMETERS, build_step, delete_step, deploy_step
from local.rehearsal.emulator import Emulator
from local.rehearsal.end_to_end import suite_steps
from local.rehearsal.steps import Step, StepError, end_session
from local.template import load_template
from tests.processes import await_end, is_running

EMULATOR = Emulator("http://127.0.0.1:1")


def test_a_second_rehearsal_at_the_same_time_is_refused_and_harms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rehearsal, "FOLDER", tmp_path)
    (tmp_path / "run").mkdir()
    with (tmp_path / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert rehearsal.main([]) == 1
    assert "Another rehearsal is running" in capsys.readouterr().err
    assert (tmp_path / "run").is_dir()


def test_no_step_can_reach_an_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "SAM_CLI_POLL_DELAY"):
        monkeypatch.setenv(name, "real")
    sam = [build_step(tmp_path, EMULATOR), deploy_step(tmp_path, EMULATOR), delete_step(EMULATOR)]
    for step in [*sam, *suite_steps(tmp_path, [])]:
        assert "real" not in step.environment.values()
        assert step.environment["AWS_CONFIG_FILE"] == os.devnull
        assert step.environment["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert {step.environment["AWS_ENDPOINT_URL"] for step in sam} == {EMULATOR.url}


def test_the_parameters_of_a_rehearsal_are_the_template_s() -> None:
    assert TEMPLATE_PARAMETERS.keys() <= load_template().document["Parameters"].keys()


def step(code: str, limit_seconds: float) -> Step:
    return Step("a-step", [sys.executable, "-c", code], os.environ, limit_seconds)


def test_a_step_that_fails_reports_its_name_and_the_end_of_its_log(tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"a-step ended with exit code 3; the end of .*a-step\.log:\nreason"):
        step("print('reason'); raise SystemExit(3)", 300).run(tmp_path, tmp_path)


def test_a_step_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"a-step took more than 0.1 seconds"):
        step("import signal; signal.pause()", 0.1).run(tmp_path, tmp_path)


def test_what_a_step_started_ends_with_it_even_if_it_ignores_a_termination() -> None:
    deaf = "import signal; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
    start = f"subprocess.Popen([sys.executable, '-c', {deaf!r}])"
    parent = f"import subprocess, sys; print({start}.pid, flush=True); {deaf}"
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    lines = {process.stdout.readline() for _ in range(3)}
    (child,) = (int(line) for line in lines - {b"deaf\n"})
    end_session(process, termination_seconds=0.1)
    process.stdout.close()
    assert not is_running(process.pid)
    await_end(child)

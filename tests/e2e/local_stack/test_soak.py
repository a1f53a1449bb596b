"""A short soak of the local stack."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from load.soak import Plan, soak
from local.template import PROJECT, SEARCH_PATH
from tests.processes import await_end, children_of, wait_until


def test_a_short_soak_keeps_every_promise(tmp_path: Path) -> None:
    # A job whose worker is killed would come back after minutes, and with this seed no backend is silent.
    plan = Plan(
        callers=8,
        accounts=4,
        seconds=5,
        jobs=20,
        backend_seconds=0.2,
        faults=0.1,
        killed=0,
        doubled=0.5,
        seed=100,
    )
    findings = soak(plan, tmp_path / "soak")
    assert {promise: broken for promise, _, broken in findings if broken} == {}
    assert len(findings) == 9


def test_ctrl_c_leaves_no_process(tmp_path: Path) -> None:
    # Tests that a shell runs in the background inherit from it that SIGINT is ignored.
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        f"from load.soak import *; soak(Plan(8), Path({str(tmp_path / 'soak')!r}))"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(SEARCH_PATH)}
    command = [sys.executable, "-c", code]
    running = subprocess.Popen(command, cwd=PROJECT, env=environment, stderr=subprocess.DEVNULL)
    try:
        output = tmp_path / "soak" / "output"
        wait_until(lambda: output.exists() and "cold start" in output.read_text())
        (stack,) = (pid for pid, line in children_of(running.pid).items() if "local.rough_stack" in line)
        started = [stack, *children_of(stack)]
        running.send_signal(signal.SIGINT)
        running.wait()
        for pid in started:
            await_end(pid)
    finally:
        running.kill()
        running.wait()

"""Other processes: what they started, whether they have ended, and waiting for what they do."""

import subprocess
import time
from collections.abc import Callable

PATIENCE_SECONDS = 300.0
"""Much more than anything here takes on a busy machine."""


def is_running(pid: int) -> bool:
    """Whether a process has the id and has not ended; an ended one that its parent did not wait for has."""
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout
    return state.strip()[:1] not in ("", "Z")


def children_of(parent: int) -> dict[int, str]:
    """The command line of every process that `parent` started, by process id."""
    listed = subprocess.check_output(["ps", "-A", "-o", "pid=,ppid=,args="], text=True)
    rows = (line.split(None, 2) for line in listed.splitlines())
    return {int(pid): command for pid, its_parent, command in rows if int(its_parent) == parent}


def wait_until(condition: Callable[[], bool], check: Callable[[], None] = lambda: None) -> None:
    """Return once `condition` holds. `check` may fail earlier, where it can no longer come true."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        check()
        assert time.monotonic() < deadline, f"not true after {PATIENCE_SECONDS} s"
        time.sleep(0.02)


def await_end(pid: int) -> None:
    """Return once the process has ended."""
    wait_until(lambda: not is_running(pid))

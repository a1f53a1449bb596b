"""Whether processes that are not our own children have ended."""

import subprocess
import time

END_SECONDS = 10.0


def is_running(pid: int) -> bool:
    """Whether a process has the id and has not ended; one that nobody has reaped yet has."""
    listed = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return listed.stdout.strip()[:1] not in ("", "Z")


def await_end(pid: int) -> None:
    """Return once the process has ended; fails where it takes too long."""
    deadline = time.monotonic() + END_SECONDS
    while is_running(pid):
        assert time.monotonic() < deadline, f"process {pid} still runs after {END_SECONDS} s"
        time.sleep(0.02)

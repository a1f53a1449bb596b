"""Processes that are measured from outside, and what the loopback servers share. Linux only."""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).parent.parent
WORK: Final = PROJECT / ".local" / "bench"


@dataclass(frozen=True, slots=True)
class Process:
    """A running process."""

    pid: int

    def cpu_ms(self) -> float:
        """Processor time of all threads since its start, user and system."""
        # How Linux names the processor time of another process: clock_getcpuclockid(3).
        return time.clock_gettime(~self.pid << 3 | 2) * 1e3

    def peak_mb(self) -> float:
        """The highest resident memory since its start, or since `forget_peak`."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1.024e-3 for line in lines if line.startswith("VmHWM"))

    def forget_peak(self) -> None:
        """Make the highest resident memory that of now: proc_pid_clear_refs(5)."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")


@contextmanager
def running(command: Sequence[str], variables: Mapping[str, str], folder: Path = WORK) -> Iterator[Process]:
    """Run a command with these variables alone, and end it; its output goes to a log of the folder's name."""
    own = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **variables}
    with (WORK / f"{folder.name}.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=folder, env=own, stdout=log, stderr=log)
    try:
        yield Process(process.pid)
    finally:
        process.kill()
        process.wait()


class QuietHandler(BaseHTTPRequestHandler):
    """Keeps connections open and logs nothing; in the name of a header to send, ``_`` stands for ``-``."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def respond(self, status: int, body: bytes, **headers: str) -> None:
        lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()]
        head = f"HTTP/1.1 {status} -\r\n{''.join(lines)}Content-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)

    def log_message(self, format: str, *arguments: object) -> None: ...

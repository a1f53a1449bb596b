"""The steps of a rehearsal: commands bounded in time that leave a log each and end with their starter."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TAIL_LINES: Final = 25
_POLITE_SECONDS: Final = 5.0


class StepError(Exception):
    """A step of the rehearsal failed; the text says which, why, and what to look at."""


@dataclass(frozen=True, slots=True)
class Step:
    """A command; `shows_output` lets it write to the terminal instead of to its log."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    limit_seconds: float
    shows_output: bool = False
    good_codes: tuple[int, ...] = (0,)

    def run(self, logs: Path, folder: Path) -> float:
        """Run it in `folder`; return the seconds that it took. Raises StepError.

        Whatever ends this, the command and every process that it started end with it.
        """
        log = logs / f"{self.name}.log"
        started = time.monotonic()
        with contextlib.nullcontext() if self.shows_output else log.open("w") as written:
            process = subprocess.Popen(
                self.command,
                cwd=folder,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=written and subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                code = process.wait(self.limit_seconds)
            except subprocess.TimeoutExpired:
                raise StepError(self._told(f"took more than {self.limit_seconds:g} seconds", log)) from None
            finally:
                end_session(process)
        if code not in self.good_codes:
            raise StepError(self._told(f"ended with exit code {code}", log))
        return time.monotonic() - started

    def _told(self, what: str, log: Path) -> str:
        if self.shows_output:
            return f"{self.name} {what}; see above, and the logs in {log.parent}."
        return f"{self.name} {what}; the end of {log}:\n{tail(log)}"


def tail(log: Path) -> str:
    """The last lines of a log."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join(lines[-_TAIL_LINES:])


def end_session(process: "subprocess.Popen[bytes]", *, polite_seconds: float = _POLITE_SECONDS) -> None:
    """End a process that leads a session, and all in its group: first politely, then not."""
    for with_signal in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, with_signal)
        except (ProcessLookupError, PermissionError):
            break
        try:
            process.wait(polite_seconds)
        except subprocess.TimeoutExpired:
            continue
    process.wait()

"""The steps of a rehearsal: commands with a time limit that leave a log each and end with their starter."""

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
_TERMINATION_SECONDS: Final = 10.0


class StepError(RuntimeError):
    """A step of the rehearsal failed; the text says which, why, and what to look at."""


@dataclass(frozen=True, slots=True)
class Step:
    """A command; with `shows_output` it writes to the terminal instead of to its log."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    limit_seconds: float
    shows_output: bool = False
    good_codes: tuple[int, ...] = (0,)

    def run(self, logs: Path, folder: Path) -> float:
        """Run it in `folder`; return the seconds that it took. Raises StepError.

        However this ends, the command and every process that it started end too.
        """
        log, started = logs / f"{self.name}.log", time.monotonic()
        with contextlib.nullcontext() if self.shows_output else log.open("w") as output:
            process = subprocess.Popen(
                self.command,
                cwd=folder,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output and subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                code = process.wait(self.limit_seconds)
            except subprocess.TimeoutExpired:
                raise self._failed(f"took more than {self.limit_seconds:g} seconds", log) from None
            finally:
                end_session(process)
        if code not in self.good_codes:
            raise self._failed(f"ended with exit code {code}", log)
        return time.monotonic() - started

    def _failed(self, how: str, log: Path) -> StepError:
        if self.shows_output:
            return StepError(f"{self.name} {how}; see above, and the logs in {log.parent}.")
        return StepError(f"{self.name} {how}; the end of {log}:\n{tail(log)}")


def tail(log: Path) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])


def end_session(
    process: "subprocess.Popen[bytes]", *, termination_seconds: float = _TERMINATION_SECONDS
) -> None:
    """Terminate a process that leads a session, and all in its group; kill what is left after a while."""
    for each in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError, subprocess.TimeoutExpired):
            os.killpg(process.pid, each)
            process.wait(termination_seconds)
    process.wait()

"""Servers in processes of their own that end with the process that started them."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

_LISTENING: Final = " listening on "
_STOP_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class ChildServer:
    """A server and where it listens."""

    url: str
    process: "subprocess.Popen[str]"

    def stop(self) -> None:
        """Close its standard input, which asks it to end, and kill it if it does not."""
        if self.process.stdin:
            self.process.stdin.close()
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()


def launch(
    module: str, *arguments: str, variables: Mapping[str, str] = MappingProxyType({})
) -> "subprocess.Popen[str]":
    """Start `module`, a server that prints ``<name> listening on <url>`` and ends with its standard input.

    It runs in a session of its own, so that Ctrl-C reaches this process alone, which then stops it.
    """
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def await_listening(process: "subprocess.Popen[str]") -> ChildServer:
    """The server once it listens. Raises RuntimeError if it ended instead."""
    line = process.stdout.readline() if process.stdout else ""
    if _LISTENING not in line:
        raise RuntimeError(f"{process.args!r} ended before it listened")
    return ChildServer(line.rpartition(_LISTENING)[2].strip(), process)

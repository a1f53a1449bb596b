"""`make run` as a process of its own: started, waited for, stopped, and looked after for what it leaves."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from local.template import PROJECT, SEARCH_PATH
from tests.e2e.target import Target
from tests.processes import is_running

START_SECONDS = 60.0
STOP_SECONDS = 30.0


@dataclass(frozen=True)
class RunningStack:
    """A local stack; its state files lie in `folder`, what it prints in `folder`/output."""

    process: "subprocess.Popen[bytes]"
    folder: Path

    @property
    def base_url(self) -> str:
        return self.state["IMAGINEART_BASE_URL"]

    @property
    def token(self) -> str:
        return self.state["IMAGINEART_TOKEN"]

    @property
    def state(self) -> dict[str, str]:
        """What the file `env` says."""
        return dict(line.split("=", 1) for line in (self.folder / "env").read_text().splitlines())

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return (self.folder / "output").read_text()

    @property
    def target(self) -> Target:
        """This stack as its users meet it."""
        return Target(self.base_url, self.token, cli_variables=state_variables(self.folder))

    def wait_until_served(self) -> None:
        """Return once the file `env` is there; fails where the stack ends or takes too long."""
        self.wait_until((self.folder / "env").exists)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Look until `condition` holds; fails where the stack ends before it, or takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while not condition():
            assert self.process.poll() is None, f"the stack ended:\n{self.output}"
            assert time.monotonic() < deadline, f"nothing came of it in {START_SECONDS} s:\n{self.output}"
            time.sleep(0.02)

    def children(self) -> dict[int, str]:
        """The command line of every process it started, by process id."""
        every_process = ["ps", "-A", "-o", "pid=,ppid=,args="]
        listed = subprocess.run(every_process, capture_output=True, text=True, check=True)
        rows = [line.split(None, 2) for line in listed.stdout.splitlines()]
        return {int(pid): args for pid, parent, args in rows if int(parent) == self.process.pid}

    def child(self, module: str) -> int:
        """The id of the process that runs a module."""
        (pid,) = [pid for pid, args in self.children().items() if module in args]
        return pid

    def interrupt(self, with_signal: signal.Signals = signal.SIGINT) -> int:
        """Send Ctrl-C, or another signal, and return the exit code."""
        self.process.send_signal(with_signal)
        return self.process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """End it whatever state it is in."""
        self.process.kill()
        self.process.wait()

    def interrupt_and_expect_nothing_left(self, with_signal: signal.Signals = signal.SIGINT) -> None:
        """Ctrl-C, after which no process, port or state file of its is left."""
        started = self.children()
        address = (urlsplit(self.base_url).hostname, urlsplit(self.base_url).port)
        assert len(started) == 2, started
        assert can_connect(address)
        assert self.interrupt(with_signal) == 0, self.output
        assert [args for pid, args in started.items() if is_running(pid)] == []
        assert not can_connect(address)
        assert [path.name for path in self.folder.iterdir()] == ["output"]


def start_stack(folder: Path) -> RunningStack:
    """A stack on a free port that keeps its state in `folder`; not served yet."""
    folder.mkdir()
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "local.run"],
            cwd=PROJECT,
            env=os.environ
            | state_variables(folder)
            | {"PYTHONPATH": os.pathsep.join(SEARCH_PATH), "PORT": "0"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return RunningStack(process, folder)


def state_variables(folder: Path) -> dict[str, str]:
    """What makes the stack whose state is in `folder` the local one."""
    return {"IMAGINEART_LOCAL_STATE": str(folder)}


def can_connect(address: tuple[str | None, int | None]) -> bool:
    """Whether something listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(address) == 0

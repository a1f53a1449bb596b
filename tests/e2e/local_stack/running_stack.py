"""`make run` as a process of its own: started, used, stopped, and what it leaves."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from local.template import PROJECT, SEARCH_PATH, WEBSOCKET_PATH
from tests.e2e.target import Target
from tests.processes import PATIENCE_SECONDS, children_of, is_running, wait_until


@dataclass(frozen=True)
class RunningStack:
    """A local stack; its state files are in `folder`, what it prints in `folder`/output."""

    process: "subprocess.Popen[bytes]"
    folder: Path

    @property
    def state(self) -> dict[str, str]:
        """The variables in the file `env`."""
        return dict(line.split("=", 1) for line in (self.folder / "env").read_text().splitlines())

    @property
    def base_url(self) -> str:
        return self.state["IMAGINEART_BASE_URL"]

    @property
    def websocket_url(self) -> str:
        return self.base_url.replace("http", "ws") + WEBSOCKET_PATH

    @property
    def token(self) -> str:
        return self.state["IMAGINEART_TOKEN"]

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return (self.folder / "output").read_text()

    @property
    def target(self) -> Target:
        """This stack as its users see it."""
        return Target(
            self.base_url, self.websocket_url, self.token, cli_variables=state_variables(self.folder)
        )

    def wait_until_served(self) -> None:
        """Return once the file `env` is there; fails where the stack ends before."""
        self.wait_until((self.folder / "env").exists)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Return once `condition` holds; fails where the stack ends before."""

        def check_it_runs() -> None:
            assert self.process.poll() is None, f"the stack ended:\n{self.output}"

        wait_until(condition, check_it_runs)

    def children(self) -> dict[int, str]:
        """The command line of every process that it started, by process id."""
        return children_of(self.process.pid)

    def child(self, module: str) -> int:
        """The id of the process that runs a module."""
        (pid,) = [pid for pid, command in self.children().items() if module in command]
        return pid

    def interrupt(self, with_signal: signal.Signals = signal.SIGINT) -> int:
        """Send Ctrl-C, or another signal, and return the exit code."""
        self.process.send_signal(with_signal)
        return self.process.wait(PATIENCE_SECONDS)

    def kill(self) -> None:
        """End it, whatever state it is in."""
        self.process.kill()
        self.process.wait()

    def interrupt_and_expect_nothing_left(self, with_signal: signal.Signals = signal.SIGINT) -> None:
        """Ctrl-C, after which none of its processes, ports and state files is left."""
        started = self.children()
        address = (urlsplit(self.base_url).hostname, urlsplit(self.base_url).port)
        assert can_connect(address)
        assert self.interrupt(with_signal) == 0, self.output
        assert [command for pid, command in started.items() if is_running(pid)] == []
        assert not can_connect(address)
        assert [path.name for path in self.folder.iterdir()] == ["output"]
        assert "Traceback" not in self.output


def start_stack(folder: Path) -> RunningStack:
    """A stack on a free port that keeps its state in `folder`; not served yet."""
    folder.mkdir()
    own = state_variables(folder) | {"PYTHONPATH": os.pathsep.join(SEARCH_PATH), "PORT": "0"}
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "local.run"],
            cwd=PROJECT,
            env=os.environ | own,
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

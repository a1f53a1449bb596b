"""A deployment of the API as its users and its operator meet it: over HTTP and with the command line."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from local.template import PROJECT, SEARCH_PATH

WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class Target:
    """Where it answers, a token of a consumer whose limits no test reaches, and how to operate it."""

    base_url: str
    token: str
    cli_options: tuple[str, ...] = ()
    cli_variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, str]:
        """What whoever pastes an example has exported."""
        return {"IMAGINEART_BASE_URL": self.base_url, "IMAGINEART_TOKEN": self.token}

    def get(self, path: str, token: str) -> httpx.Response:
        """The answer to an authenticated GET."""
        return httpx.get(f"{self.base_url}{path}", headers=bearer(token), timeout=WAIT_SECONDS)

    def run_cli(
        self, arguments: str, *, answer: str = "", columns: int = 80
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command of the operator's."""
        return run_cli(" ".join([*self.cli_options, arguments]), self.cli_variables, answer, columns)

    def succeed(self, arguments: str) -> str:
        """Run a command that works; return what it printed for programs to read."""
        done = self.run_cli(arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def fail(self, arguments: str, code: int) -> str:
        """Run a command that is refused; return what it told the operator."""
        done = self.run_cli(arguments)
        assert done.returncode == code, done.stdout
        assert "Traceback" not in done.stderr
        return " ".join(done.stderr.split())


def read_target(file: Path) -> Target:
    """The deployment that a rehearsal tells of."""
    told = json.loads(file.read_text())
    return Target(told["base_url"], told["token"], ("--stack", told["stack"]), told["aws_variables"])


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


def run_cli(
    arguments: str, variables: Mapping[str, str], answer: str = "", columns: int = 80
) -> "subprocess.CompletedProcess[str]":
    """Run the operator's command line with variables of its own."""
    search_path = {"PYTHONPATH": os.pathsep.join(SEARCH_PATH)}
    return subprocess.run(
        [sys.executable, "-m", "cli", *arguments.split()],
        cwd=PROJECT,
        env=os.environ | search_path | variables | {"COLUMNS": str(columns), "NO_COLOR": "1"},
        input=answer,
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )


def wait_until(condition: Callable[[], bool]) -> None:
    """Look until `condition` holds; fails where it takes too long."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"nothing came of it in {WAIT_SECONDS} s"
        time.sleep(0.02)

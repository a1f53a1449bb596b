"""A deployment of the API as its users and its operator see it: over HTTP and with the command line."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from local.template import PROJECT, SEARCH_PATH
from tests.processes import PATIENCE_SECONDS


@dataclass(frozen=True)
class Target:
    """Where it is, a token of a consumer whose limits no test reaches, and how to operate it."""

    base_url: str
    websocket_url: str
    token: str
    cli_options: tuple[str, ...] = ()
    cli_variables: Mapping[str, str] = field(default_factory=dict)

    def client(self, token: str = "", transport: httpx.BaseTransport | None = None) -> httpx.Client:
        """A client with this token, or with the target's own."""
        headers = bearer(token or self.token)
        return httpx.Client(
            base_url=self.base_url, headers=headers, timeout=PATIENCE_SECONDS, transport=transport
        )

    def list_models(self, token: str, **headers: str) -> httpx.Response:
        """The response to the simplest request that needs a token."""
        with self.client(token) as client:
            return client.get("/v1/models", headers=headers)

    def run_cli(
        self, arguments: str, *, reply: str = "", columns: int = 300
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command of the operator's."""
        return run_cli(" ".join([*self.cli_options, arguments]), self.cli_variables, reply, columns)

    def succeed(self, arguments: str) -> str:
        """Run a command that works; return what it printed for programs to read."""
        done = self.run_cli(arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout


def read_target(file: Path) -> Target:
    """The deployment of a rehearsal."""
    described = json.loads(file.read_text())
    options = ("--stack", described["stack"])
    addresses = (described["base_url"], described["websocket_url"])
    return Target(*addresses, described["token"], options, described["aws_variables"])


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


def run_cli(
    arguments: str, variables: Mapping[str, str], reply: str = "", columns: int = 300
) -> "subprocess.CompletedProcess[str]":
    """Run the operator's command line with variables of its own."""
    own = {"PYTHONPATH": os.pathsep.join(SEARCH_PATH), "COLUMNS": str(columns), "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, "-m", "cli", *arguments.split()],
        cwd=PROJECT,
        env=os.environ | own | variables,
        input=reply,
        capture_output=True,
        text=True,
        check=False,
    )

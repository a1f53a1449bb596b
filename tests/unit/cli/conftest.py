"""The command line over stores in memory."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.__main__ import app
from cli.deployments import Deployment
from tests.fakes.operator_services import OperatorInMemory


@dataclass
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@dataclass
class Operator:
    """An operator who runs commands."""

    services: OperatorInMemory = field(default_factory=OperatorInMemory)

    def run(self, *arguments: str, reply: str = "") -> Ended:
        """The end of a command; without a `reply`, stdin is at its end."""
        result = CliRunner().invoke(app, list(arguments), input=reply)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return Ended(result.exit_code, result.stdout, result.stderr)

    def document(self, *arguments: str) -> Any:
        """The output of a command as JSON."""
        ended = self.run(*arguments, "--json")
        assert (ended.code, ended.err) == (0, "")
        return ended.document


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch) -> Operator:
    operator = Operator()
    monkeypatch.setattr(Deployment, "find_services", lambda _: operator.services)
    return operator


@pytest.fixture
def break_deployment(monkeypatch: pytest.MonkeyPatch, operator: Operator) -> Callable[[Exception], None]:
    """Makes every command fail that needs the deployment."""

    def break_with(error: Exception) -> None:
        def fail(_: Deployment) -> None:
            raise error

        monkeypatch.setattr(Deployment, "find_services", fail)

    return break_with

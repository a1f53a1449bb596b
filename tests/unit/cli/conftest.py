"""The command line over an operator's desk in memory."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.__main__ import app
from cli.deployments import Deployment
from tests.fakes.operator_desk import OperatorDesk


@dataclass
class Ended:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@dataclass
class Operator:
    """Somebody who runs commands."""

    desk: OperatorDesk = field(default_factory=OperatorDesk)

    def run(self, *arguments: str, answer: str = "") -> Ended:
        """The end of a command; without an `answer`, stdin is at its end."""
        result = CliRunner().invoke(app, list(arguments), input=answer)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return Ended(result.exit_code, result.stdout, result.stderr)

    def document(self, *arguments: str) -> Any:
        """What a command shows as JSON."""
        ended = self.run(*arguments, "--json")
        assert (ended.code, ended.err) == (0, "")
        return ended.document


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch) -> Operator:
    operator = Operator()
    monkeypatch.setattr(Deployment, "find_services", lambda _: operator.desk)
    return operator


@pytest.fixture
def break_deployment(monkeypatch: pytest.MonkeyPatch, operator: Operator) -> Callable[[Exception], None]:
    """Lets every command that asks for the deployment fail."""

    def break_with(error: Exception) -> None:
        def fail(_: Deployment) -> None:
            raise error

        monkeypatch.setattr(Deployment, "find_services", fail)

    return break_with

"""The operator's acceptance test on a deployed stack."""

import pytest

from cli.acceptance.accept import accept
from cli.acceptance.model import Verdict
from cli.deployments import aws_services
from tests.e2e.target import Target


def test_each_check_holds_and_the_rehearsed_stack_has_no_alarm(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in target.cli_variables.items():
        monkeypatch.setenv(name, value)
    stack = target.cli_options[1]
    services = aws_services(stack, region=None, profile=None)
    # The emulator serves no host of its own for an API, as the output BaseUrl names it.
    services.base_url = target.base_url
    findings = accept(services, stack, updates_stack=True)
    not_held = {name: each.verdict for name, each in findings.items() if each.verdict is not Verdict.HELD}
    assert not_held == {"An alarm that sends mail": Verdict.NOT_SHOWN}

"""The operator's acceptance test on the local stack, and what it leaves behind."""

import os
import signal
import subprocess
import sys

from cli.deployments import local_services
from cli.services import OperatorServices
from local.template import PROJECT, SEARCH_PATH
from tests.e2e.local_stack.running_stack import RunningStack, state_variables
from tests.processes import PATIENCE_SECONDS, wait_until

AWS_ALONE = {"An upload of another length", "An alarm that sends mail", "A parameter that moves the alias"}
OWN = "acceptance-"


def acceptance_consumers(services: OperatorServices) -> list[str]:
    return [each.id for each in services.manage_consumers.list() if each.id.startswith(OWN)]


def assert_nothing_is_left(services: OperatorServices) -> None:
    assert acceptance_consumers(services) == []
    tokens = [each for each in services.manage_tokens.list() if each.consumer_id.startswith(OWN)]
    assert tokens
    assert all(each.revoked_at for each in tokens)


def test_each_check_holds_or_needs_aws(stack: RunningStack) -> None:
    verdicts = [line.split(": ")[:2] for line in stack.target.succeed("accept").splitlines()]
    assert len(verdicts) == 7
    assert {name for name, verdict in verdicts if verdict == "not shown here"} == AWS_ALONE
    assert {verdict for name, verdict in verdicts if name not in AWS_ALONE} == {"held"}
    assert_nothing_is_left(local_services(state_variables(stack.folder)))


def test_ctrl_c_leaves_no_consumer_and_no_live_token(stack: RunningStack) -> None:
    variables = state_variables(stack.folder)
    services = local_services(variables)
    running = subprocess.Popen(
        [sys.executable, "-m", "cli", "accept"],
        cwd=PROJECT,
        env=os.environ | variables | {"PYTHONPATH": os.pathsep.join(SEARCH_PATH)},
    )
    try:
        wait_until(lambda: acceptance_consumers(services) != [])
        running.send_signal(signal.SIGINT)
        assert running.wait(PATIENCE_SECONDS) != 0
    finally:
        running.kill()
        running.wait()
    assert_nothing_is_left(services)

"""The end-to-end suite, told of the deployment that it is to test."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from local.rehearsal.deployment import STACK, Deployed
from local.rehearsal.emulator import Emulator, environment_without_aws
from local.rehearsal.steps import Step, StepError
from local.template import PROJECT

TARGET_VARIABLE: Final = "IMAGINEART_REHEARSAL"
"""Names the file that tells the suite of the deployment; without it, the suite starts `make run`."""

_CONSUMER: Final = "consumer create local --requests-per-minute 6000 --concurrent-requests 100"
_OF_DEPLOYMENTS_ALONE: Final = "tests/e2e/deployed_stack"
_NO_TEST_CHOSEN: Final = 5
_SUITE_SECONDS: Final = 420.0
_COMMAND_SECONDS: Final = 60.0


def write_target(folder: Path, emulator: Emulator, deployed: Deployed) -> Path:
    """The file for the suite, with a consumer and a token made by the operator's command line.

    Raises StepError.
    """
    variables = emulator.client_variables
    _operate(_CONSUMER, variables)
    told = {
        "base_url": deployed.base_url,
        "token": _operate("token create local", variables).strip(),
        "stack": STACK,
        "aws_variables": variables,
    }
    file = folder / "target.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(told))
    return file


def suite_steps(target: Path, arguments: Sequence[str]) -> list[Step]:
    """The suite against the deployment, with more arguments for pytest.

    What only a deployment has comes last and one test at a time, because it takes permissions away.
    """
    environment = environment_without_aws() | {TARGET_VARIABLE: str(target)}
    # A deployment that is broken fails every test, and some of them wait long.
    pytest = [sys.executable, "-m", "pytest", "--quiet", "--maxfail=5", *arguments]
    black_box = ["-n", "2", "--dist", "loadfile", "tests/e2e", f"--ignore={_OF_DEPLOYMENTS_ALONE}"]
    # Whoever chooses among the tests may choose none of one step's.
    good_codes = (0, _NO_TEST_CHOSEN) if arguments else (0,)
    commands = {"end-to-end": [*pytest, *black_box], "permissions": [*pytest, _OF_DEPLOYMENTS_ALONE]}
    return [
        Step(name, command, environment, _SUITE_SECONDS, shows_output=True, good_codes=good_codes)
        for name, command in commands.items()
    ]


def _operate(arguments: str, variables: Mapping[str, str]) -> str:
    """Run the operator's command line on the deployment; return what it printed. Raises StepError."""
    command = [sys.executable, "-m", "cli", "--stack", STACK, *arguments.split()]
    try:
        done = subprocess.run(
            command, cwd=PROJECT, env={**environment_without_aws(), **variables}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=_COMMAND_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise StepError(f"'{arguments}' took more than {_COMMAND_SECONDS:g} seconds") from None
    if done.returncode:
        raise StepError(f"'{arguments}' failed; look at the emulator's log too:\n{done.stderr}")
    return done.stdout

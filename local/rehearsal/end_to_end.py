"""The end-to-end suite against the deployment of a rehearsal."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from local.chosen_models import ChosenModels
from local.rehearsal.deployment import STACK
from local.rehearsal.emulator import Emulator, environment_without_aws
from local.rehearsal.steps import Step, StepError
from local.template import PROJECT

TARGET_VARIABLE: Final = "IMAGINEART_REHEARSAL"
"""Names the file that describes the deployment to the suite; without it, the suite starts `make run`."""

_CONSUMER: Final = "consumer create local --requests-per-minute 6000 --concurrent-requests 100"
_PERMISSIONS: Final = "tests/e2e/deployed_stack"
_NO_TEST_SELECTED: Final = 5
_SUITE_SECONDS: Final = 1800.0


def write_target(folder: Path, emulator: Emulator, base_url: str, painter_url: str) -> Path:
    """The file for the suite, with models, a consumer and a token made by the operator's command line.

    The painter makes the images. Raises StepError.
    """
    models = folder / "models.json"
    models.write_text(ChosenModels(None, {}).text(painter_url))
    _operate(f"models apply {models}", emulator)
    _operate(_CONSUMER, emulator)
    (stack,) = emulator.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    described = {
        "base_url": base_url,
        "websocket_url": outputs["WebSocketUrl"],
        "token": _operate("token create local", emulator).strip(),
        "stack": STACK,
        "aws_variables": emulator.client_variables,
    }
    file = folder / "target.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(described))
    return file


def suite_steps(target: Path, arguments: Sequence[str]) -> list[Step]:
    """The suite against the deployment, with more arguments for pytest.

    The tests that take permissions away come last and one at a time.
    """
    environment = environment_without_aws() | {TARGET_VARIABLE: str(target)}
    # A deployment that is broken fails every test, and some of them wait long.
    pytest = [sys.executable, "-m", "pytest", "--quiet", "--maxfail=5", *arguments]
    black_box = ["-n", "2", "--dist", "loadfile", "tests/e2e", f"--ignore={_PERMISSIONS}"]
    # A selection of tests may have none of one step's.
    good_codes = (0, _NO_TEST_SELECTED) if arguments else (0,)
    commands = {"end-to-end": [*pytest, *black_box], "permissions": [*pytest, _PERMISSIONS]}
    return [
        Step(name, command, environment, _SUITE_SECONDS, shows_output=True, good_codes=good_codes)
        for name, command in commands.items()
    ]


def _operate(arguments: str, emulator: Emulator) -> str:
    """Run the operator's command line on the deployment; return what it printed. Raises StepError."""
    done = subprocess.run(
        [sys.executable, "-m", "cli", "--stack", STACK, *arguments.split()],
        cwd=PROJECT,
        env={**environment_without_aws(), **emulator.client_variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StepError(f"'{arguments}' failed; look at the emulator's log too:\n{done.stderr}")
    return done.stdout

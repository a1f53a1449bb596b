"""Runware's own clients, unmodified, get images from `make run` over HTTP."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.template import PROJECT
from tests.e2e.local_stack.running_stack import RunningStack
from tests.e2e.local_stack.written_images import written_sizes
from tests.npm_packages import installed

pytestmark = pytest.mark.clients

HERE = Path(__file__).parent
SMALL = (1024, 1024)
ONE_AND_FOUR = {"one-0.png": SMALL} | {f"four-{number}.png": SMALL for number in range(4)}
CLIENTS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "runware-sdk": (
        "python runware_sdk.py",
        ONE_AND_FOUR
        | {
            "async-0.png": SMALL, "async-1.png": SMALL, "reference-0.png": (2048, 1152),
            "unsafe-0.png": SMALL,
        },
        {
            "one": [None], "four": [None] * 4, "async": [None] * 2, "reference": [None], "unsafe": [True],
            "refused": "validation", "bad key": "auth",
        },
    ),
    "@runware/ai-sdk-provider": (
        "node ai_sdk.mjs",
        ONE_AND_FOUR | {"reference-0.png": (2048, 1152), "unsafe-0.png": SMALL},
        {"one": None, "four": None, "reference": None, "unsafe": True}
        | {"refused": "invalidDimensions", "bad key": "invalidApiKey"},
    ),
}  # fmt: skip
"""How each is run, the images that it writes, and what it makes of errors and of unsafe content."""


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_of_runware_works_unmodified(client: str, stack: RunningStack, folder: Path) -> None:
    command, images, notes = CLIENTS[client]
    packages = installed(HERE / "runware_packages", PROJECT / ".local") / "node_modules"
    (folder / "node_modules").symlink_to(packages)
    shutil.copytree(HERE / "runware_clients", folder, dirs_exist_ok=True)
    path = os.pathsep.join([str(PROJECT / ".venv-clients/bin"), os.environ["PATH"]])
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    variables = {"IMAGINEART_BASE_URL": stack.base_url, "IMAGINEART_TOKEN": stack.token, "PATH": path}
    done = subprocess.run(
        command.split(),
        cwd=folder,
        env=inherited | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert written_sizes(folder) == images
    assert json.loads((folder / "notes.txt").read_text()) == notes

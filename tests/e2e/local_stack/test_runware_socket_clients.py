"""Runware's SDKs get images from `make run` over WebSocket, unmodified."""

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
CLIENTS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "runware-sdk": (
        [".venv-clients/bin/python", "sdk.py"],
        {"images": 4, "unsafe": True, "refused": "validation", "bad key": "auth"},
    ),
    "runware 0.4": (
        [".venv-runware-0.4/bin/python", "package.py"],
        {"images": 5, "unsafe": True, "refused": True, "bad key": True},
    ),
    "runware 0.5": (
        [".venv-runware-0.5/bin/python", "package.py"],
        {"images": 5, "unsafe": True, "refused": True, "bad key": True},
    ),
    "@runware/sdk-js": (
        ["node", "sdk.mjs"],
        {"images": 5, "unsafe": True, "refused": "unsupportedParameter", "bad key": "invalidApiKey"},
    ),
}
"""How each client is run, and what it reports at its end."""


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_makes_images_and_edits_over_websocket(
    client: str, stack: RunningStack, tmp_path: Path
) -> None:
    (program, name), expected = CLIENTS[client]
    shutil.copytree(HERE / "runware_socket_clients", tmp_path, dirs_exist_ok=True)
    if program == "node":
        packages = installed(HERE / "runware_socket_packages", PROJECT / ".local")
        (tmp_path / "node_modules").symlink_to(packages / "node_modules")
    else:
        program = str(PROJECT / program)
    inherited = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    own = {
        "RUNWARE_WEBSOCKET_URL": stack.websocket_url,
        "IMAGINEART_TOKEN": stack.token,
    }
    done = subprocess.run(
        [program, name], cwd=tmp_path, env=inherited | own, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == expected, done.stdout + done.stderr
    assert written_sizes(tmp_path) == {"one.png": (1024, 1024), "edited.png": (1536, 1536)}

"""Both of Imagine's own clients, unmodified but for the host, do all that they can with `make run`."""

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
LIKE_THE_PHOTO = (832, 1248)
IMAGES = {
    "generated.png": (1024, 1024), "all-options.png": (1856, 2320), "varied.png": LIKE_THE_PHOTO,
    "remixed.png": LIKE_THE_PHOTO, "inpainted.png": (600, 900), "enlarged.png": (1724, 2586),
}  # fmt: skip
CLIENTS: dict[str, tuple[str, dict[str, tuple[int, int]], dict[str, Any]]] = {
    "PyPI imaginesdk": (
        "python sdk.py",
        IMAGES,
        {
            # It always asks for openpose unless it is given another control, and no model keeps to a pose.
            "default control": "BAD_REQUEST",
            "bad key": "UNAUTHORIZED",
            "no key": "BAD_REQUEST",
            "bad ratio": "BAD_REQUEST",
        },
    ),
    "npm imaginesdk": (
        "node sdk.mjs",
        IMAGES | {"remixed-by-default.png": LIKE_THE_PHOTO},
        {"bad key": [401, 1001, "Unauthorized", 1], "bad ratio": [400, 1100, "BadRequest", 1]},
    ),
}
"""How each is run, the images that it writes, and what it makes of errors."""


@pytest.mark.parametrize("client", CLIENTS)
def test_every_method_of_a_client_works(client: str, stack: RunningStack, folder: Path) -> None:
    command, images, notes = CLIENTS[client]
    packages = installed(HERE / "imagine_packages", PROJECT / ".local") / "node_modules"
    (folder / "node_modules").symlink_to(packages)
    shutil.copytree(HERE / "imagine_clients", folder, dirs_exist_ok=True)
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

"""Programs that use the clients of other APIs, run against a local stack."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from local.template import PROJECT
from tests.e2e.local_stack.running_stack import RunningStack
from tests.npm_packages import installed

HERE = Path(__file__).parent


def notes_of(command: str, api: str, stack: RunningStack, folder: Path) -> Any:
    """What a program of ``<api>_clients`` noted; its npm packages are those of ``<api>_packages``."""
    packages = installed(HERE / f"{api}_packages", PROJECT / ".local") / "node_modules"
    (folder / "node_modules").symlink_to(packages)
    shutil.copytree(HERE / f"{api}_clients", folder, dirs_exist_ok=True)
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
    return json.loads((folder / "notes.txt").read_text())

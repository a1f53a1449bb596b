"""Packages of npm's that only tests need: installed into .local/ from their lock, once for all processes."""

import fcntl
import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

OLDEST_NODE = 20
INSTALL_SECONDS = 240
NPM_CI = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]


class NodeMissingError(Exception):
    """This machine cannot run or install packages of npm's; the message says why."""


class NotInstalledError(Exception):
    """npm could not install the packages; the message is npm's."""


def require_node(environment: Mapping[str, str]) -> None:
    """Raises NodeMissingError where the PATH has no npm or no Node.js that is new enough."""
    missing = [name for name in ("node", "npm") if not shutil.which(name, path=environment.get("PATH", ""))]
    if missing:
        raise NodeMissingError(f"this test needs Node.js {OLDEST_NODE} with npm; not found: {missing}")
    told = subprocess.run(
        ["node", "--version"], env=dict(environment), capture_output=True, text=True, check=False
    )
    major = re.match(r"v(\d+)\.", told.stdout)
    if not major or int(major[1]) < OLDEST_NODE:
        raise NodeMissingError(f"this test needs Node.js {OLDEST_NODE}; found {told.stdout.strip()!r}")


def installed(source: Path, folder: Path) -> Path:
    """Where the packages that `source` locks lie below `folder`; installs them there, once.

    Raises NotInstalledError.
    """
    name = source.name
    lock = (source / "package-lock.json").read_bytes()
    home = folder / f"{name}-{hashlib.sha256(lock).hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as turn:
        # Processes that test at once on a fresh clone install them once: the others wait here.
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not home.is_dir():
            _install(source, home)
    return home


def _install(source: Path, home: Path) -> None:
    """Under another name first, so that an installation that breaks off is not taken for one."""
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=f"{source.name}-") as unfinished:
        unnamed = Path(unfinished) / "installed"
        shutil.copytree(source, unnamed)
        done = subprocess.run(
            NPM_CI, cwd=unnamed, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            timeout=INSTALL_SECONDS,
        )  # fmt: skip
        if done.returncode:
            raise NotInstalledError(f"'{' '.join(NPM_CI)}' failed:\n{done.stdout}{done.stderr}")
        unnamed.rename(home)

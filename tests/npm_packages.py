"""Packages of npm that only tests need: installed into .local/ from their lock, once for all processes."""

import fcntl
import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

OLDEST_NODE = 20
NPM_CI = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]


class NodeMissingError(Exception):
    """This machine cannot run or install packages of npm; the message says why."""


class NotInstalledError(Exception):
    """npm could not install the packages; the message is npm's."""


def require_node(environment: Mapping[str, str]) -> None:
    """Raises NodeMissingError where the PATH has no npm, or no Node.js that is new enough."""
    missing = [name for name in ("node", "npm") if not shutil.which(name, path=environment.get("PATH", ""))]
    if missing:
        raise NodeMissingError(f"this test needs Node.js {OLDEST_NODE} with npm; not found: {missing}")
    version = subprocess.run(
        ["node", "--version"], env=dict(environment), capture_output=True, text=True, check=False
    ).stdout.strip()
    major = re.match(r"v(\d+)\.", version)
    if not major or int(major[1]) < OLDEST_NODE:
        raise NodeMissingError(f"this test needs Node.js {OLDEST_NODE}; found {version!r}")


def installed(source: Path, folder: Path) -> Path:
    """The folder below `folder` with the packages that `source` locks; installs them there, once.

    Raises NotInstalledError.
    """
    lock = (source / "package-lock.json").read_bytes()
    home = folder / f"{source.name}-{hashlib.sha256(lock).hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{source.name}.lock").open("w") as turn:
        # Processes that test side by side on a fresh clone install them once: the others wait here.
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not home.is_dir():
            _install(source, home)
    return home


def _install(source: Path, home: Path) -> None:
    """Under another name first, so that an installation that breaks off is not used."""
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=f"{source.name}-") as unfinished:
        draft = Path(unfinished) / "installed"
        shutil.copytree(source, draft)
        done = subprocess.run(
            NPM_CI, cwd=draft, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise NotInstalledError(f"'{' '.join(NPM_CI)}' failed:\n{done.stdout}{done.stderr}")
        draft.rename(home)

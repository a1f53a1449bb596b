"""A second implementation of DynamoDB, by other authors than moto's: npm's dynalite, in a process of its own.

It is installed into .local/ from its lock when a test first needs it, once for all processes that test.
Node.js is not needed for anything else here: without it these tests are skipped with the reason, unless the
variable REQUIRE_NODE is set, as .ci/run sets it; then they fail.
"""

import fcntl
import hashlib
import os
import re
import select
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from local.child_server import await_listening
from local.template import PROJECT

SOURCE = Path(__file__).parent / "dynalite"
OLDEST_NODE = 20
INSTALL_SECONDS = 240
START_SECONDS = 60
NPM_CI = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]


class NodeMissingError(Exception):
    """This machine cannot run dynalite; the message says why."""


class NotInstalledError(Exception):
    """npm could not install dynalite; the message is npm's."""


def require_node(environment: Mapping[str, str]) -> None:
    """Raises NodeMissingError where the PATH has no npm or no Node.js that is new enough."""
    missing = [name for name in ("node", "npm") if not shutil.which(name, path=environment.get("PATH", ""))]
    if missing:
        raise NodeMissingError(f"dynalite needs Node.js {OLDEST_NODE} with npm; not found: {missing}")
    told = subprocess.run(
        ["node", "--version"], env=dict(environment), capture_output=True, text=True, check=False
    )
    major = re.match(r"v(\d+)\.", told.stdout)
    if not major or int(major[1]) < OLDEST_NODE:
        raise NodeMissingError(f"dynalite needs Node.js {OLDEST_NODE}; found {told.stdout.strip()!r}")


def installed(folder: Path) -> Path:
    """Where dynalite of the present lock lies below `folder`; installs it there, once.

    Raises NotInstalledError.
    """
    lock = (SOURCE / "package-lock.json").read_bytes()
    home = folder / f"dynalite-{hashlib.sha256(lock).hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "dynalite.lock").open("w") as turn:
        # Processes that test at once on a fresh clone install it once: the others wait here.
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not home.is_dir():
            _install(home)
    return home


def _install(home: Path) -> None:
    """Under another name first, so that an installation that breaks off is not taken for one."""
    with tempfile.TemporaryDirectory(dir=home.parent, prefix="dynalite-") as unfinished:
        unnamed = Path(unfinished) / "installed"
        shutil.copytree(SOURCE, unnamed)
        done = subprocess.run(
            NPM_CI, cwd=unnamed, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            timeout=INSTALL_SECONDS,
        )  # fmt: skip
        if done.returncode:
            raise NotInstalledError(f"'{' '.join(NPM_CI)}' failed:\n{done.stdout}{done.stderr}")
        unnamed.rename(home)


@contextmanager
def serving_dynalite(folder: Path = PROJECT / ".local") -> Iterator[str]:
    """Its endpoint while it runs, empty; it ends with this process at the latest.

    Raises NodeMissingError, NotInstalledError, and RuntimeError where it does not start.
    """
    require_node(os.environ)
    home = installed(folder)
    process = subprocess.Popen(
        ["node", str(SOURCE / "serve.js")],
        env={**os.environ, "NODE_PATH": str(home / "node_modules")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        if not select.select([process.stdout], [], [], START_SECONDS)[0]:
            raise RuntimeError(f"dynalite did not listen within {START_SECONDS} s")
        server = await_listening(process)
    except BaseException:
        process.kill()
        process.communicate()
        raise
    try:
        yield server.url
    finally:
        server.stop()

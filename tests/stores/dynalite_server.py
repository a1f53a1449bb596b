"""A second implementation of DynamoDB, by other authors than moto's: npm's dynalite, in a process of its own.

It is installed into .local/ from its lock when a test first needs it, once for all processes that test.
Node.js is not needed for anything else here: without it these tests are skipped with the reason, unless the
variable REQUIRE_NODE is set, as .ci/run sets it; then they fail.
"""

import os
import select
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.child_server import await_listening
from local.template import PROJECT
from tests import npm_packages
from tests.npm_packages import NodeMissingError, NotInstalledError, require_node

__all__ = ["NodeMissingError", "NotInstalledError", "installed", "require_node", "serving_dynalite"]

SOURCE = Path(__file__).parent / "dynalite"
START_SECONDS = 60


def installed(folder: Path) -> Path:
    """Where dynalite of the present lock lies below `folder`; installs it there, once.

    Raises NotInstalledError.
    """
    return npm_packages.installed(SOURCE, folder)


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

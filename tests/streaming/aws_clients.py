"""AWS's runtime client in the version that a lock names, installed into .local/ once."""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).parents[2]
LAYER = PROJECT / "layers" / "streaming"
OLDER = Path(__file__).parent / "awslambdaric-3.1.1.txt"


def installed(lock):
    """The folder with the packages that a lock file names. Raises CalledProcessError where pip fails."""
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    home = PROJECT / ".local" / f"aws-client-{sys.implementation.cache_tag}-{digest}"
    home.parent.mkdir(exist_ok=True)
    if not home.is_dir():
        # Under another name first, so that an installation that breaks off is not taken for one.
        with tempfile.TemporaryDirectory(dir=home.parent) as unfinished:
            pip = [sys.executable, "-m", "pip", "--quiet", "install", "--no-deps", "--require-hashes"]
            target = Path(unfinished) / "packages"
            subprocess.run([*pip, "--target", target, "--requirement", lock], check=True)
            target.rename(home)
    return home

"""Makes a virtual environment from a lock file, so that one `make` task is enough on a fresh clone.

Standard library only, and nothing newer than Python 3.8, because it runs on whichever `python3` is installed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

STAMP = "made-from"

PROBE = "import ensurepip, ssl, sys, venv; print('%d.%d.%d' % sys.version_info[:3])"


def candidates(environment: Mapping[str, str], home: Path) -> Iterator[Path]:
    """Each python3 and python3.13 on PATH and in the folders of pyenv and uv."""
    pyenv = Path(environment.get("PYENV_ROOT") or home / ".pyenv") / "versions"
    data_home = Path(environment.get("XDG_DATA_HOME") or home / ".local" / "share")
    uv = Path(environment.get("UV_PYTHON_INSTALL_DIR") or data_home / "uv" / "python")
    on_path = [Path(entry) for entry in environment.get("PATH", "").split(os.pathsep) if entry]
    for folder in [*on_path, *pyenv.glob("3.13*/bin"), *uv.glob("cpython-3.13*/bin")]:
        for name in ("python3.13", "python3"):
            if (folder / name).exists():
                yield folder / name


def version_of(python: Path) -> str:
    """Its version if it is a Python 3.13 that can make environments, else nothing."""
    try:
        # A shim of pyenv exists, and fails, where its Python does not.
        printed = subprocess.run(
            [python, "-I", "-c", PROBE], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
    return printed.strip() if printed.startswith("3.13.") else ""


def stamp(folder: Path, lock: bytes) -> str:
    """The environment's path, since its scripts contain it, its Python's version and the lock's digest."""
    version = version_of(folder.absolute() / "bin" / "python")
    return f"{folder.absolute()} {version}\n{hashlib.sha256(lock).hexdigest()}\n" if version else ""


def make(folder: Path, lock_file: Path, python: Path) -> None:
    """Make the environment, its stamp last, so that an unfinished one is made again.

    Raises subprocess.CalledProcessError.
    """
    (folder / STAMP).unlink(missing_ok=True)
    subprocess.run([python, "-I", "-m", "venv", "--clear", folder], check=True)
    pip = [str(folder / "bin" / "python"), "-I", "-m", "pip", "--disable-pip-version-check", "-qq", "install"]
    # The lock is complete, and pip before 24 resolves some extras in it wrongly.
    subprocess.run([*pip, "--no-deps", "--require-hashes", "--requirement", str(lock_file)], check=True)
    (folder / STAMP).write_text(stamp(folder, lock_file.read_bytes()))


def main(arguments: Sequence[str], environment: Mapping[str, str], home: Path) -> str | None:
    """Make the environment (first argument) from the lock (second) unless it is up to date.

    Returns the error message, if there is one.
    """
    folder, lock_file = map(Path, arguments)
    # Open for writing, without which network file systems refuse the lock.
    with lock_file.open("rb+") as lock:
        # Of two tasks started at once on a fresh clone, the second waits here.
        fcntl.flock(lock, fcntl.LOCK_EX)
        current = stamp(folder, lock.read())
        if current and (folder / STAMP).exists() and (folder / STAMP).read_text() == current:
            return None
        if folder.is_symlink():
            return f"{folder} is a link, and its target is not up to date with {lock_file}: remove the link."
        python = next(filter(version_of, candidates(environment, home)), None)
        if python is None:
            return "Python 3.13 was not found on PATH, nor in the folders of pyenv and uv. Install it first."
        print(f"Making {folder} with {python}; a minute or so.", flush=True)
        try:
            make(folder, lock_file, python)
        except subprocess.CalledProcessError as failure:
            return f"{folder} was not made: exit code {failure.returncode}. The next run makes it again."
    return None


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:], os.environ, Path.home()))
    except KeyboardInterrupt:
        sys.exit("Interrupted. The next run makes the environment again.")

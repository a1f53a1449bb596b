"""Makes a virtual environment from a lock file, so that one `make` word on a fresh clone is enough.

Standard library only, and nothing newer than Python 3.8, because it runs on whatever `python3` is.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

DEPLOYED = (3, 13)
OLDEST = (3, 11)
STAMP = "made-from"

# Prints one line and nothing else on a released CPython from which an environment can be made.
PROBE = """
import sys, sysconfig, ensurepip, ssl, venv
if sys.implementation.name == "cpython" and sys.version_info.releaselevel == "final":
    if not sysconfig.get_config_var("Py_GIL_DISABLED"):
        print("%d.%d.%d" % sys.version_info[:3])
"""


class Interpreter(NamedTuple):
    """A released CPython that can make environments."""

    path: Path
    version: tuple[int, ...]

    def __str__(self) -> str:
        return f"CPython {'.'.join(map(str, self.version))} ({self.path})"


def search_folders(environment: Mapping[str, str], home: Path) -> dict[str, list[Path]]:
    """The folders in which interpreters may lie, by the name of who puts them there."""
    pyenv = Path(environment.get("PYENV_ROOT") or home / ".pyenv") / "versions"
    data_home = Path(environment.get("XDG_DATA_HOME") or home / ".local" / "share")
    uv = Path(environment.get("UV_PYTHON_INSTALL_DIR") or data_home / "uv" / "python")
    return {
        "PATH": [Path(entry) for entry in environment.get("PATH", "").split(os.pathsep) if entry],
        f"pyenv's {pyenv}": sorted(pyenv.glob("3.*/bin")),
        f"uv's {uv}": sorted(uv.glob("cpython-3.*/bin")),
    }


def candidates(folders: Iterable[Path]) -> Iterator[Path]:
    """Each file named python3 or python3.N in the folders, once however many links lead to it."""
    seen = set()
    for folder in folders:
        for path in sorted(folder.glob("python3*"), reverse=True):
            if re.fullmatch(r"python3(\.\d+)?", path.name) and path.resolve() not in seen:
                seen.add(path.resolve())
                yield path


def probe(path: Path) -> Interpreter | None:
    """Runs the file to see what it is, since a pyenv shim is there even when its Python is not."""
    try:
        answer = subprocess.run(
            [path, "-I", "-c", PROBE], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    if answer.returncode or not re.fullmatch(r"\d+\.\d+\.\d+\n", answer.stdout):
        return None
    return Interpreter(path, tuple(map(int, answer.stdout.split("."))))


def preferred(interpreters: Iterable[Interpreter]) -> Interpreter | None:
    """The deployed version, or else the newest that is not too old."""
    usable = [found for found in interpreters if found.version >= OLDEST]
    return max(usable, key=lambda found: (found.version[:2] == DEPLOYED, found.version), default=None)


def stamp(interpreter: Interpreter, lock: bytes) -> str:
    """What an environment is made from: its own Python, by path since scripts break when moved, and lock."""
    return f"{interpreter}\n{hashlib.sha256(lock).hexdigest()}\n"


def is_current(folder: Path, lock: bytes) -> bool:
    """Whether the environment was made, to the end, from this lock and with the Python it has now."""
    interpreter = probe(folder.absolute() / "bin" / "python")
    written = folder / STAMP
    return interpreter is not None and written.is_file() and written.read_text() == stamp(interpreter, lock)


def make(folder: Path, lock_file: Path, interpreter: Interpreter) -> None:
    """Makes the environment anew, its stamp last, so that one left half made is made again.

    Raises subprocess.CalledProcessError.
    """
    (folder / STAMP).unlink(missing_ok=True)
    subprocess.run([interpreter.path, "-I", "-m", "venv", "--clear", folder], check=True)
    own = Interpreter(folder.absolute() / "bin" / "python", interpreter.version)
    pip = [str(own.path), "-I", "-m", "pip", "--disable-pip-version-check", "--quiet", "--quiet"]
    # The lock is complete already, and pips before 24 resolve some extras in it wrongly.
    install = ["install", "--no-deps", "--require-hashes", "--requirement", str(lock_file)]
    subprocess.run([*pip, *install], check=True)
    (folder / STAMP).write_text(stamp(own, lock_file.read_bytes()))


def main(arguments: Sequence[str], environment: Mapping[str, str], home: Path) -> str | None:
    """Makes the environment (first argument) from the lock (second) unless it is made.

    Returns what went wrong, if anything did.
    """
    folder, lock_file = map(Path, arguments)
    # Open for writing, without which network file systems refuse the lock.
    with lock_file.open("rb+") as lock:
        # Two tasks started at once on a fresh clone make one environment: the second waits here.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_current(folder, lock.read()):
            return None
        places = search_folders(environment, home)
        interpreter = preferred(filter(None, map(probe, candidates(chain(*places.values())))))
        if interpreter is None:
            return (
                "No usable Python 3.11 or newer: looked for python3 and python3.N on "
                f"{', in '.join(places)}; usable is a released CPython with venv, ensurepip and ssl."
            )
        missing = "" if interpreter.version[:2] == DEPLOYED else "Python 3.13, as deployed, was not found. "
        print(f"{missing}Making {folder} with {interpreter}; a minute or so.", flush=True)
        try:
            make(folder, lock_file, interpreter)
        except subprocess.CalledProcessError as failure:
            return f"{folder} was not made: exit code {failure.returncode}. The next run makes it again."
    return None


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:], os.environ, Path.home()))
    except KeyboardInterrupt:
        sys.exit("Interrupted. The next run makes the environment again.")

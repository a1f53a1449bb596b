"""The third-party packages as they are published: from wheels for Lambda, or from what is installed here."""

import hashlib
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from email import message_from_bytes
from functools import cached_property
from importlib.metadata import distribution
from pathlib import Path, PurePosixPath
from typing import Final

from tooling.package.rules import ARCHITECTURES, PLATFORM_VERSIONS, PYTHON

PROJECT: Final = Path(__file__).parents[2]
LAYER_LOCK: Final = PROJECT / "layers" / "dependencies" / "requirements.txt"
_EXTENSION_SUFFIX: Final = re.compile(r"(\.(cpython-\d+|abi3)[\w-]*)?\.so$")
_WRITTEN_BY_INSTALLERS: Final = ("INSTALLER", "REQUESTED", "RECORD", "direct_url.json")


@dataclass(frozen=True)
class Distribution:
    """One package in one version: its files by their path in site-packages, read when they are asked for.

    `wheel_sha256` is the digest of the wheel that it comes from, where it comes from one.
    """

    name: str
    version: str
    readers: Mapping[str, Callable[[], bytes]]
    wheel_sha256: str | None = None

    def read(self, path: str) -> bytes:
        """The content of a file. Raises KeyError."""
        return self.readers[path]()

    @cached_property
    def modules(self) -> dict[str, str]:
        """The path of every module and package by its name, compiled ones among them."""
        return {
            name: path for path in self.readers if _is_module(path) for name in [module_name(path)] if name
        }

    @property
    def libraries(self) -> list[str]:
        """The paths of the bundled libraries, which auditwheel puts into a folder of their own."""
        return sorted(path for path in self.readers if PurePosixPath(path).parts[0].endswith(".libs"))

    @property
    def macos_libraries(self) -> list[str]:
        """The same in a package for macOS, inside the package's folder."""
        return sorted(path for path in self.readers if "/.dylibs/" in path)

    @property
    def information(self) -> str:
        """The folder with what the package says of itself."""
        return next(
            parts[0]
            for parts in (PurePosixPath(path).parts for path in self.readers)
            if parts[0].endswith(".dist-info")
        )

    @property
    def licence_files(self) -> list[str]:
        """The paths of its licences, in order."""
        return sorted(
            path
            for path in self.readers
            if path.startswith(f"{self.information}/")
            and re.match(r"licen[cs]e|copying|notice", PurePosixPath(path).name, re.IGNORECASE)
        )


def module_name(path: str) -> str:
    """The name under which a file is imported."""
    stem = _EXTENSION_SUFFIX.sub("", path).removesuffix(".py").replace("/", ".")
    return stem.removesuffix(".__init__")


def installed(names: Iterable[str]) -> list[Distribution]:
    """The packages as this interpreter's environment has them. Raises PackageNotFoundError."""
    found = []
    for name in names:
        package = distribution(name)
        readers = {
            str(file): Path(str(file.locate())).read_bytes
            for file in package.files or ()
            if ".." not in file.parts and "__pycache__" not in file.parts
            if not (file.parts[0].endswith(".dist-info") and file.name in _WRITTEN_BY_INSTALLERS)
        }
        found.append(Distribution(package.metadata["Name"], package.version, readers))
    return found


def from_wheels(folder: Path) -> list[Distribution]:
    """The packages of the wheels in a folder, by name, without their programs.

    Raises ValueError for a wheel that is not just unpacked, or not into site-packages alone.
    """
    found = []
    for wheel in sorted(folder.glob("*.whl")):
        archive = zipfile.ZipFile(wheel)
        if any(_leads_outside(path) for path in archive.namelist()):
            raise ValueError(f"{wheel.name} has files for outside of the folder that it is unpacked into")
        paths = [
            path for path in archive.namelist() if not path.endswith("/") and ".data/scripts/" not in path
        ]
        if any(PurePosixPath(path).parts[0].endswith(".data") for path in paths):
            raise ValueError(f"{wheel.name} has modules or data for other places than site-packages")
        readers = {
            path: _reader(archive, path)
            for path in paths
            if not (".dist-info/" in path and PurePosixPath(path).name in _WRITTEN_BY_INSTALLERS)
        }
        information = "-".join(wheel.name.split("-")[:2]) + ".dist-info"
        metadata = message_from_bytes(archive.read(f"{information}/METADATA"))
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        found.append(Distribution(metadata["Name"], metadata["Version"], readers, digest))
    return found


def download_wheels(lock: Path, architecture: str, folder: Path) -> None:
    """The lock's wheels for Lambda, each with one of the locked hashes, whatever machine this is.

    Raises subprocess.CalledProcessError.
    """
    machine = ARCHITECTURES[architecture]
    platforms = [f"manylinux_{version}_{machine}" for version in PLATFORM_VERSIONS] + [
        f"manylinux2014_{machine}"
    ]
    options = [
        "--quiet", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes",
        "--only-binary=:all:", "--implementation=cp", f"--python-version={PYTHON[0]}.{PYTHON[1]}",
        *(f"--platform={each}" for each in platforms),
    ]  # fmt: skip
    pip = [sys.executable, "-m", "pip", "download"]
    subprocess.run([*pip, *options, "--requirement", str(lock), "--dest", str(folder)], check=True)


def read_names(lock: Path) -> list[str]:
    """The names of the packages of a lock."""
    return re.findall(r"^([\w.-]+)==", lock.read_text(), re.MULTILINE)


def _leads_outside(path: str) -> bool:
    return path.startswith("/") or ".." in PurePosixPath(path).parts


def _is_module(path: str) -> bool:
    parts = PurePosixPath(path).parts
    in_package = all(part.isidentifier() for part in parts[:-1])
    return in_package and (path.endswith(".py") or bool(_EXTENSION_SUFFIX.search(path)))


def _reader(archive: zipfile.ZipFile, path: str) -> Callable[[], bytes]:
    return lambda: archive.read(path)

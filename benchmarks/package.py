"""How large what is deployed is, for each processor, against the naive stack's package."""

import re
import subprocess
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tooling.package.artefacts import LAYERS, Artefact, artefacts
from tooling.package.distributions import (
    LAYER_LOCK,
    PROJECT,
    Distribution,
    download_wheels,
    from_wheels,
    read_names,
)
from tooling.package.rules import ARCHITECTURES
from tooling.package.trees import write_archive, write_files, write_tree

from benchmarks.applications import NAIVE_FOLDER, NAIVE_PACKAGES
from benchmarks.measurements import Measurement

_DEVELOPMENT_LOCK: Final = PROJECT / "requirements" / "development.lock"
_BIGGEST: Final = "generate_image"
"""The function whose code counts with all layers, as Lambda counts it."""


@dataclass(frozen=True, slots=True)
class Extent:
    """What a folder and its archive take, and how many files there are."""

    unzipped_bytes: int
    zipped_bytes: int
    files: int

    def __add__(self, other: "Extent") -> "Extent":
        return Extent(
            self.unzipped_bytes + other.unzipped_bytes,
            self.zipped_bytes + other.zipped_bytes,
            self.files + other.files,
        )


def measure() -> list[Measurement]:
    """Every artefact, and what one image function is made of; a processor without wheels here is left out."""
    found: list[Measurement] = []
    for architecture in ARCHITECTURES:
        with tempfile.TemporaryDirectory() as folder:
            try:
                naive = measure_naive(Path(folder) / "naive", architecture)
                extents = measure_artefacts(Path(folder) / "deployed", architecture)
            except subprocess.CalledProcessError:
                warnings.warn(f"The package index gave no wheels for {architecture}.", stacklevel=1)
                continue
        extents = {
            f"{_BIGGEST} with its layers": sum_of(extents[name] for name in (_BIGGEST, *LAYERS)),
            # Only this layer has compiled code of the processor's.
            **(extents if not found else {"dependencies": extents["dependencies"]}),
        }
        for name, extent in extents.items():
            found += _compare(f"{architecture} {name}", extent, naive)
    return found


def measure_artefacts(folder: Path, architecture: str) -> dict[str, Extent]:
    """The extent of every artefact by its name. Raises subprocess.CalledProcessError."""
    return {each.name: _extent(each, folder) for each in artefacts(_fetch(LAYER_LOCK, architecture, folder))}


def measure_naive(folder: Path, architecture: str) -> Extent:
    """What `pip install --target` and the handler would be in one archive, nothing compiled.

    Raises subprocess.CalledProcessError.
    """
    folder.mkdir(parents=True)
    lock = folder / "naive.lock"
    lock.write_text(select(_DEVELOPMENT_LOCK.read_text(), {*read_names(LAYER_LOCK), *NAIVE_PACKAGES}))
    files = {
        path: package.read(path) for package in _fetch(lock, architecture, folder) for path in package.readers
    }
    for path in NAIVE_FOLDER.glob("*.py"):
        files[path.name] = path.read_bytes()
    write_files(files, folder / "tree")
    return extent_of(folder / "tree")


def select(lock: str, names: Iterable[str]) -> str:
    """Of a lock the requirements of these names, with their hashes."""
    wanted = set(names)
    requirements = re.split(r"\n(?=[\w])", lock)
    return "\n".join(each for each in requirements if each.partition("==")[0] in wanted) + "\n"


def extent_of(folder: Path) -> Extent:
    """What a folder and its archive, written beside it, take."""
    archive = folder.with_suffix(".zip")
    write_archive(folder, archive)
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return Extent(sum(sizes), archive.stat().st_size, len(sizes))


def sum_of(extents: Iterable[Extent]) -> Extent:
    """All of them together."""
    return sum(extents, Extent(0, 0, 0))


def _fetch(lock: Path, architecture: str, folder: Path) -> list[Distribution]:
    wheels = folder / "wheels"
    wheels.mkdir(parents=True)
    download_wheels(lock, architecture, wheels)
    return from_wheels(wheels)


def _extent(artefact: Artefact, folder: Path) -> Extent:
    write_tree(artefact.files, folder / artefact.name, artefact.lambda_folder)
    return extent_of(folder / artefact.name)


def _compare(name: str, extent: Extent, naive: Extent) -> Iterator[Measurement]:
    yield Measurement(f"{name}: unzipped", extent.unzipped_bytes / 1e6, "MB", naive.unzipped_bytes / 1e6)
    yield Measurement(f"{name}: zipped", extent.zipped_bytes / 1e6, "MB", naive.zipped_bytes / 1e6)
    yield Measurement(f"{name}: files", extent.files, "", naive.files)

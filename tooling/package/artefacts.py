"""Everything that is deployed: functions and layers, each with its files and its place on Lambda."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tooling.package.contents import dependency_files, own_files, own_modules
from tooling.package.distributions import PROJECT, Distribution

TASK_ROOT: Final = "/var/task"
LAYER_ROOT: Final = "/opt"
LAYERS: Final = ("shared", "streaming", "dependencies")


@dataclass(frozen=True, slots=True)
class Artefact:
    """One function, by its folder's name, or one of `LAYERS`; `lambda_folder` is where Lambda unpacks it."""

    name: str
    files: Mapping[str, bytes]
    lambda_folder: str


def artefacts(packages: Sequence[Distribution], project: Path = PROJECT) -> Iterator[Artefact]:
    """Every artefact that is deployed from the folder `project`, with the third-party `packages`."""
    for handler in sorted(project.glob("functions/*/handler.py")):
        yield function(handler.parent)
    yield packages_layer(project / "shared")
    yield layer(project / "layers" / "streaming")
    yield Artefact("dependencies", dependency_files(packages, own_modules(project)), LAYER_ROOT)


def function(folder: Path) -> Artefact:
    """A function's code."""
    return Artefact(folder.name, own_files(folder), TASK_ROOT)


def layer(folder: Path) -> Artefact:
    """A layer that lies in its folder as it will lie in /opt."""
    return Artefact(folder.name, own_files(folder), LAYER_ROOT)


def packages_layer(folder: Path) -> Artefact:
    """A layer of the packages in a folder."""
    files = {f"python/{path}": content for path, content in own_files(folder).items()}
    return Artefact(folder.name, files, LAYER_ROOT)

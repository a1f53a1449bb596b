"""What is deployed as Lambda unpacks it, made for this machine from the packages that are installed on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tooling.package.artefacts import LAYER_ROOT, LAYERS, artefacts
from tooling.package.distributions import LAYER_LOCK, installed, read_names
from tooling.package.trees import write_tree


@dataclass(frozen=True, slots=True)
class Unpacked:
    """Where each function's code lies, by its folder's name, and what the layers make of /opt together."""

    tasks: Mapping[str, Path]
    opt: Path


def unpack(folder: Path) -> Unpacked:
    """Build everything into `folder`. Raises PackageNotFoundError."""
    tasks: dict[str, Path] = {}
    opt_files: dict[str, bytes] = {}
    for artefact in artefacts(installed(read_names(LAYER_LOCK))):
        if artefact.name in LAYERS:
            opt_files |= artefact.files
        else:
            tasks[artefact.name] = folder / artefact.name
            write_tree(artefact.files, tasks[artefact.name], artefact.lambda_folder)
    write_tree(opt_files, folder / "opt", LAYER_ROOT)
    return Unpacked(tasks, folder / "opt")

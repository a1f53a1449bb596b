"""What is deployed as Lambda unpacks it, built for this machine with the rules that `sam build` uses."""

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PROJECT: Final = Path(__file__).parent.parent
_LAYERS: Final = {
    "SharedLayer": _PROJECT / "shared",
    "DependenciesLayer": _PROJECT / "layers" / "dependencies",
    "StreamingLayer": _PROJECT / "layers" / "streaming",
}


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The folder of each function's code, by its name, and the folder of all layers, which is /opt."""

    tasks: Mapping[str, Path]
    opt: Path


def unpack(folder: Path) -> Unpacked:
    """Build every layer and function into `folder`. Raises subprocess.CalledProcessError."""
    opt = folder / "opt"
    for name, source in _LAYERS.items():
        _build(name, source, opt)
    sources = [handler.parent for handler in sorted((_PROJECT / "functions").glob("*/handler.py"))]
    tasks = {source.name: folder / source.name for source in sources}
    for source in sources:
        _build(source.name, source, tasks[source.name])
    return Unpacked(tasks, opt)


def _build(name: str, source: Path, artifacts: Path) -> None:
    artifacts.mkdir(parents=True, exist_ok=True)
    command = ["make", "--silent", "--makefile", str(_PROJECT / "layers" / "Makefile"), f"build-{name}"]
    # The rules run python3.13, which lies beside this one.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    own = {"ARTIFACTS_DIR": str(artifacts), "PATH": path, "PLATFORM": f"manylinux2014_{platform.machine()}"}
    subprocess.run(command, cwd=source, env={**os.environ, **own}, check=True)

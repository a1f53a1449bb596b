"""What each shipped artefact holds: its files by their path in it, before anything is compiled."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from tooling.package.distributions import PROJECT, Distribution, module_name
from tooling.package.imports import reached_modules
from tooling.package.licences import LICENCE_FILE, licence_texts
from tooling.package.rules import ALSO_SHIPPED, LEFT_OUT, UNNEEDED_LIBRARIES
from tooling.package.shared_objects import (
    exported_symbols,
    is_shared_object,
    needed_libraries,
    without_library,
)

Files = Mapping[str, bytes]
Libraries = Mapping[str, tuple[Distribution, str]]
"""The bundled libraries by their names: the package of each, and the path in it."""

OWN_FOLDERS: Final = ("shared", "layers/streaming/python")


def own_files(folder: Path) -> dict[str, bytes]:
    """The project's own code of a folder: modules, and programs, which have no suffix."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and (path.suffix == ".py" or is_program(path.read_bytes()))
    }


def is_program(content: bytes) -> bool:
    """Whether the file says what runs it."""
    return content.startswith(b"#!")


def own_modules(project: Path = PROJECT) -> dict[str, bytes]:
    """Every module that is shipped and ours, by name; a function's as functions.<folder>."""
    modules = {
        f"functions.{path.parent.name}": path.read_bytes() for path in project.glob("functions/*/handler.py")
    }
    for folder in OWN_FOLDERS:
        for path, content in own_files(project / folder).items():
            modules[module_name(path)] = content
    return modules


def dependency_files(distributions: Iterable[Distribution], own: Mapping[str, bytes]) -> dict[str, bytes]:
    """The dependencies' layer: of the packages what the modules of `own` can import, and the licences."""
    distributions = list(distributions)
    paths = {name: (each, path) for each in distributions for name, path in each.modules.items()}
    sources = {
        name: package.read(path) if path.endswith(".py") else None for name, (package, path) in paths.items()
    }
    reached = reached_modules([*own, *ALSO_SHIPPED], {**sources, **own}, is_left_out) - own.keys()
    libraries = {PurePosixPath(path).name: (each, path) for each in distributions for path in each.libraries}
    shipped = {
        f"python/{path}": _without_unneeded(path, package.read(path), libraries)
        for package, path in (paths[name] for name in reached)
    }
    shipped |= _needed_libraries(shipped, libraries)
    used = [each for each in distributions if any(f"python/{path}" in shipped for path in each.readers)]
    # Never deployed, but measured where somebody works on macOS; there nothing is left out.
    shipped |= {f"python/{path}": each.read(path) for each in used for path in each.macos_libraries}
    shipped[LICENCE_FILE] = licence_texts(used).encode()
    return shipped


def is_left_out(module: str) -> bool:
    """Whether a rule leaves out the module or a package around it."""
    return any(module == name or module.startswith(f"{name}.") for name in LEFT_OUT)


def _needed_libraries(files: Files, libraries: Libraries) -> dict[str, bytes]:
    """The bundled libraries that the compiled modules need, and those that these need, and so on."""
    found: dict[str, bytes] = {}
    waiting = [content for content in files.values() if is_shared_object(content)]
    while waiting:
        for name in needed_libraries(waiting.pop()):
            if name in libraries and name not in found:
                package, path = libraries[name]
                found[name] = _without_unneeded(path, package.read(path), libraries)
                waiting.append(found[name])
    return {f"python/{libraries[name][1]}": content for name, content in found.items()}


def _without_unneeded(path: str, content: bytes, libraries: Libraries) -> bytes:
    """The file without the libraries that it is linked to and never calls."""
    if not is_shared_object(content):
        return content
    for rule in UNNEEDED_LIBRARIES:
        if _stem(path) == rule.by:
            needed = needed_libraries(content)
            (unneeded,) = (each for each in needed if _stem(each) == rule.library)
            exports = {
                name: exported_symbols(package.read(place))
                for name, (package, place) in libraries.items()
                if name in needed
            }
            only_there = exports.pop(unneeded).difference(*exports.values())
            content = without_library(content, unneeded, rule.symbols, only_there)
    return content


def _stem(path: str) -> str:
    return re.split(r"[-.]", PurePosixPath(path).name, maxsplit=1)[0]

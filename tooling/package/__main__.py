"""Builds what is deployed. SAM runs it for each function and layer, the Makefile for the rest.

``python -m tooling.package function|layer|packages|dependencies|seal|check|licences|sbom ...``
"""

import argparse
import hashlib
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tooling.package.artefacts import LAYER_ROOT, artefacts, function, layer, packages_layer
from tooling.package.bill_of_materials import bill_of_materials, encode
from tooling.package.contents import dependency_files, own_modules
from tooling.package.distributions import (
    LAYER_LOCK,
    Distribution,
    download_wheels,
    from_wheels,
    installed,
    read_names,
)
from tooling.package.licences import DOCUMENT, document
from tooling.package.rules import ARCHITECTURES, PYTHON
from tooling.package.trees import seal, write_archive, write_tree

_OWN = {"function": function, "layer": layer, "packages": packages_layer}


def main(arguments: Sequence[str] | None = None) -> str | None:
    """Do one thing; returns what is wrong, if anything is."""
    chosen = _parse(arguments)
    if chosen.command == "licences":
        write_licences()
        return None
    if chosen.command == "sbom":
        write_bills(chosen.target)
        return None
    if sys.version_info[:2] != PYTHON:
        return f"Compiled files fit one version alone: Python {PYTHON[0]}.{PYTHON[1]} is needed for this."
    match chosen.command:
        case "seal":
            try:
                archives = seal(chosen.build)
            except ValueError as error:
                return str(error)
            for archive in archives:
                print(describe(archive))
        case "check":
            return check()
        case "dependencies":
            with tempfile.TemporaryDirectory() as folder:
                packages = fetch(chosen.architecture, Path(folder))
                write_tree(dependency_files(packages, own_modules()), chosen.target, LAYER_ROOT)
        case own:
            artefact = _OWN[own](chosen.source)
            write_tree(artefact.files, chosen.target, artefact.lambda_folder)
    return None


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tooling.package", description="Build what is deployed.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, told in (
        ("function", "a function's code"),
        ("layer", "a layer as it lies in its folder"),
        ("packages", "a layer of the packages in a folder"),
    ):
        command = commands.add_parser(name, help=told)
        command.add_argument("source", type=Path)
        command.add_argument("target", type=Path)
    command = commands.add_parser("dependencies", help="the layer of third-party packages")
    command.add_argument("architecture", choices=ARCHITECTURES)
    command.add_argument("target", type=Path)
    command = commands.add_parser(
        "seal", help="archives of what SAM built, which SAM then uploads as they are"
    )
    command.add_argument("build", type=Path)
    commands.add_parser("check", help="build everything twice for each processor, and compare")
    commands.add_parser("licences", help="write docs/licences.md")
    command = commands.add_parser("sbom", help="write a bill of materials for each processor")
    command.add_argument("target", type=Path)
    return parser.parse_args(arguments)


def fetch(architecture: str, folder: Path) -> list[Distribution]:
    """The locked packages for a processor, downloaded into `folder`."""
    download_wheels(LAYER_LOCK, architecture, folder)
    return from_wheels(folder)


def check() -> str | None:
    """Build every artefact twice for each processor, in two folders and under different umasks."""
    differing = []
    for architecture in ARCHITECTURES:
        with (
            tempfile.TemporaryDirectory() as first,
            tempfile.TemporaryDirectory(suffix="-elsewhere") as second,
        ):
            builds = [
                _archive_all(architecture, Path(place), umask)
                for place, umask in ((first, 0o022), (second, 0o077))
            ]
            for one, other in zip(*builds, strict=True):
                print(architecture, describe(one))
                if one.read_bytes() != other.read_bytes():
                    differing.append(f"{architecture} {one.stem}")
    return f"Two builds differ in {', '.join(differing)}." if differing else None


def _archive_all(architecture: str, place: Path, umask: int) -> list[Path]:
    before = os.umask(umask)
    try:
        wheels = place / "wheels"
        wheels.mkdir()
        archives = []
        for artefact in artefacts(fetch(architecture, wheels)):
            tree = place / artefact.name
            write_tree(artefact.files, tree, artefact.lambda_folder)
            archives.append(tree.with_suffix(".zip"))
            write_archive(tree, archives[-1])
        return archives
    finally:
        os.umask(before)


def write_licences() -> None:
    """Write docs/licences.md from the packages that are installed."""
    packages = installed(read_names(LAYER_LOCK))
    DOCUMENT.write_text(document(packages, dependency_files(packages, own_modules())))


def write_bills(folder: Path) -> None:
    """Write a bill of materials of the layer of third-party packages for each processor."""
    folder.mkdir(parents=True, exist_ok=True)
    for architecture in ARCHITECTURES:
        with tempfile.TemporaryDirectory() as wheels:
            packages = fetch(architecture, Path(wheels))
            bill = bill_of_materials(packages, dependency_files(packages, own_modules()), architecture)
        target = folder / f"sbom-{architecture}.cdx.json"
        target.write_text(encode(bill))
        print(target)


def describe(archive: Path) -> str:
    """One line about an archive."""
    content = archive.read_bytes()
    return f"{archive.name}: {len(content):,} bytes, sha256 {hashlib.sha256(content).hexdigest()}"


if __name__ == "__main__":
    sys.exit(main())

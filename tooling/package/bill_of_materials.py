"""What the layer of third-party packages is made of, as CycloneDX 1.6; `make sbom`.

Source: https://cyclonedx.org/docs/1.6/json/
"""

import hashlib
import json
import re
import tomllib
import uuid
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any, Final

from tooling.package.distributions import PROJECT, Distribution
from tooling.package.licences import LIBRARIES, library_stem, licence_of
from tooling.package.rules import UNNEEDED_LIBRARIES

_NAMESPACE: Final = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")
"""RFC 9562's name space of URLs."""

_SOURCE_TAG: Final = re.compile(r"https://github\.com/[\w.-]+/([\w.-]+)/tree/v?([\d.]+)\s*$", re.MULTILINE)


def bill_of_materials(
    packages: Iterable[Distribution], files: Mapping[str, bytes], architecture: str
) -> dict[str, Any]:
    """The document: every package of which the layer's `files` have some, and the libraries it bundles.

    The same layer gives the same document: its number is made from its content, and it names no time.
    """
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    root = {
        "type": "application",
        "bom-ref": project["name"],
        "name": project["name"],
        "version": project["version"],
        "licenses": [{"expression": project["license"]}],
        "properties": [{"name": "architecture", "value": architecture}],
    }
    components = []
    dependencies: list[dict[str, Any]] = []
    for package in sorted(packages, key=lambda each: each.name.lower()):
        if any(f"python/{path}" in files for path in package.readers):
            libraries = [*_libraries(package, files), *_built_in(package)]
            component = _package(package)
            components += [component, *libraries]
            needs = [library["bom-ref"] for library in libraries]
            dependencies.append({"ref": component["bom-ref"], "dependsOn": needs})
    depends_on = [each["ref"] for each in dependencies]
    document: dict[str, Any] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": root},
        "components": components,
        "dependencies": [{"ref": root["bom-ref"], "dependsOn": depends_on}, *dependencies],
    }
    content = json.dumps(document, sort_keys=True)
    number = uuid.uuid5(_NAMESPACE, hashlib.sha256(content.encode()).hexdigest())
    return {**document, "serialNumber": number.urn}


def encode(document: Mapping[str, Any]) -> str:
    """The document as it is written."""
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def _package(package: Distribution) -> dict[str, Any]:
    name = package.name.lower().replace("_", "-")
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": f"pkg:pypi/{name}@{package.version}",
        "name": name,
        "version": package.version,
        "purl": f"pkg:pypi/{name}@{package.version}",
        "licenses": [{"expression": licence_of(package)}],
    }
    if package.wheel_sha256:
        component["hashes"] = [{"alg": "SHA-256", "content": package.wheel_sha256}]
    return component


def _libraries(package: Distribution, files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """Each bundled library that is shipped, with its file's digest, and its version where that is told."""
    versions = bundled_versions(package)
    found = []
    for path in package.libraries:
        content = files.get(f"python/{path}")
        if content is None:
            continue
        library = LIBRARIES[library_stem(path)]
        component: dict[str, Any] = {
            "type": "library",
            "bom-ref": f"{package.name}/{PurePosixPath(path).name}",
            "name": library.project,
            "licenses": [{"expression": library.licence}],
            "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(content).hexdigest()}],
            "externalReferences": [{"type": "vcs", "url": library.source}],
            "properties": [{"name": "file", "value": f"python/{path}"}],
        }
        version = versions.get(_comparable(library.project))
        if version:
            component["version"] = version
        for rule in UNNEEDED_LIBRARIES:
            if library_stem(path) == rule.by:
                component["modified"] = True
                component["pedigree"] = {
                    "notes": f"The needed library {rule.library} was taken off its list."
                }
        found.append(component)
    return found


def _built_in(package: Distribution) -> list[dict[str, Any]]:
    """What a package says was compiled into its own modules, from other people's sources."""
    return [
        {
            "type": "library",
            "bom-ref": component["purl"],
            **{
                name: component[name] for name in ("name", "version", "purl", "licenses") if name in component
            },
        }
        for component in _own_components(package)
        if component.get("purl", "").startswith("pkg:github/")
    ]


def _own_components(package: Distribution) -> list[dict[str, Any]]:
    """The components of the bills of materials that a package brings (PEP 770)."""
    return [
        component
        for path in sorted(package.readers)
        if path.startswith(f"{package.information}/sboms/")
        for component in json.loads(package.read(path)).get("components", ())
    ]


def bundled_versions(package: Distribution) -> dict[str, str]:
    """The versions of bundled libraries that a package tells, by their comparable names.

    It does in a bill of materials, or by the addresses of their sources.
    """
    versions: dict[str, str] = {}
    for component in _own_components(package):
        if component.get("version"):
            for name in component["name"].split(" / "):
                versions[_comparable(name)] = component["version"]
    for path in package.licence_files:
        for name, version in _SOURCE_TAG.findall(package.read(path).decode("utf-8", "replace")):
            versions.setdefault(_comparable(name), version)
    return versions


def _comparable(name: str) -> str:
    return re.sub(r"[\W\d_]+", "", name).lower().removeprefix("lib")

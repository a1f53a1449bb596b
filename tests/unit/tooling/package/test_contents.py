"""What is shipped of the packages, and what is not."""

import re
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from local.template import PROJECT
from tooling.package.contents import dependency_files, is_left_out, own_files, own_modules
from tooling.package.distributions import LAYER_LOCK, Distribution, installed, module_name, read_names
from tooling.package.imports import imported_names, reached_modules
from tooling.package.licences import LICENCE_FILE
from tooling.package.rules import ALSO_SHIPPED, LEFT_OUT, UNNEEDED_LIBRARIES
from tooling.package.shared_objects import is_shared_object, needed_libraries

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="wheels bundle other files elsewhere")


def package(name: str, files: dict[str, str]) -> Distribution:
    """A pure package with these files, and what every package has beside its code."""
    texts = files | {
        f"{name}-1.0.dist-info/METADATA": f"Name: {name}\nVersion: 1.0\nLicense-Expression: MIT\n",
        f"{name}-1.0.dist-info/licenses/LICENSE": f"The licence of {name}.",
        f"{name}/py.typed": "",
    }
    return Distribution(name, "1.0", {path: text.encode for path, text in texts.items()})


@pytest.fixture(scope="module")
def packages() -> list[Distribution]:
    return installed(read_names(LAYER_LOCK))


@pytest.fixture(scope="module")
def layer(packages: list[Distribution]) -> Mapping[str, bytes]:
    return dependency_files(packages, own_modules())


def modules_of(layer: Mapping[str, bytes]) -> set[str]:
    return {module_name(path.removeprefix("python/")) for path in layer if path.endswith((".py", ".so"))}


def test_of_a_package_that_is_imported_only_what_can_be_reached_is_shipped() -> None:
    used = package("used", {"used/__init__.py": "from . import a", "used/a.py": "", "used/b.py": ""})
    files = dependency_files([used], {"ours": b"import used"})
    assert files.keys() == {"python/used/__init__.py", "python/used/a.py", LICENCE_FILE}


def test_of_a_package_that_nothing_imports_nothing_is_shipped_nor_its_licence() -> None:
    used, unused = package("used", {"used.py": "import os"}), package("unused", {"unused.py": ""})
    files = dependency_files([used, unused], {"ours": b"import used"})
    assert files.keys() == {"python/used.py", LICENCE_FILE}
    assert b"The licence of used." in files[LICENCE_FILE]
    assert b"The licence of unused." not in files[LICENCE_FILE]


def test_the_code_is_the_packages_own(layer: Mapping[str, bytes], packages: list[Distribution]) -> None:
    texts = {f"python/{path}": each.readers[path] for each in packages for path in each.readers}
    changed = [path for path, content in layer.items() if path in texts and content != texts[path]()]
    assert {re.split("[-.]", Path(path).name)[0] for path in changed} <= {
        each.by for each in UNNEEDED_LIBRARIES
    }
    assert layer.keys() - texts.keys() == {LICENCE_FILE}


def test_every_rule_is_needed(packages: list[Distribution], layer: Mapping[str, bytes]) -> None:
    """A rule for what a newer version has no more would hide that nobody looked."""
    known = {name for each in packages for name in each.modules}
    assert set(LEFT_OUT) <= known
    assert set(ALSO_SHIPPED) <= known
    assert set(ALSO_SHIPPED) <= modules_of(layer)
    assert not [
        module for module in modules_of(layer) for name in LEFT_OUT if f"{module}.".startswith(f"{name}.")
    ]


def test_none_of_the_projects_modules_imports_what_is_left_out() -> None:
    """That others do without is seen by the tests on the shipped package."""
    own = own_modules()
    named = {
        name
        for module, text in own.items()
        for name in imported_names(
            text, module, is_package=any(each.startswith(f"{module}.") for each in own)
        )
    }
    assert "starlette.responses" in named
    assert not {name for name in named if is_left_out(name)}


@on_linux
def test_every_library_that_is_needed_is_shipped_or_the_systems(layer: Mapping[str, bytes]) -> None:
    compiled = {path: content for path, content in layer.items() if is_shared_object(content)}
    shipped = {Path(path).name for path in compiled}
    needed = {name for content in compiled.values() for name in needed_libraries(content)}
    bundled = {name for name in needed if re.search(r"-[0-9a-f]{8}\.so", name)}
    assert bundled == {Path(path).name for path in compiled if ".libs/" in path}
    assert bundled <= shipped
    assert {name.partition(".")[0] for name in needed - bundled} <= {
        "libc", "libm", "libpthread", "libdl", "librt", "libstdc++", "libgcc_s", "libz", "ld-linux-x86-64",
        "ld-linux-aarch64",
    }  # fmt: skip


@on_linux
def test_nothing_under_the_gpl_is_shipped(layer: Mapping[str, bytes]) -> None:
    assert not [path for path in layer if "x265" in path]
    assert b"libx265" not in b"".join(needed_names(layer))


def needed_names(layer: Mapping[str, bytes]) -> list[bytes]:
    return [
        name.encode()
        for content in layer.values()
        if is_shared_object(content)
        for name in needed_libraries(content)
    ]


def test_no_part_of_the_project_is_shipped_that_no_function_reaches() -> None:
    own = own_modules()
    functions = [name for name in own if name.startswith("functions.")]
    wrapper = "lambda_response_streaming.__main__"
    reached = reached_modules([*functions, wrapper], dict(own))
    assert own.keys() - reached == set()


@pytest.mark.parametrize("folder", ["shared", "layers/streaming", "functions"])
def test_no_file_of_the_project_is_left_out_but_what_is_written_for_people(folder: str) -> None:
    """Code and programs are shipped. Data of another kind would have to be read by a rule first."""
    there = {
        path.relative_to(PROJECT / folder).as_posix()
        for path in (PROJECT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert there - own_files(PROJECT / folder).keys() <= {"README.md"}

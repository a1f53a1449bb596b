"""Dynalite is installed once from its lock, runs while it is needed, and says why where it cannot."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imagineart.adapters.aws_client import AwsCallError
from tests.processes import await_end
from tests.stores import dynalite_server
from tests.stores.dynalite_server import SOURCE, NodeMissingError, NotInstalledError, installed, require_node
from tests.stores.tables import client_of

LOCKED = json.loads((SOURCE / "package-lock.json").read_text())["packages"]


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in front of the PATH whose npm notes each call and installs nothing."""
    programs = tmp_path / "programs"
    program(programs, "npm", f'echo "$@" >> {tmp_path}/calls; mkdir node_modules')
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    return programs


def test_every_locked_package_has_a_version_and_an_integrity_and_no_host() -> None:
    packages = {name: each for name, each in LOCKED.items() if name}
    assert "node_modules/dynalite" in packages
    for each in packages.values():
        assert each["version"]
        assert each["integrity"].startswith("sha512-")
        assert "resolved" not in each
    assert LOCKED[""]["dependencies"] == {"dynalite": packages["node_modules/dynalite"]["version"]}
    assert "://" not in json.dumps([each.get("resolved") for each in packages.values()])


def test_who_needs_it_at_once_installs_it_once(npm: Path, tmp_path: Path) -> None:
    folder = tmp_path / "local"
    with ThreadPoolExecutor(4) as threads:
        homes = set(threads.map(installed, [folder] * 4))
    (home,) = homes
    assert (home / "node_modules").is_dir()
    assert (tmp_path / "calls").read_text().count("\n") == 1
    assert sorted(each.name for each in folder.iterdir()) == sorted([home.name, "dynalite.lock"])


def test_an_installation_that_fails_says_so_and_is_not_taken_for_one(npm: Path, tmp_path: Path) -> None:
    program(npm, "npm", "echo no route to the registry >&2; mkdir node_modules; exit 1")
    for _ in range(2):
        with pytest.raises(NotInstalledError, match="no route to the registry"):
            installed(tmp_path / "local")
    program(npm, "npm", "mkdir node_modules")
    assert (installed(tmp_path / "local") / "node_modules").is_dir()


@pytest.mark.parametrize("present", [[], ["node"], ["npm"]])
def test_a_machine_without_node_or_npm_is_told_what_is_missing(present: list[str], tmp_path: Path) -> None:
    for name in present:
        program(tmp_path, name, "echo v99.0.0")
    with pytest.raises(NodeMissingError, match=r"needs Node\.js 20 with npm") as caught:
        require_node({"PATH": str(tmp_path)})
    for name in {"node", "npm"} - set(present):
        assert name in str(caught.value)


@pytest.mark.parametrize(
    ("version", "is_enough"), [("v18.19.0", False), ("v20.0.0", True), ("v101.1.0", True)]
)
def test_node_has_to_be_new_enough(version: str, is_enough: bool, tmp_path: Path) -> None:
    program(tmp_path, "npm", "")
    program(tmp_path, "node", f"echo {version}")
    if is_enough:
        require_node({"PATH": str(tmp_path)})
    else:
        with pytest.raises(NodeMissingError, match=version):
            require_node({"PATH": str(tmp_path)})


def test_a_server_is_empty_listens_on_loopback_alone_and_ends_with_its_use(
    dynalite_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    await_listening = dynalite_server.await_listening
    monkeypatch.setattr(
        dynalite_server,
        "await_listening",
        lambda process: started.append(process) or await_listening(process),
    )
    with dynalite_server.serving_dynalite() as url:
        assert url.startswith("http://127.0.0.1:")
        assert url != dynalite_endpoint
        assert client_of(url).call("dynamodb", "ListTables", {}) == {"TableNames": []}
    (process,) = started
    await_end(process.pid)
    with pytest.raises(AwsCallError):
        client_of(url).call("dynamodb", "ListTables", {})

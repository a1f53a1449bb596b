"""The same files make the same bytes, wherever, whenever and by whomever they are written."""

import importlib.util
import marshal
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tooling.package.__main__ import main
from tooling.package.artefacts import LAYERS, artefacts
from tooling.package.distributions import LAYER_LOCK, installed, read_names
from tooling.package.trees import EPOCH_SECONDS, seal, write_archive, write_tree

FILES = {
    "python/b.py": b"NAMES = {'one', 'two', 'five', 'six'}\ndef f(x): return x in {'a', 'b', 'c'}\n",
    "python/a.py": b"raise ValueError('told')\n",
    "program": b"#!/bin/sh\n",
}
LAMBDA_FOLDER = "/opt"


def contents(folder: Path) -> Mapping[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def compiled(path: Path) -> Path:
    return Path(importlib.util.cache_from_source(str(path)))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    write_tree(FILES, tmp_path / "tree", LAMBDA_FOLDER)
    return tmp_path / "tree"


def test_every_module_is_compiled_and_kept_beside_its_text(tree: Path) -> None:
    tag = sys.implementation.cache_tag
    assert contents(tree).keys() == FILES.keys() | {
        f"python/__pycache__/a.{tag}.pyc", f"python/__pycache__/b.{tag}.pyc",
    }  # fmt: skip


def test_a_compiled_module_is_used_whatever_became_of_its_text(tree: Path) -> None:
    """PEP 552: flags 1 say that a hash is kept, and that it is not looked at."""
    assert int.from_bytes(compiled(tree / "python" / "b.py").read_bytes()[4:8], "little") == 1
    (tree / "python" / "b.py").write_text("NAMES = 'changed'")
    program = "import sys; sys.path.append(sys.argv[1]); import b; print(sorted(b.NAMES)[0])"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, tree / "python"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "five\n"


def test_a_traceback_names_the_file_where_lambda_has_it(tree: Path) -> None:
    code = marshal.loads(compiled(tree / "python" / "a.py").read_bytes()[16:])
    assert code.co_filename == "/opt/python/a.py"
    assert str(tree).encode() not in b"".join(contents(tree).values())


def test_times_and_rights_are_the_same_under_any_umask(tree: Path, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_tree(FILES, tmp_path / "other", LAMBDA_FOLDER)
    finally:
        os.umask(before)
    for folder in (tree, tmp_path / "other"):
        modes = {path.name: path.stat().st_mode & 0o777 for path in folder.rglob("*")}
        assert (modes["program"], modes["python"], modes["a.py"]) == (0o755, 0o755, 0o644)
        assert {path.stat().st_mtime for path in folder.rglob("*")} == {EPOCH_SECONDS}


def test_what_was_in_the_folder_goes(tree: Path) -> None:
    (tree / "left-over.py").touch()
    write_tree(FILES, tree, LAMBDA_FOLDER)
    assert "left-over.py" not in contents(tree)


def test_a_module_that_cannot_be_compiled_ends_the_build(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        write_tree({"a.py": b"def"}, tmp_path / "tree", LAMBDA_FOLDER)


def test_an_archive_is_in_order_without_times_and_keeps_the_rights(tree: Path, tmp_path: Path) -> None:
    write_archive(tree, tmp_path / "archive.zip")
    entries = zipfile.ZipFile(tmp_path / "archive.zip").infolist()
    assert [each.filename for each in entries] == sorted(contents(tree))
    assert {each.date_time for each in entries} == {(1980, 1, 1, 0, 0, 0)}
    rights = {each.filename: each.external_attr >> 16 & 0o777 for each in entries}
    assert (rights["program"], rights["python/a.py"]) == (0o755, 0o644)


def test_everything_that_is_deployed_is_the_same_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In another folder, under another umask, and by a process whose hashes have another seed."""
    packages = installed(read_names(LAYER_LOCK))
    built: list[dict[str, tuple[bytes, int, float]]] = []
    for place, umask, seed in (("one", 0o022, "1"), ("some/where/else", 0o077, "2")):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        before = os.umask(umask)
        try:
            for artefact in artefacts(packages):
                write_tree(artefact.files, tmp_path / place / artefact.name, artefact.lambda_folder)
        finally:
            os.umask(before)
        built.append(
            {
                f"{name}/{path.relative_to(tmp_path / place / name)}": (
                    path.read_bytes(), path.stat().st_mode, path.stat().st_mtime,
                )
                for name in os.listdir(tmp_path / place)
                for path in (tmp_path / place / name).rglob("*")
                if path.is_file()
            }
        )  # fmt: skip
    one, other = built
    assert {name.partition("/")[0] for name in one} > set(LAYERS)
    assert one.keys() == other.keys()
    assert [name for name in one if one[name] != other[name]] == []


# Sealing


TEMPLATE = """\
Resources:
  HealthFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: HealthFunction
      Handler: handler.handler
  SharedLayer:
    Type: AWS::Serverless::LayerVersion
    Properties:
      ContentUri: SharedLayer
"""


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """What SAM leaves when it has built."""
    for name in ("HealthFunction", "SharedLayer"):
        write_tree(FILES, tmp_path / "build" / name, LAMBDA_FOLDER)
    (tmp_path / "build" / "template.yaml").write_text(TEMPLATE)
    return tmp_path / "build"


def test_sealing_lets_the_template_name_archives(build: Path) -> None:
    assert [each.name for each in seal(build)] == ["HealthFunction.zip", "SharedLayer.zip"]
    sealed = (build / "template.yaml").read_text()
    assert "CodeUri: HealthFunction.zip\n" in sealed
    assert "ContentUri: SharedLayer.zip\n" in sealed
    assert sealed.replace(".zip", "") == TEMPLATE


def test_what_was_not_built_is_not_sealed(build: Path) -> None:
    text = TEMPLATE.replace("CodeUri: HealthFunction", "CodeUri: ElsewhereFunction")
    (build / "template.yaml").write_text(text)
    with pytest.raises(ValueError, match="does not name the folders"):
        seal(build)
    assert (build / "template.yaml").read_text() == text


@pytest.mark.parametrize(
    "form",
    [
        "      CodeUri: ./HealthFunction\n",
        "      CodeUri: 'HealthFunction'\n",
        "      CodeUri:\n        Bucket: b\n        Key: k\n",
        "      InlineCode: pass\n",
    ],
)
def test_code_that_would_go_unsealed_is_refused(build: Path, form: str) -> None:
    text = TEMPLATE.replace("      CodeUri: HealthFunction\n", form)
    (build / "template.yaml").write_text(text)
    with pytest.raises(ValueError, match="2 functions and layers, and 1 folders"):
        seal(build)
    assert (build / "template.yaml").read_text() == text
    assert not list(build.glob("*.zip"))


@pytest.mark.parametrize("kind", ["AWS::Lambda::Function", "AWS::Lambda::LayerVersion"])
def test_code_of_a_kind_that_sam_does_not_build_is_refused(build: Path, kind: str) -> None:
    with (build / "template.yaml").open("a") as template:
        template.write(f"  Other:\n    Type: {kind}\n")
    with pytest.raises(ValueError, match="3 functions and layers, and 2 folders"):
        seal(build)


def test_what_is_sealed_already_is_said_to_be_so(build: Path) -> None:
    seal(build)
    sealed = contents(build)
    assert main(["seal", str(build)]) == f"{build / 'template.yaml'} names archives: it is sealed already."
    assert contents(build) == sealed

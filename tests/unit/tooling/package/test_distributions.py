"""Packages are read from wheels and from where they are installed, and only locked wheels are taken."""

import hashlib
import subprocess
import zipfile
from pathlib import Path

import pytest

from benchmarks.package import select
from tooling.package.distributions import download_wheels, from_wheels, installed, module_name, read_names

INFORMATION = "tiny-1.0.dist-info"
METADATA = "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def make_wheel(folder: Path, *others: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("tiny/__init__.py", "x = 1")
        wheel.writestr(f"{INFORMATION}/METADATA", METADATA)
        wheel.writestr(f"{INFORMATION}/WHEEL", WHEEL)
        wheel.writestr(f"{INFORMATION}/RECORD", "")
        for other in others:
            wheel.writestr(other, "")
    return path


def test_a_wheel_is_read_without_its_programs_and_its_record(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "tiny-1.0.data/scripts/tiny")
    (package,) = from_wheels(tmp_path)
    assert (package.name, package.version) == ("tiny", "1.0")
    assert package.readers.keys() == {"tiny/__init__.py", f"{INFORMATION}/METADATA", f"{INFORMATION}/WHEEL"}
    assert package.read("tiny/__init__.py") == b"x = 1"
    assert package.wheel_sha256 == hashlib.sha256(wheel.read_bytes()).hexdigest()


def test_a_wheel_that_is_not_just_unpacked_is_refused(tmp_path: Path) -> None:
    make_wheel(tmp_path, "tiny-1.0.data/purelib/hidden.py")
    with pytest.raises(ValueError, match="other places"):
        from_wheels(tmp_path)


@pytest.mark.parametrize(
    "name", ["tiny.libs/../../../outside", "tiny/.dylibs/../../outside", "..", "/outside", "//outside"]
)
def test_a_wheel_with_a_file_for_outside_of_site_packages_is_refused(tmp_path: Path, name: str) -> None:
    make_wheel(tmp_path, name)
    with pytest.raises(ValueError, match="outside"):
        from_wheels(tmp_path)


def test_two_dots_in_the_name_of_a_file_lead_nowhere(tmp_path: Path) -> None:
    make_wheel(tmp_path, "tiny/a..b")
    (package,) = from_wheels(tmp_path)
    assert "tiny/a..b" in package.readers


def test_an_installed_package_is_read_as_it_was_published() -> None:
    (package,) = installed(["starlette"])
    assert package.modules["starlette.responses"] == "starlette/responses.py"
    assert package.licence_files
    assert not [path for path in package.readers if "__pycache__" in path or path.endswith("INSTALLER")]


@pytest.mark.parametrize("architecture", ["arm64", "x86_64"])
def test_a_wheel_with_the_locked_hash_is_taken_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, architecture: str
) -> None:
    wheel = make_wheel(tmp_path / "index")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    lock = tmp_path / "lock"
    for digest, taken in ((hashlib.sha256(wheel.read_bytes()).hexdigest(), True), ("0" * 64, False)):
        lock.write_text(f"tiny==1.0 --hash=sha256:{digest}\n")
        folder = tmp_path / str(taken)
        folder.mkdir()
        if taken:
            download_wheels(lock, architecture, folder)
        else:
            with pytest.raises(subprocess.CalledProcessError):
                download_wheels(lock, architecture, folder)
        assert [path.name for path in folder.iterdir()] == ([wheel.name] if taken else [])


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/b.py", "a.b"),
        ("a/__init__.py", "a"),
        ("a/_c.cpython-313-aarch64-linux-gnu.so", "a._c"),
        ("_c.abi3.so", "_c"),
    ],
)
def test_a_file_has_the_name_under_which_it_is_imported(path: str, name: str) -> None:
    assert module_name(path) == name


def test_a_part_of_a_lock_keeps_the_hashes(tmp_path: Path) -> None:
    first = "one==1 \\\n    --hash=sha256:a\n    # via two\n"
    text = first + "two==2 ; python_version < '4' \\\n    --hash=sha256:b\n"
    (tmp_path / "lock").write_text(select(text, ["two"]))
    assert read_names(tmp_path / "lock") == ["two"]
    assert "--hash=sha256:b" in (tmp_path / "lock").read_text()

"""The environment is made once, from the best Python there is, and made again when it is not whole."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tooling.make_environment import PROBE, Interpreter, candidates, main, preferred, probe

# Answers the probe, makes environments that hold itself, installs by noting what, and stops where it is told.
FAKE_PYTHON = """#!/bin/sh
[ "$3" = "$(cat "{interruption}" 2> /dev/null)" ] && exit 1
case "$3" in
    *ensurepip*) echo {version} ;;
    venv) rm -rf "$5" && mkdir -p "$5/bin" && cp "$0" "$5/bin/python" ;;
    pip) for lock; do :; done && cat "$lock" >> "{installed}" ;;
esac
"""


class Machine:
    """A computer with a home, a clone of the project and the Pythons that a test puts on it."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.programs = folder / "programs"
        self.environment = folder / "clone" / ".venv"
        self.lock = folder / "clone" / "some.lock"
        self.installed = folder / "installed"
        self.interruption = folder / "interruption"
        for made in (self.home, self.programs, self.environment.parent):
            made.mkdir(parents=True)
        self.lock.write_text("one==1\n")

    def has(self, place: str, version: str) -> Path:
        """Puts a working CPython of the version at a place in the home, or on the path."""
        program = FAKE_PYTHON.format(
            version=version, installed=self.installed, interruption=self.interruption
        )
        return self.has_program(place, program)

    def has_program(self, place: str, text: str) -> Path:
        path = self.programs / place if "/" not in place else self.home / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return path

    def make(self, **variables: str) -> str | None:
        path = os.pathsep.join([str(self.programs), "/usr/bin-that-is-absent"])
        return main([str(self.environment), str(self.lock)], {"PATH": path, **variables}, self.home)

    @property
    def version(self) -> str | None:
        found = probe(self.environment / "bin" / "python")
        return found and ".".join(map(str, found.version))

    @property
    def installations(self) -> list[str]:
        return self.installed.read_text().split() if self.installed.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_deployed_python_is_preferred_to_a_newer_one(machine: Machine) -> None:
    machine.has("python3.14", "3.14.2")
    machine.has("python3.13", "3.13.0")
    assert machine.make() is None
    assert machine.version == "3.13.0"


@pytest.mark.parametrize(
    "place",
    [".pyenv/versions/3.13.7/bin/python3.13", ".local/share/uv/python/cpython-3.13.7-any/bin/python3.13"],
)
def test_the_deployed_python_is_found_where_pyenv_and_uv_put_it(machine: Machine, place: str) -> None:
    machine.has("python3", "3.12.1")
    machine.has(place, "3.13.7")
    machine.make()
    assert machine.version == "3.13.7"


@pytest.mark.parametrize(
    ("variable", "place"),
    [
        ("PYENV_ROOT", "moved/versions/3.13.7/bin/python3.13"),
        ("UV_PYTHON_INSTALL_DIR", "moved/cpython-3.13.7-any/bin/python3.13"),
        ("XDG_DATA_HOME", "moved/uv/python/cpython-3.13.7-any/bin/python3.13"),
    ],
)
def test_the_folders_of_pyenv_and_uv_may_have_been_moved(machine: Machine, variable: str, place: str) -> None:
    machine.has(place, "3.13.7")
    machine.make(**{variable: str(machine.home / "moved")})
    assert machine.version == "3.13.7"


def test_a_shim_whose_python_is_not_installed_is_passed_over(machine: Machine) -> None:
    machine.has_program("python3.13", "#!/bin/sh\necho 'pyenv: command not found' >&2\nexit 127\n")
    machine.has("python3.11", "3.11.7")
    machine.make()
    assert machine.version == "3.11.7"


def test_a_file_that_is_no_program_is_passed_over(machine: Machine) -> None:
    machine.has_program("python3.13", "not a program").chmod(0o644)
    machine.has("python3", "3.12.1")
    machine.make()
    assert machine.version == "3.12.1"


def test_without_the_deployed_python_the_newest_is_taken_and_said(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.has("python3.9", "3.9.18")
    machine.has("python3.11", "3.11.7")
    machine.has("python3.12", "3.12.1")
    machine.make()
    assert machine.version == "3.12.1"
    (said,) = capsys.readouterr().out.splitlines()
    assert "3.13" in said
    assert "not found" in said
    assert "3.12.1" in said


def test_without_any_usable_python_it_says_what_was_looked_for(machine: Machine) -> None:
    machine.has("python3", "3.10.13")
    said = machine.make()
    assert said is not None
    for looked_for in ("3.11", "PATH", str(machine.home / ".pyenv"), str(machine.home / ".local/share/uv")):
        assert looked_for in said
    assert not machine.environment.exists()


def test_an_environment_that_is_made_is_left_alone(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.has("python3.13", "3.13.0")
    machine.make()
    capsys.readouterr()
    machine.lock.touch()
    assert machine.make() is None
    assert machine.installations == ["one==1"]
    assert capsys.readouterr().out == ""


def test_another_lock_makes_another_environment(machine: Machine) -> None:
    machine.has("python3.13", "3.13.0")
    machine.make()
    left_over = machine.environment / "left-over"
    left_over.touch()
    machine.lock.write_text("one==2\n")
    machine.make()
    assert machine.installations == ["one==1", "one==2"]
    assert not left_over.exists()


@pytest.mark.parametrize("step", ["venv", "pip"])
def test_an_environment_left_half_made_is_made_again(machine: Machine, step: str) -> None:
    machine.has("python3.13", "3.13.0")
    machine.interruption.write_text(step)
    said = machine.make()
    assert said is not None
    assert "was not made" in said
    machine.interruption.unlink()
    assert machine.make() is None
    assert machine.installations == ["one==1"]


@pytest.mark.parametrize("step", ["venv", "pip"])
def test_an_update_left_half_made_is_not_taken_for_what_was_there_before(machine: Machine, step: str) -> None:
    machine.has("python3.13", "3.13.0")
    machine.make()
    machine.interruption.write_text(step)
    machine.lock.write_text("one==2\n")
    machine.make()
    machine.interruption.unlink()
    machine.lock.write_text("one==1\n")
    machine.make()
    assert machine.installations == ["one==1", "one==1"]


def test_an_environment_whose_python_was_removed_is_made_again(machine: Machine) -> None:
    machine.has("python3.13", "3.13.0")
    machine.make()
    (machine.environment / "bin" / "python").unlink()
    machine.make()
    assert machine.version == "3.13.0"


def test_an_environment_whose_python_was_replaced_is_made_again(machine: Machine) -> None:
    machine.has("python3.13", "3.13.0")
    machine.make()
    (machine.environment / "bin" / "python").write_text("#!/bin/sh\necho 3.14.0\n")
    machine.make()
    assert machine.version == "3.13.0"


def test_an_environment_that_was_moved_is_made_again(machine: Machine) -> None:
    machine.has("python3.13", "3.13.0")
    machine.make()
    machine.environment = machine.environment.rename(machine.environment.with_name(".moved"))
    machine.make()
    assert machine.installations == ["one==1", "one==1"]


def test_the_python_that_runs_this_test_is_recognised() -> None:
    found = probe(Path(sys.executable))
    assert found == Interpreter(Path(sys.executable), sys.version_info[:3])


@pytest.mark.parametrize(
    "unsuitable",
    [
        'sys.implementation = type(sys.implementation)(**{**vars(sys.implementation), "name": "pypy"})',
        'sys.version_info = type("", (tuple,), {"releaselevel": "beta"})((3, 14, 0))',
        'import sysconfig; sysconfig.get_config_var = {"Py_GIL_DISABLED": 1}.get',
        'sys.modules["ensurepip"] = None',
    ],
    ids=["another implementation", "a pre-release", "free-threaded", "without ensurepip"],
)
def test_a_python_from_which_no_environment_can_be_made_is_refused(machine: Machine, unsuitable: str) -> None:
    program = f"#!{sys.executable}\nimport sys\n%s\nexec(sys.argv[3])\n"
    assert probe(machine.has_program("suitable", program % "")) is not None
    assert probe(machine.has_program("unsuitable", program % unsuitable)) is None


def test_a_python_with_many_names_is_tried_once(machine: Machine) -> None:
    python = machine.has("python3.13", "3.13.0")
    (machine.programs / "python3").symlink_to(python)
    assert list(candidates([machine.programs, machine.programs])) == [python]


def test_of_equal_pythons_the_first_found_is_taken() -> None:
    first, second = (Interpreter(Path(name), (3, 13, 0)) for name in ("first", "second"))
    assert preferred([first, second]) == first


def test_the_probe_says_the_version_alone() -> None:
    said = subprocess.run([sys.executable, "-I", "-c", PROBE], capture_output=True, text=True, check=True)
    assert said.stdout == f"{'.'.join(map(str, sys.version_info[:3]))}\n"

"""An environment is made once, and made again when its lock, its Python or its folder changed."""

from pathlib import Path

import pytest

from tooling.make_environment import main

# Answers the probe, makes environments that contain itself, notes installations, and fails at a chosen step.
FAKE_PYTHON = """#!/bin/sh
[ "$3" = "$(cat "{failing_step}" 2> /dev/null)" ] && exit 1
case "$3" in
    *ensurepip*) echo {version} ;;
    venv) rm -rf "$5" && mkdir -p "$5/bin" && cp "$0" "$5/bin/python" ;;
    pip) for lock; do :; done && cat "$lock" >> "{installed}" ;;
esac
"""


class Machine:
    """A clone of the project, and the Pythons that a test puts into the home folder."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = home / "clone" / ".venv"
        self.lock = home / "clone" / "some.lock"
        self.installed = home / "installed"
        self.failing_step = home / "failing-step"
        self.lock.parent.mkdir()
        self.lock.write_text("one==1\n")

    def has(self, place: str, version: str) -> None:
        path = self.home / place
        path.parent.mkdir(parents=True, exist_ok=True)
        text = FAKE_PYTHON.format(version=version, installed=self.installed, failing_step=self.failing_step)
        path.write_text(text)
        path.chmod(0o755)

    def make(self) -> str | None:
        return main([str(self.environment), str(self.lock)], {"PATH": str(self.home / "bin")}, self.home)

    def installations(self) -> list[str]:
        return self.installed.read_text().split()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    machine.has(".pyenv/versions/3.13.7/bin/python3.13", "3.13.7")
    return machine


def test_an_environment_that_is_up_to_date_is_kept(machine: Machine) -> None:
    assert [machine.make(), machine.make()] == [None, None]
    assert machine.installations() == ["one==1"]


def test_python_3_13_is_used_where_the_path_has_another(machine: Machine) -> None:
    machine.has("bin/python3", "3.14.0")
    assert machine.make() is None
    assert "echo 3.13.7" in (machine.environment / "bin" / "python").read_text()


def test_a_changed_lock_makes_the_environment_again(machine: Machine) -> None:
    machine.make()
    (machine.environment / "left-over").touch()
    machine.lock.write_text("one==2\n")
    machine.make()
    assert machine.installations() == ["one==1", "one==2"]
    assert not (machine.environment / "left-over").exists()


@pytest.mark.parametrize("step", ["venv", "pip"])
def test_an_unfinished_update_is_made_again(machine: Machine, step: str) -> None:
    machine.make()
    machine.failing_step.write_text(step)
    machine.lock.write_text("one==2\n")
    assert "was not made" in (machine.make() or "")
    machine.failing_step.unlink()
    machine.lock.write_text("one==1\n")
    assert machine.make() is None
    assert machine.installations() == ["one==1", "one==1"]


def test_an_environment_of_another_folder_is_not_changed_through_a_link(machine: Machine) -> None:
    other = machine.home / "other"
    other.mkdir()
    (other / "kept").touch()
    machine.environment.symlink_to(other)
    assert "is a link" in (machine.make() or "")
    assert (other / "kept").exists()


def test_without_python_3_13_the_message_says_so(machine: Machine) -> None:
    machine.has(".pyenv/versions/3.13.7/bin/python3.13", "3.12.1")
    assert "Python 3.13 was not found" in (machine.make() or "")

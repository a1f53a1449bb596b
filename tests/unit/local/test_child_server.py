import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.child_server import ChildServer, await_listening, launch
from tests.processes import await_end

POLITE = """
import sys
print("room listening on http://127.0.0.1:1234", flush=True)
sys.stdin.read()
print("asked to end", flush=True)
"""
DEAF = """
import signal, sys
print("room listening on http://127.0.0.1:1234", flush=True)
signal.pause()
"""
CRASHED = "raise SystemExit('no port was free')"

Launch = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def launch_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Launch]:
    """Launches a module with the given source; whatever still runs is killed at the end."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    launched = []

    def start(source: str) -> "subprocess.Popen[str]":
        (tmp_path / "child_under_test.py").write_text(source)
        launched.append(launch("child_under_test"))
        return launched[-1]

    yield start
    for process in launched:
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()
        process.wait()


def test_a_server_is_known_once_it_listens(launch_source: Launch) -> None:
    server = await_listening(launch_source(POLITE))
    assert server.url == "http://127.0.0.1:1234"
    assert server.process.poll() is None


def test_a_stopped_server_ends_by_itself(launch_source: Launch) -> None:
    server = await_listening(launch_source(POLITE))
    server.stop()
    assert server.process.returncode == 0


def test_a_server_that_does_not_end_is_killed(launch_source: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.child_server._STOP_SECONDS", 0.05)
    server = await_listening(launch_source(DEAF))
    server.stop()
    assert server.process.returncode == -signal.SIGKILL


def test_a_server_that_ended_before_it_listened_is_told(launch_source: Launch) -> None:
    with pytest.raises(RuntimeError, match=r"child_under_test.*ended before it listened"):
        await_listening(launch_source(CRASHED))


def test_stopping_twice_does_no_harm(launch_source: Launch) -> None:
    server = ChildServer("", launch_source(POLITE))
    server.stop()
    server.stop()
    assert server.process.returncode is not None


def test_ctrl_c_in_the_terminal_does_not_reach_the_child(launch_source: Launch) -> None:
    process = launch_source(POLITE)
    assert os.getpgid(process.pid) != os.getpgid(0)


def test_a_child_ends_with_its_parent_however_that_ends(tmp_path: Path) -> None:
    (tmp_path / "child_under_test.py").write_text(POLITE)
    parent = (
        "import os, signal\n"
        "from local.child_server import await_listening, launch\n"
        "print(await_listening(launch('child_under_test')).process.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    search_path = os.pathsep.join([str(tmp_path), *sys.path])
    with subprocess.Popen(
        [sys.executable, "-c", parent],
        env=os.environ | {"PYTHONPATH": search_path},
        stdout=subprocess.PIPE,
        text=True,
    ) as killed:
        assert killed.stdout is not None
        child_pid = int(killed.stdout.readline())
        killed.wait(timeout=30)
    await_end(child_pid)


def test_a_child_gets_the_variables_it_is_given_beside_those_of_its_parent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    source = "import os; print('room listening on', os.environ['ROOM'], bool(os.environ.get('PATH')))"
    (tmp_path / "child_under_test.py").write_text(source)
    server = await_listening(launch("child_under_test", variables={"ROOM": "12"}))
    server.stop()
    assert server.url == "12 True"

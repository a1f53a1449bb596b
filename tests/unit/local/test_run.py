"""What `make run` reads from its environment, and the files that describe the running stack."""

import os
import socket
import stat
from pathlib import Path

import pytest

from local.run import chosen_port, main, remove_state, write_state

STACK = {"AWS_REGION": "us-east-1"}
FUNCTIONS = {"draw": {"NAME": "value"}, "health": {}}


def write(folder: Path) -> None:
    write_state(folder, "http://127.0.0.1:8000", "iart_x", STACK, FUNCTIONS)


def modes(folder: Path) -> dict[str, int]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in files}


def test_state_files_are_the_users_alone(tmp_path: Path) -> None:
    (tmp_path / "bench.json").touch(mode=0o644)
    (tmp_path / "env.draft").touch(mode=0o644)
    before = os.umask(0)
    write(tmp_path)
    os.umask(before)
    names = ["env", "functions/draw.env", "functions/health.env", "stack.json"]
    assert modes(tmp_path) == dict.fromkeys(names, 0o600) | {"bench.json": 0o644}
    remove_state(tmp_path)
    remove_state(tmp_path)
    assert list(modes(tmp_path)) == ["bench.json"]


def test_the_port_is_8000_unless_one_is_chosen() -> None:
    assert [chosen_port({"PORT": text}) for text in ("", "8001", "0", "65535")] == [8000, 8001, 0, 65535]
    for text in ("65536", "-1", "http", "8000.0", "²"):
        with pytest.raises(ValueError, match=f"PORT: got '{text}'; allowed: 0 to 65535."):
            chosen_port({"PORT": text})


def test_a_taken_port_is_reported_and_the_files_of_its_stack_stay(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("IMAGINEART_LOCAL_STATE", str(tmp_path))
    write(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("PORT", str(taken.getsockname()[1]))
        assert main() == 1
    assert "make run PORT=8001" in capsys.readouterr().err
    assert (tmp_path / "env").exists()


def test_models_are_checked_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IMAGINEART_EDIT_BACKENDS", "brush http://127.0.0.1:9")
    assert main() == 2
    assert "got the kind 'brush'" in capsys.readouterr().err

import json
import os
import socket
import stat
import threading
from pathlib import Path

import pytest

from local.run import PortError, StateFiles, chosen_port, main, state_files
from local.template import PROJECT

ACCESS = {"AWS_REGION": "us-east-1", "IMAGINEART_TOKENS_TABLE": "TokensTable"}


@pytest.fixture
def state(tmp_path: Path) -> StateFiles:
    return StateFiles(tmp_path / "state")


def test_the_env_file_is_what_a_shell_reads(state: StateFiles) -> None:
    state.write("http://127.0.0.1:8000", "iart_x", ACCESS)
    written = (state.folder / "env").read_text()
    assert written == "IMAGINEART_BASE_URL=http://127.0.0.1:8000\nIMAGINEART_TOKEN=iart_x\n"


def test_the_stack_file_holds_what_the_command_line_needs(state: StateFiles) -> None:
    state.write("http://127.0.0.1:8000", "iart_x", ACCESS)
    assert json.loads((state.folder / "stack.json").read_text()) == ACCESS


def test_state_files_are_the_users_alone(state: StateFiles) -> None:
    before = os.umask(0)
    try:
        state.write("http://127.0.0.1:8000", "iart_x", ACCESS)
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in state.folder.iterdir()}
    assert modes == {"env": 0o600, "stack.json": 0o600}


def test_a_draft_left_by_a_killed_run_is_not_trusted(state: StateFiles) -> None:
    state.folder.mkdir()
    (state.folder / "env.draft").write_text("left over")
    (state.folder / "env.draft").chmod(0o644)
    state.write("http://127.0.0.1:8000", "iart_x", ACCESS)
    assert stat.S_IMODE((state.folder / "env").stat().st_mode) == 0o600
    assert sorted(path.name for path in state.folder.iterdir()) == ["env", "stack.json"]


def test_a_reader_sees_the_whole_file_or_none(state: StateFiles) -> None:
    whole = "IMAGINEART_BASE_URL=http://127.0.0.1:8000\nIMAGINEART_TOKEN=iart_x\n"
    seen: set[str] = set()
    done = threading.Event()

    def read_over_and_over() -> None:
        while not done.is_set():
            try:
                seen.add((state.folder / "env").read_text())
            except FileNotFoundError:
                continue

    reader = threading.Thread(target=read_over_and_over)
    reader.start()
    for _ in range(200):
        state.write("http://127.0.0.1:8000", "iart_x", ACCESS)
    done.set()
    reader.join()
    assert seen <= {whole}


def test_removing_leaves_what_is_not_the_stacks(state: StateFiles) -> None:
    state.write("http://127.0.0.1:8000", "iart_x", ACCESS)
    (state.folder / "bench.json").write_text("{}")
    state.remove()
    state.remove()
    assert [path.name for path in state.folder.iterdir()] == ["bench.json"]


def test_state_lies_in_the_project_unless_another_folder_is_named() -> None:
    assert state_files({}).folder == PROJECT / ".local"
    assert state_files({"IMAGINEART_LOCAL_STATE": ""}).folder == PROJECT / ".local"
    assert state_files({"IMAGINEART_LOCAL_STATE": "elsewhere"}).folder == Path("elsewhere")


@pytest.mark.parametrize(
    ("environment", "port"),
    [
        ({}, 8000),
        ({"PORT": ""}, 8000),
        ({"PORT": "8001"}, 8001),
        ({"PORT": "0"}, 0),
        ({"PORT": "65535"}, 65535),
    ],
)
def test_the_port_is_8000_unless_one_is_chosen(environment: dict[str, str], port: int) -> None:
    assert chosen_port(environment) == port


@pytest.mark.parametrize(
    "text", ["65536", "-1", "http", "8000.0", " 8000", "²", "\N{FULLWIDTH DIGIT EIGHT}000"]
)
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(PortError, match=f"PORT: got '{text}'; allowed is 0 to 65535."):
        chosen_port({"PORT": text})


def test_a_bad_port_is_told_and_nothing_is_started(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORT", "eighty")
    assert main() == 2
    assert capsys.readouterr().err == "PORT: got 'eighty'; allowed is 0 to 65535.\n"


def test_a_taken_port_is_told_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], state: StateFiles
) -> None:
    monkeypatch.setenv("IMAGINEART_LOCAL_STATE", str(state.folder))
    state.write("http://127.0.0.1:8000", "iart_x", ACCESS)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("PORT", str(port))
        assert main() == 1
    told = capsys.readouterr().err
    assert told.startswith(f"Port {port} cannot be used")
    assert told.endswith("make run PORT=8001\n")
    assert (state.folder / "env").exists(), "the files belong to whoever has the port"

import io
import json
import os
import socket
import stat
import subprocess
import threading
from pathlib import Path

import pytest

from imagineart.settings import SettingsError
from local.run import PortError, StateFiles, chosen_backends, chosen_port, main, state_files, tell_cold_start
from local.template import PROJECT

ACCESS = {"AWS_REGION": "us-east-1", "IMAGINEART_TOKENS_TABLE": "TokensTable"}
FUNCTIONS = {"paint": {"PLAIN": "value", "HOSTILE": "a b'c\"$(touch here)`id`\\ \n;#é"}, "probe": {}}
WRITTEN = ["env", "functions/paint.env", "functions/probe.env", "stack.json"]


@pytest.fixture
def state(tmp_path: Path) -> StateFiles:
    return StateFiles(tmp_path / "state")


def write(state: StateFiles) -> None:
    state.write("http://127.0.0.1:8000", "iart_x", ACCESS, FUNCTIONS)


def files_of(state: StateFiles) -> dict[str, Path]:
    """Every file by its name within the folder."""
    found = [path for path in state.folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(state.folder)): path for path in found}


def test_the_env_file_is_what_a_shell_reads(state: StateFiles) -> None:
    write(state)
    written = (state.folder / "env").read_text()
    assert written == "IMAGINEART_BASE_URL=http://127.0.0.1:8000\nIMAGINEART_TOKEN=iart_x\n"


def test_the_stack_file_holds_what_the_command_line_needs(state: StateFiles) -> None:
    write(state)
    assert json.loads((state.folder / "stack.json").read_text()) == ACCESS


def test_state_files_are_the_users_alone(state: StateFiles) -> None:
    before = os.umask(0)
    try:
        write(state)
    finally:
        os.umask(before)
    modes = {name: stat.S_IMODE(path.stat().st_mode) for name, path in files_of(state).items()}
    assert modes == dict.fromkeys(WRITTEN, 0o600)


def test_a_functions_file_gives_a_shell_its_variables_and_nothing_else(
    state: StateFiles, tmp_path: Path
) -> None:
    write(state)
    command = ["sh", "-euc", "set -a; . ./paint.env; env -0"]
    clean = {"PATH": os.environ["PATH"]}
    done = subprocess.run(command, cwd=state.folder / "functions", env=clean, capture_output=True, check=True)
    variables = dict(line.split("=", 1) for line in done.stdout.decode().split("\0") if line)
    assert {
        name: value
        for name, value in variables.items()
        if name not in ("PATH", "PWD", "OLDPWD", "_", "SHLVL")
    } == (FUNCTIONS["paint"])
    assert not (state.folder / "functions" / "here").exists()


def test_a_draft_left_by_a_killed_run_is_not_trusted(state: StateFiles) -> None:
    state.folder.mkdir()
    (state.folder / "env.draft").write_text("left over")
    (state.folder / "env.draft").chmod(0o644)
    write(state)
    assert stat.S_IMODE((state.folder / "env").stat().st_mode) == 0o600
    assert sorted(files_of(state)) == WRITTEN


def test_whoever_finds_the_env_file_finds_all_the_others(
    state: StateFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    appeared: list[str] = []
    replace = Path.replace

    def replace_and_note(draft: Path, target: Path) -> Path:
        appeared.append(str(target.relative_to(state.folder)))
        return replace(draft, target)

    monkeypatch.setattr(Path, "replace", replace_and_note)
    write(state)
    assert sorted(appeared) == WRITTEN
    assert appeared[-1] == "env"


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
        write(state)
    done.set()
    reader.join()
    assert seen <= {whole}


def test_removing_leaves_what_is_not_the_stacks(state: StateFiles) -> None:
    write(state)
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
    write(state)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("PORT", str(port))
        assert main() == 1
    told = capsys.readouterr().err
    assert told.startswith(f"Port {port} cannot be used")
    assert told.endswith("make run PORT=8001\n")
    assert (state.folder / "env").exists(), "the files belong to whoever has the port"


def test_the_painter_paints_unless_backends_are_given() -> None:
    assert chosen_backends({}) == {}
    assert chosen_backends({"IMAGINEART_EDIT_BACKENDS": ""}) == {}
    given = "vllm-omni http://127.0.0.1:9/v1 Qwen/Qwen-Image attempt=60"
    assert chosen_backends({"IMAGINEART_GENERATION_BACKENDS": given}) == {"GenerationBackends": given}
    both = {"IMAGINEART_GENERATION_BACKENDS": given, "IMAGINEART_EDIT_BACKENDS": given}
    assert chosen_backends(both) == {"GenerationBackends": given, "EditBackends": given}


def test_what_is_no_backend_is_refused_before_anything_is_started(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IMAGINEART_EDIT_BACKENDS", "brush http://127.0.0.1:9")
    with pytest.raises(SettingsError):
        chosen_backends(os.environ)
    assert main() == 2
    assert "got the kind 'brush'" in capsys.readouterr().err


def test_cold_starts_side_by_side_are_told_in_whole_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def write(self, text: str) -> int:
            assert text.endswith("\n"), "another thread's text would come before the end of the line"
            return super().write(text)

    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    tell_cold_start("GenerateImageFunction")
    assert terminal.getvalue() == "GenerateImageFunction: cold start\n"

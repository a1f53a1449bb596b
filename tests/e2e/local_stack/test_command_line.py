"""The operator's command line where the local stack that it looks for is gone, broken, or another one."""

import json
from pathlib import Path

import pytest

from tests.e2e.local_stack.running_stack import RunningStack, state_variables
from tests.e2e.target import run_cli


def test_a_stack_that_is_gone_is_told(stack: RunningStack, tmp_path: Path) -> None:
    told = json.loads((stack.folder / "stack.json").read_text())
    told["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1"
    (tmp_path / "stack.json").write_text(json.dumps(told))
    done = run_cli("token list", state_variables(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "Unreachable" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"AWS_ACCESS_KEY_ID": "x"}'])
def test_a_stack_that_is_no_stack_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "stack.json").write_text(text)
    done = run_cli("token list", state_variables(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "start it anew" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_stack_the_way_to_one_is_told(tmp_path: Path) -> None:
    done = run_cli("consumer list", state_variables(tmp_path))
    assert (done.returncode, "make run" in done.stderr) == (1, True)
    assert "--stack" in done.stderr


def test_without_a_command_help_is_shown(tmp_path: Path) -> None:
    assert "consumer" in run_cli("--help", state_variables(tmp_path)).stdout


def test_smoke_says_what_is_wrong(stack: RunningStack, tmp_path: Path) -> None:
    told = json.loads((stack.folder / "stack.json").read_text())
    told["IMAGINEART_GENERATION_BACKENDS"] = "openai http://127.0.0.1:1/v1 a-model"
    (tmp_path / "stack.json").write_text(json.dumps(told))
    done = run_cli("smoke", state_variables(tmp_path))
    assert done.returncode == 1
    assert "text-to-image, openai: failed" in done.stdout
    assert "Check that it runs" in done.stdout
    assert "image-edit of 1, openai-compatible:" in done.stdout


def test_smoke_names_a_route_that_cannot_be_followed(stack: RunningStack, tmp_path: Path) -> None:
    told = json.loads((stack.folder / "stack.json").read_text())
    told["IMAGINEART_EDIT_BACKENDS"] = "nonsense"
    (tmp_path / "stack.json").write_text(json.dumps(told))
    done = run_cli("smoke", state_variables(tmp_path))
    assert done.returncode == 1
    assert "got the kind 'nonsense'" in done.stderr

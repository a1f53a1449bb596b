"""Examples are shown without a deployment."""

from pathlib import Path

from typer.testing import CliRunner

from cli.__main__ import app


def test_examples_need_no_running_stack(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["examples"], env={"IMAGINEART_LOCAL_STATE": str(tmp_path)})
    assert result.exit_code == 0, result.output
    for path in ("images/generations", "images/edits", "uploads"):
        assert f"$IMAGINEART_BASE_URL/v1/{path}" in result.output


def test_another_command_without_a_stack_says_how_to_start_one(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["token", "list"], env={"IMAGINEART_LOCAL_STATE": str(tmp_path)})
    assert result.exit_code == 1
    assert "make run" in result.output

import re

from typer.testing import CliRunner

from cli.__main__ import app
from contract.generate_openapi import build_document


def test_examples_need_no_running_stack(tmp_path):
    answer = CliRunner().invoke(app, ["examples"], env={"IMAGINEART_LOCAL_STATE": str(tmp_path)})
    assert answer.exit_code == 0, answer.output
    assert "curl" in answer.output


def test_every_post_endpoint_has_an_example():
    shown = set(re.findall(r"\$IMAGINEART_BASE_URL(/\S+)", CliRunner().invoke(app, ["examples"]).output))
    assert shown == {path for path, item in build_document()["paths"].items() if "post" in item}


def test_another_command_without_a_stack_says_how_to_start_one(tmp_path):
    answer = CliRunner().invoke(app, ["token", "list"], env={"IMAGINEART_LOCAL_STATE": str(tmp_path)})
    assert answer.exit_code == 1
    assert "make run" in answer.output

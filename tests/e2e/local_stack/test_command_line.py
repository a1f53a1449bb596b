"""The operator's command line where the local stack is gone, broken, or has a backend that fails."""

import json
from pathlib import Path

import boto3
import pytest

from local.chosen_models import VARIABLES, document_of
from local.template import load_template
from tests.e2e.local_stack.running_stack import RunningStack, state_variables
from tests.e2e.target import run_cli

GONE = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
NO_BACKEND = "openai-compatible http://127.0.0.1:1/v1 a-model"
MODELS_TABLE = load_template().resources("AWS::DynamoDB::Table")["ModelsTable"]


def run(folder: Path, arguments: str, description: str) -> tuple[int, str]:
    """The exit code and what a command printed about the stack that a file in `folder` describes."""
    (folder / "stack.json").write_text(description)
    done = run_cli(arguments, state_variables(folder))
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def changed(stack: RunningStack, **variables: str) -> str:
    """The description of a stack, with other variables."""
    return json.dumps(json.loads((stack.folder / "stack.json").read_text()) | variables)


def test_without_a_stack_the_command_line_says_how_to_start_one(tmp_path: Path) -> None:
    done = run_cli("consumer list", state_variables(tmp_path))
    assert (done.returncode, "make run" in done.stderr, "--stack" in done.stderr) == (1, True, True)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"AWS_ACCESS_KEY_ID": "x"}'])
def test_a_file_that_describes_no_stack_is_reported(tmp_path: Path, text: str) -> None:
    code, output = run(tmp_path, "token list", text)
    assert (code, "restart 'make run'" in output) == (1, True)


def test_a_stack_that_has_ended_is_reported(stack: RunningStack, tmp_path: Path) -> None:
    code, output = run(tmp_path, "token list", changed(stack, **GONE))
    assert (code, "Unreachable" in output) == (1, True)


def test_smoke_says_what_is_wrong_with_a_backend(stack: RunningStack, tmp_path: Path) -> None:
    """The models are others in a table of their own, which no function reads."""
    table = {"IMAGINEART_MODELS_TABLE": "unreachable-models"}
    state = json.loads((stack.folder / "stack.json").read_text())
    boto3.client(
        "dynamodb",
        endpoint_url=state["AWS_ENDPOINT_URL"], region_name=state["AWS_REGION"],
        aws_access_key_id="local", aws_secret_access_key="local",
    ).create_table(
        TableName="unreachable-models",
        **{name: MODELS_TABLE[name] for name in ("AttributeDefinitions", "KeySchema", "BillingMode")},
    )  # fmt: skip
    document = json.loads(document_of(dict.fromkeys(VARIABLES, NO_BACKEND)))
    images = [model for model in document["models"] if model["kind"] == "image"]
    (tmp_path / "models.json").write_text(json.dumps({"models": images}))
    code, output = run(tmp_path, f"models apply {tmp_path}/models.json", changed(stack, **table))
    assert code == 0, output
    code, output = run(tmp_path, "smoke", changed(stack, **table))
    assert code == 1
    assert "text-to-image, openai-compatible: failed" in output
    assert "Check that it runs" in output
    assert "image-edit of 1, openai-compatible:" in output

"""The operator's command line against the stack that runs."""

import json
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from local.template import PROJECT
from tests.e2e.running_stack import RunningStack, project_environment


def run_cli(
    arguments: str, folder: Path, *, answer: str = "", columns: int = 80
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "cli", *arguments.split()],
        cwd=PROJECT,
        env=project_environment(folder) | {"COLUMNS": str(columns), "NO_COLOR": "1"},
        input=answer,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def succeed(arguments: str, stack: RunningStack) -> str:
    """Run a command that works; return what it printed for programs to read."""
    done = run_cli(arguments, stack.folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def fail(arguments: str, stack: RunningStack, code: int) -> str:
    """Run a command that is refused; return what it told the operator."""
    done = run_cli(arguments, stack.folder)
    assert done.returncode == code, done.stdout
    assert "Traceback" not in done.stderr
    return " ".join(done.stderr.split())


def list_models(stack: RunningStack, token: str) -> httpx.Response:
    return httpx.get(f"{stack.base_url}/v1/models", headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize(
    ("options", "consumer"), [("", "partner"), (" --internal", "internal")], ids=["partner", "internal"]
)
def test_a_token_lives_from_its_creation_to_its_revocation(
    stack: RunningStack, options: str, consumer: str
) -> None:
    assert "10 requests a minute" in succeed(f"consumer create {consumer} --tier free", stack)
    token = succeed(f"token create {consumer}{options}", stack).removesuffix("\n")
    token_id = token.split("_")[1]
    assert re.fullmatch(r"iart_[0-9a-z]{16}_[0-9A-Za-z]{49}", token)
    # An environment that has read the internal tokens reads them again five seconds later at most.
    stack.wait_until(lambda: list_models(stack, token).status_code == 200)
    assert list_models(stack, token).headers["X-RateLimit-Limit"] == "10"
    assert row_of(token_id, stack).endswith(" live")
    assert "is revoked" in succeed(f"token revoke {token_id} --yes", stack)
    assert list_models(stack, token).status_code == 401
    assert row_of(token_id, stack).endswith(" revoked")


def row_of(token_id: str, stack: RunningStack) -> str:
    """The first line of a token's row in the list."""
    (line,) = [line for line in succeed("token list", stack).splitlines() if token_id in line]
    return line.rstrip()


def test_a_consumer_may_have_a_limit_of_its_own(stack: RunningStack) -> None:
    assert "123 requests a minute" in succeed("consumer create custom --requests-per-minute 123", stack)
    token = succeed("token create custom", stack).strip()
    assert list_models(stack, token).headers["X-RateLimit-Limit"] == "123"
    assert re.search(r"custom +123\b", succeed("consumer list", stack))


def test_a_change_of_limits_and_models_holds_from_the_next_request(stack: RunningStack) -> None:
    succeed("consumer create changing", stack)
    token = succeed("token create changing", stack).strip()
    assert list_models(stack, token).headers["X-RateLimit-Limit"] == "30"
    succeed("consumer update changing --tier free --models image-edit", stack)
    answer = list_models(stack, token)
    assert answer.headers["X-RateLimit-Limit"] == "10"
    assert [model["id"] for model in answer.json()["data"]] == ["image-edit"]


@pytest.mark.parametrize(
    ("options", "consumer"), [("", "turning"), (" --internal", "turning-inside")], ids=["partner", "internal"]
)
def test_a_rotation_leaves_no_moment_without_a_token(
    stack: RunningStack, options: str, consumer: str
) -> None:
    succeed(f"consumer create {consumer}", stack)
    old = json.loads(succeed(f"token create {consumer} --json{options}", stack))
    stack.wait_until(lambda: list_models(stack, old["token"]).status_code == 200)
    new = json.loads(succeed(f"token rotate {old['token_id']} --json", stack))
    assert new["replaces"]["token_id"] == old["token_id"]
    stack.wait_until(lambda: list_models(stack, new["token"]).status_code == 200)
    assert list_models(stack, old["token"]).status_code == 200
    succeed(f"consumer revoke-tokens {consumer} --yes", stack)
    assert {list_models(stack, each["token"]).status_code for each in (old, new)} == {401}


def test_a_new_pepper_invalidates_no_token(stack: RunningStack) -> None:
    succeed("consumer create peppered", stack)
    old = succeed("token create peppered", stack).strip()
    assert list_models(stack, old).status_code == 200
    version = json.loads(succeed("pepper rotate --json", stack))["version"]
    new = json.loads(succeed("token create peppered --json", stack))
    assert new["pepper_version"] == version
    stack.wait_until(lambda: list_models(stack, new["token"]).status_code == 200)
    assert list_models(stack, old).status_code == 200
    assert old.split("_")[1] in fail("pepper retire 1 --yes", stack, code=2)


def test_what_was_asked_is_counted(stack: RunningStack) -> None:
    succeed("consumer create counted", stack)
    token = succeed("token create counted", stack).strip()
    for _ in range(3):
        assert list_models(stack, token).status_code == 200

    def counted() -> list[dict[str, object]]:
        return json.loads(succeed("usage show --consumer counted --json", stack))["usage"]

    # It is counted when nobody waits any more.
    stack.wait_until(lambda: sum(row["requests"] for row in counted()) == 3)
    assert [(row["model"], row["outcome"]) for row in counted()] == [("models", "ok")]
    header, row = succeed("usage show --consumer counted --csv", stack).splitlines()
    assert (header.split(",")[0], row.split(",")[0]) == ("consumer_id", "counted")


def test_a_token_is_shown_once_and_never_listed(stack: RunningStack) -> None:
    succeed("consumer create listed", stack)
    (token,) = run_cli("token create listed", stack.folder, columns=20).stdout.splitlines()
    done = run_cli("token list", stack.folder, columns=300)
    assert token.split("_")[1] in done.stdout
    assert token.split("_")[2] not in done.stdout


def test_a_revocation_is_asked_for_first(stack: RunningStack) -> None:
    done = run_cli(f"token revoke {stack.token.split('_')[1]}", stack.folder, answer="n\n")
    assert done.returncode == 4
    assert list_models(stack, stack.token).status_code == 200


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ("consumer create local", 2, "'local', which exists already"),
        ("consumer create Capital", 2, "got 'Capital'; allowed are 1 to 63"),
        ("consumer create acme --tier gold", 2, "got 'gold'; allowed are free, basic, premium"),
        ("consumer create acme --requests-per-minute 0", 2, "got 0; allowed is 1 to"),
        ("token create nobody", 3, "got 'nobody', which does not exist"),
        ("token create local --expires-in-days 0", 2, "got 0; allowed is 1 to"),
        ("token revoke p000000000000000 --yes", 3, "got 'p000000000000000', which does not exist"),
    ],
)
def test_what_cannot_be_done_is_told(stack: RunningStack, arguments: str, code: int, told: str) -> None:
    assert told in fail(arguments, stack, code)


def test_a_stack_that_is_gone_is_told(stack: RunningStack, tmp_path: Path) -> None:
    told = json.loads((stack.folder / "stack.json").read_text())
    told["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1"
    (tmp_path / "stack.json").write_text(json.dumps(told))
    done = run_cli("token list", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Unreachable" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"AWS_ACCESS_KEY_ID": "x"}'])
def test_a_stack_that_is_no_stack_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "stack.json").write_text(text)
    done = run_cli("token list", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "start it anew" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_stack_the_way_to_one_is_told(tmp_path: Path) -> None:
    done = run_cli("consumer list", tmp_path)
    assert (done.returncode, "make run" in done.stderr) == (1, True)
    assert "--stack" in done.stderr


def test_without_a_command_help_is_shown(tmp_path: Path) -> None:
    assert "consumer" in run_cli("--help", tmp_path).stdout


def test_smoke_gets_a_picture_from_every_backend(stack: RunningStack) -> None:
    lines = succeed("smoke", stack).splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "text-to-image, openai-compatible",
        "image-edit of 1, openai-compatible", "image-edit of 2, openai-compatible",
    ]  # fmt: skip
    assert all("bytes in" in line for line in lines)


def test_smoke_says_what_is_wrong(stack: RunningStack, tmp_path: Path) -> None:
    told = json.loads((stack.folder / "stack.json").read_text())
    told["IMAGINEART_GENERATION_BACKENDS"] = "openai http://127.0.0.1:1/v1 a-model"
    (tmp_path / "stack.json").write_text(json.dumps(told))
    done = run_cli("smoke", tmp_path)
    assert done.returncode == 1
    assert "text-to-image, openai: failed" in done.stdout
    assert "Check that it runs" in done.stdout
    assert "image-edit of 1, openai-compatible:" in done.stdout


def test_smoke_names_a_route_that_cannot_be_followed(stack: RunningStack, tmp_path: Path) -> None:
    told = json.loads((stack.folder / "stack.json").read_text())
    told["IMAGINEART_EDIT_BACKENDS"] = "nonsense"
    (tmp_path / "stack.json").write_text(json.dumps(told))
    done = run_cli("smoke", tmp_path)
    assert done.returncode == 1
    assert "got the kind 'nonsense'" in done.stderr

"""The operator's command line, as a process of its own, on a deployment that runs."""

import json

import pytest

from tests.e2e.target import Target
from tests.processes import wait_until

WRONG_USE, NOT_FOUND, DECLINED = 2, 3, 4


@pytest.mark.parametrize("options", ["", " --internal"], ids=["partner", "internal"])
def test_a_consumer_and_its_tokens_from_the_first_to_the_last_day(target: Target, options: str) -> None:
    consumer = f"tenant{options.replace(' --', '-')}"
    assert "10 requests a minute" in target.succeed(f"consumer create {consumer} --tier free")
    old = json.loads(target.succeed(f"token create {consumer} --json{options}"))
    # A function that has read the internal tokens reads them again after five seconds at most.
    wait_until(lambda: target.list_models(old["token"]).status_code == 200)
    assert target.list_models(old["token"]).headers["X-RateLimit-Limit"] == "10"

    target.succeed(f"consumer update {consumer} --tier basic --models image-edit")
    response = target.list_models(old["token"])
    assert response.headers["X-RateLimit-Limit"] == "30"
    assert [model["id"] for model in response.json()["data"]] == ["image-edit"]

    new = json.loads(target.succeed(f"token rotate {old['token_id']} --json"))
    wait_until(lambda: target.list_models(new["token"]).status_code == 200)
    assert target.list_models(old["token"]).status_code == 200
    listed = target.succeed("token list")
    for each in (old, new):
        assert each["token_id"] in listed
        assert each["token"].split("_")[2] not in listed

    target.succeed(f"token revoke {old['token_id']} --yes")
    assert target.list_models(old["token"]).status_code == 401
    assert target.list_models(new["token"]).status_code == 200
    target.succeed(f"consumer revoke-tokens {consumer} --yes")
    assert target.list_models(new["token"]).status_code == 401


def test_usage_is_reported_as_soon_as_a_response_was_sent(target: Target) -> None:
    target.succeed("consumer create counted")
    token = target.succeed("token create counted").strip()
    for _ in range(3):
        assert target.list_models(token).status_code == 200
    (row,) = json.loads(target.succeed("usage show --consumer counted --json"))["usage"]
    assert (row["model"], row["outcome"], row["requests"]) == ("models", "ok", 3)
    header, line = target.succeed("usage show --consumer counted --csv").splitlines()
    assert (header.split(",")[0], line.split(",")[0]) == ("consumer_id", "counted")


def test_a_new_pepper_invalidates_no_token(target: Target) -> None:
    target.succeed("consumer create peppered")
    old = target.succeed("token create peppered").strip()
    version = json.loads(target.succeed("pepper rotate --json"))["version"]
    new = json.loads(target.succeed("token create peppered --json"))
    assert new["pepper_version"] == version
    wait_until(lambda: target.list_models(new["token"]).status_code == 200)
    assert target.list_models(old).status_code == 200
    refused = target.run_cli("pepper retire 1 --yes")
    assert (refused.returncode, old.split("_")[1] in refused.stderr) == (WRONG_USE, True)


def test_a_token_is_printed_whole_in_a_narrow_terminal(target: Target) -> None:
    target.succeed("consumer create narrow")
    (token,) = target.run_cli("token create narrow", columns=20).stdout.splitlines()
    assert target.list_models(token).status_code == 200


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ("consumer create local", WRONG_USE, "'local', which exists already"),
        ("consumer create acme --tier gold", WRONG_USE, "tier: got 'gold'; allowed: free, basic, premium."),
        ("token create nobody", NOT_FOUND, "got 'nobody', which does not exist"),
        ("token revoke p000000000000000 --yes", NOT_FOUND, "'p000000000000000', which does not exist"),
        ("consumer revoke-tokens local", DECLINED, "nothing was changed"),
    ],
)
def test_a_command_that_cannot_be_done_says_why(
    target: Target, arguments: str, code: int, message: str
) -> None:
    done = target.run_cli(arguments, reply="n\n")
    assert (done.returncode, done.stdout) == (code, "")
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_smoke_gets_an_image_or_a_file_from_every_backend(target: Target) -> None:
    lines = target.succeed("smoke").splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "text-to-image, openai-compatible",
        "image-edit of 1, openai-compatible",
        "image-edit of 2, openai-compatible",
        "text-to-text, openai-compatible",
        "text-to-speech, openai-compatible",
        "text-to-music, vllm-omni",
        "text-to-video, vllm-omni",
    ]
    assert all("bytes in" in line for line in lines)

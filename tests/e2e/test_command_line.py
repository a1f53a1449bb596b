"""The operator's command line against a deployment that runs."""

import json
import re

import pytest

from tests.e2e.target import Target, wait_until


@pytest.mark.parametrize(
    ("options", "consumer"), [("", "partner"), (" --internal", "internal")], ids=["partner", "internal"]
)
def test_a_token_lives_from_its_creation_to_its_revocation(
    target: Target, options: str, consumer: str
) -> None:
    assert "10 requests a minute" in target.succeed(f"consumer create {consumer} --tier free")
    token = target.succeed(f"token create {consumer}{options}").removesuffix("\n")
    token_id = token.split("_")[1]
    assert re.fullmatch(r"iart_[0-9a-z]{16}_[0-9A-Za-z]{49}", token)
    # An environment that has read the internal tokens reads them again five seconds later at most.
    wait_until(lambda: target.get("/v1/models", token).status_code == 200)
    assert target.get("/v1/models", token).headers["X-RateLimit-Limit"] == "10"
    assert row_of(token_id, target).endswith(" live")
    assert "is revoked" in target.succeed(f"token revoke {token_id} --yes")
    assert target.get("/v1/models", token).status_code == 401
    assert row_of(token_id, target).endswith(" revoked")


def row_of(token_id: str, target: Target) -> str:
    """The first line of a token's row in the list."""
    (line,) = [line for line in target.succeed("token list").splitlines() if token_id in line]
    return line.rstrip()


def test_a_consumer_may_have_a_limit_of_its_own(target: Target) -> None:
    assert "123 requests a minute" in target.succeed("consumer create custom --requests-per-minute 123")
    token = target.succeed("token create custom").strip()
    assert target.get("/v1/models", token).headers["X-RateLimit-Limit"] == "123"
    assert re.search(r"custom +123\b", target.succeed("consumer list"))


def test_a_change_of_limits_and_models_holds_from_the_next_request(target: Target) -> None:
    target.succeed("consumer create changing")
    token = target.succeed("token create changing").strip()
    assert target.get("/v1/models", token).headers["X-RateLimit-Limit"] == "30"
    target.succeed("consumer update changing --tier free --models image-edit")
    answer = target.get("/v1/models", token)
    assert answer.headers["X-RateLimit-Limit"] == "10"
    assert [model["id"] for model in answer.json()["data"]] == ["image-edit"]


@pytest.mark.parametrize(
    ("options", "consumer"), [("", "turning"), (" --internal", "turning-inside")], ids=["partner", "internal"]
)
def test_a_rotation_leaves_no_moment_without_a_token(target: Target, options: str, consumer: str) -> None:
    target.succeed(f"consumer create {consumer}")
    old = json.loads(target.succeed(f"token create {consumer} --json{options}"))
    wait_until(lambda: target.get("/v1/models", old["token"]).status_code == 200)
    new = json.loads(target.succeed(f"token rotate {old['token_id']} --json"))
    assert new["replaces"]["token_id"] == old["token_id"]
    wait_until(lambda: target.get("/v1/models", new["token"]).status_code == 200)
    assert target.get("/v1/models", old["token"]).status_code == 200
    target.succeed(f"consumer revoke-tokens {consumer} --yes")
    assert {target.get("/v1/models", each["token"]).status_code for each in (old, new)} == {401}


def test_a_new_pepper_invalidates_no_token(target: Target) -> None:
    target.succeed("consumer create peppered")
    old = target.succeed("token create peppered").strip()
    assert target.get("/v1/models", old).status_code == 200
    version = json.loads(target.succeed("pepper rotate --json"))["version"]
    new = json.loads(target.succeed("token create peppered --json"))
    assert new["pepper_version"] == version
    wait_until(lambda: target.get("/v1/models", new["token"]).status_code == 200)
    assert target.get("/v1/models", old).status_code == 200
    assert old.split("_")[1] in target.fail("pepper retire 1 --yes", code=2)


def test_what_was_asked_is_counted(target: Target) -> None:
    target.succeed("consumer create counted")
    token = target.succeed("token create counted").strip()
    for _ in range(3):
        assert target.get("/v1/models", token).status_code == 200

    def counted() -> list[dict[str, object]]:
        return json.loads(target.succeed("usage show --consumer counted --json"))["usage"]

    # It is counted when nobody waits any more.
    wait_until(lambda: sum(row["requests"] for row in counted()) == 3)
    assert [(row["model"], row["outcome"]) for row in counted()] == [("models", "ok")]
    header, row = target.succeed("usage show --consumer counted --csv").splitlines()
    assert (header.split(",")[0], row.split(",")[0]) == ("consumer_id", "counted")


def test_a_token_is_shown_once_and_never_listed(target: Target) -> None:
    target.succeed("consumer create listed")
    (token,) = target.run_cli("token create listed", columns=20).stdout.splitlines()
    done = target.run_cli("token list", columns=300)
    assert token.split("_")[1] in done.stdout
    assert token.split("_")[2] not in done.stdout


def test_a_revocation_is_asked_for_first(target: Target) -> None:
    done = target.run_cli(f"token revoke {target.token.split('_')[1]}", answer="n\n")
    assert done.returncode == 4
    assert target.get("/v1/models", target.token).status_code == 200


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
def test_what_cannot_be_done_is_told(target: Target, arguments: str, code: int, told: str) -> None:
    assert told in target.fail(arguments, code)


def test_smoke_gets_a_picture_from_every_backend(target: Target) -> None:
    lines = target.succeed("smoke").splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "text-to-image, openai-compatible",
        "image-edit of 1, openai-compatible", "image-edit of 2, openai-compatible",
    ]  # fmt: skip
    assert all("bytes in" in line for line in lines)

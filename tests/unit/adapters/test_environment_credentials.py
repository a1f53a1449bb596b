"""The role's credentials, from the variables or from the endpoint that they name."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from imagineart.adapters.aws_http import AwsCallError
from imagineart.adapters.aws_signature import Credentials
from imagineart.adapters.environment_credentials import credentials_from_environment
from tests.fault_backend import Answer, Delivery, FaultBackend, document, page


@pytest.fixture
def server() -> Iterator[FaultBackend]:
    with FaultBackend() as server:
        yield server


def handed_out(number: int, *, valid: timedelta = timedelta(hours=1)) -> Answer:
    expiration = (datetime.now(UTC) + valid).strftime("%Y-%m-%dT%H:%M:%SZ")
    return document(
        {"AccessKeyId": f"ASIA{number}", "SecretAccessKey": "s", "Token": "t", "Expiration": expiration}
    )


def environment(server: FaultBackend, **variables: str) -> dict[str, str]:
    url = f"{server.origin}/credentials"
    return {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": url,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "let me in",
    } | variables


@pytest.mark.parametrize("session_token", ["session", None])
def test_credentials_in_the_variables_are_used_as_they_are(session_token: str | None) -> None:
    variables = {"AWS_ACCESS_KEY_ID": "ASIA", "AWS_SECRET_ACCESS_KEY": "secret"}
    if session_token:
        variables["AWS_SESSION_TOKEN"] = session_token
    assert credentials_from_environment(variables)() == Credentials("ASIA", "secret", session_token)


def test_credentials_in_the_variables_come_before_the_endpoint(server: FaultBackend) -> None:
    provider = credentials_from_environment(environment(server, AWS_ACCESS_KEY_ID="ASIA"))
    assert provider().access_key_id == "ASIA"
    assert server.requests == []


def test_nothing_is_fetched_before_it_is_needed(server: FaultBackend) -> None:
    credentials_from_environment(environment(server))
    assert server.connections == 0


def test_the_endpoint_is_asked_with_its_token(server: FaultBackend) -> None:
    server.script(handed_out(1))
    assert credentials_from_environment(environment(server))() == Credentials("ASIA1", "s", "t")
    (request,) = server.requests
    assert (request.method, request.path) == ("GET", "/credentials")
    assert request.headers["authorization"] == "let me in"


def test_the_endpoints_token_may_be_in_a_file_that_changes(server: FaultBackend, tmp_path: Path) -> None:
    file = tmp_path / "token"
    provider = credentials_from_environment(
        environment(server, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=str(file))
    )
    server.script(*[handed_out(number, valid=timedelta(minutes=1)) for number in range(2)])
    for token in ("first", "second"):
        file.write_text(f"{token}\n")
        provider()
    assert [request.headers["authorization"] for request in server.requests] == ["first", "second"]


def test_credentials_are_held_while_they_last(server: FaultBackend) -> None:
    server.script(handed_out(1), handed_out(2))
    provider = credentials_from_environment(environment(server))
    assert [provider().access_key_id for _ in range(3)] == ["ASIA1"] * 3
    assert len(server.requests) == 1


@pytest.mark.parametrize("valid", [timedelta(minutes=4), timedelta(0), timedelta(hours=-1)])
def test_credentials_are_fetched_anew_before_they_expire(server: FaultBackend, valid: timedelta) -> None:
    server.script(handed_out(1, valid=valid), handed_out(2))
    provider = credentials_from_environment(environment(server))
    assert [provider().access_key_id for _ in range(3)] == ["ASIA1", "ASIA2", "ASIA2"]


@pytest.mark.parametrize(
    "answer",
    [page(), page(500), Answer(404), document([]), document("text"), document(None),
     document({"AccessKeyId": "a"}), document({"Message": "no"}, 403), handed_out(1).delivered(Delivery.CUT),
     Answer(body=json.dumps({"AccessKeyId": "a", "SecretAccessKey": "b", "Expiration": "soon"}).encode()),
     Answer(body=json.dumps({"AccessKeyId": "a", "SecretAccessKey": "b", "Expiration": None}).encode())],
    ids=lambda answer: ascii(answer.body[:30]),
)  # fmt: skip
def test_an_endpoint_that_hands_out_nothing_is_our_own_failure(server: FaultBackend, answer: Answer) -> None:
    server.script(*[answer] * 4)
    with pytest.raises(AwsCallError) as caught:
        credentials_from_environment(environment(server))()
    assert caught.value.aws_code == "Unreachable"
    assert "let me in" not in caught.value.detail


def test_an_endpoint_is_not_waited_for_as_long_as_it_may_ask(
    server: FaultBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    naps: list[float] = []
    monkeypatch.setattr("time.sleep", naps.append)
    server.script(*[Answer(503, headers={"Retry-After": "3600"})] * 4)
    with pytest.raises(AwsCallError):
        credentials_from_environment(environment(server))()
    assert sum(naps) < 1


def test_after_a_failure_the_endpoint_is_asked_again(server: FaultBackend) -> None:
    provider = credentials_from_environment(environment(server))
    server.script(page(500))
    with pytest.raises(AwsCallError):
        provider()
    server.script(handed_out(1))
    assert provider().access_key_id == "ASIA1"


def test_secrets_are_not_in_the_representation() -> None:
    provider = credentials_from_environment({"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "hidden"})
    assert "hidden" not in repr(provider())


def test_credentials_that_still_last_are_used_while_the_endpoint_fails(server: FaultBackend) -> None:
    provider = credentials_from_environment(environment(server))
    server.script(handed_out(1, valid=timedelta(minutes=4)), *[page(500)] * 4)
    assert [provider().access_key_id for _ in range(2)] == ["ASIA1", "ASIA1"]

"""One line a request: what operating needs, and nothing that belongs to the caller alone."""

import base64
import json
import uuid
from typing import Any

import pytest

from tests.fault_backend import refusal
from tests.functions.deployment import Deployer, Deployment, edit, generate
from tests.functions.generating_backend import GeneratingBackend, image_file

PROMPT = "a violet lighthouse nobody else may read about"


def log_to_this_tests_output(document: dict[str, Any]) -> None:
    """A logger is made once per service name, with the standard output of that moment."""
    for resource in document["Resources"].values():
        variables = resource.get("Properties", {}).get("Environment", {}).get("Variables", {})
        if variables:
            variables["POWERTOOLS_SERVICE_NAME"] = f"test-{uuid.uuid4()}"


@pytest.fixture
def logged_api(capsys: pytest.CaptureFixture[str], deploy: Deployer) -> Deployment:
    return deploy(log_to_this_tests_output)


def lines_of(output: str) -> list[dict[str, Any]]:
    """What was logged for somebody to read, without the metrics that stand between."""
    return [line for line in map(json.loads, output.splitlines()) if "_aws" not in line]


def logged_lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return lines_of(capsys.readouterr().out)


def test_a_image_leaves_one_line_that_tells_who_and_what(
    logged_api: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    token = logged_api.issue_token("acme")
    response = generate(logged_api.client(token), prompt=PROMPT, aspect_ratio="3:2")
    (line,) = logged_lines(capsys)
    assert (line["level"], line["status"]) == ("INFO", 200)
    assert line["request_id"] == response.headers["X-Request-Id"]
    assert (line["consumer"], line["token_id"]) == ("acme", token.id)
    assert (line["model"], line["size"]) == ("text-to-image", "1248x832")
    assert line["seed"] == int(response.headers["X-Seed"])
    assert line["image_bytes"] == len(response.content)
    assert {"backend_ms", "duration_ms"} <= line.keys()


def test_an_error_leaves_its_code_and_its_cause(
    logged_api: Deployment, backend: GeneratingBackend, capsys: pytest.CaptureFixture[str]
) -> None:
    client = logged_api.client(logged_api.issue_token("acme"))
    backend.reply = lambda _: refusal(401, "invalid_api_key")
    generate(client, prompt=PROMPT)
    generate(client, prompt=PROMPT, seed="x")
    logged_api.client().get("/v1/models")
    reported = [(line["status"], line["code"], line.get("field")) for line in logged_lines(capsys)]
    assert reported == [
        (502, "model_auth_error", None),
        (400, "invalid_request", "seed"),
        (401, "missing_bearer_token", None),
    ]


def test_neither_prompt_nor_secret_nor_pixels_are_ever_logged(
    logged_api: Deployment, backend: GeneratingBackend, capsys: pytest.CaptureFixture[str]
) -> None:
    token = logged_api.issue_token()
    client = logged_api.client(token)
    reference = image_file((64, 64), "reference")
    responses = [
        generate(client, prompt=PROMPT),
        edit(client, reference, prompt=PROMPT),
        generate(client, prompt=PROMPT * 100),
        generate(client, prompt=PROMPT, **{PROMPT: "x"}),
        generate(client, prompt=PROMPT, seed=PROMPT),
        edit(client, PROMPT.encode(), prompt=PROMPT),
        client.get("/v1/models", headers={"X-Forwarded-Proto": "http"}),
        client.get("/v1/models"),
    ]
    backend.reply = lambda _: refusal(401, "invalid_api_key")
    responses.append(generate(logged_api.client(logged_api.issue_token()), prompt=PROMPT))
    assert [response.status_code for response in responses] == [200, 200, 400, 400, 400, 400, 401, 401, 502]
    captured = capsys.readouterr()
    written = captured.out + captured.err
    assert len(lines_of(captured.out)) == len(responses)
    for image in (reference, responses[0].content, responses[1].content):
        assert base64.b64encode(image).decode()[:60] not in written
        assert repr(image)[2:60] not in written
    assert PROMPT[:20] not in written
    assert token.secret not in written
    assert max(map(len, written.splitlines())) < 1000


def test_an_unexpected_failure_is_logged_with_its_traceback_and_request_id(
    logged_api: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = logged_api.references["PepperSecret"]
    token = logged_api.issue_token()
    logged_api.aws("secretsmanager").put_secret_value(
        SecretId=secret, SecretString='{"current": "1", "1": 7}'
    )
    response = generate(logged_api.client(token))
    failure, request = logged_lines(capsys)
    assert (failure["level"], failure["request_id"]) == ("ERROR", response.headers["X-Request-Id"])
    assert "Traceback" in failure["exception"]
    assert (request["status"], request["code"]) == (500, "internal_error")

"""One line a request: what the operator needs, and nothing that belongs to the caller alone."""

import base64
import json
import uuid
from typing import Any

import pytest

from tests.fault_backend import Response, refusal
from tests.functions.conftest import Deploy
from tests.functions.deployment import Deployment, edit, generate, generate_series
from tests.functions.generating_backend import GeneratingBackend, always, image_file

PROMPT = "a violet lighthouse that only its owner may read about"


def log_to_this_tests_output(document: dict[str, Any]) -> None:
    """A logger is made once per service name, with the standard output of that moment."""
    for resource in document["Resources"].values():
        variables = resource.get("Properties", {}).get("Environment", {}).get("Variables", {})
        if variables:
            variables["POWERTOOLS_SERVICE_NAME"] = f"test-{uuid.uuid4()}"


@pytest.fixture
def logged_api(capsys: pytest.CaptureFixture[str], deploy: Deploy) -> Deployment:
    return deploy(log_to_this_tests_output)


def lines_of(output: str) -> list[dict[str, Any]]:
    """What was logged for a person to read, without the metrics in between."""
    return [line for line in map(json.loads, output.splitlines()) if "_aws" not in line]


def logged_lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return lines_of(capsys.readouterr().out)


def test_an_image_leaves_one_line_with_its_consumer_and_its_size(
    logged_api: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    token = logged_api.issue_token("acme")
    response = generate(logged_api.client(token), prompt=PROMPT, aspect_ratio="3:2")
    (line,) = logged_lines(capsys)
    assert (line["level"], line["message"], line["status"]) == ("INFO", "request", 200)
    assert (line["method"], line["path"]) == ("POST", "/v1/images/generations")
    assert line["request_id"] == response.headers["X-Request-Id"]
    assert (line["consumer"], line["token_id"]) == ("acme", token.id)
    assert (line["model"], line["size"], line["images"]) == ("text-to-image", "1248x832", 1)
    assert line["seed"] == int(response.headers["X-Seed"])
    assert line["image_bytes"] == len(response.content)
    assert {"backend", "backend_ms", "duration_ms"} <= line.keys()
    assert line["service"].startswith("test-"), "the function's own name"


def test_a_series_leaves_one_line_too(logged_api: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    response = generate_series(logged_api.client(logged_api.issue_token()), 2, user="somebody")
    (line,) = logged_lines(capsys)
    images = [base64.b64decode(each["b64_json"]) for each in response.json()["data"]]
    assert (line["images"], line["image_bytes"]) == (2, sum(map(len, images)))
    assert "somebody" not in str(line)


def test_an_error_leaves_its_code_and_its_cause(
    logged_api: Deployment, backend: GeneratingBackend, capsys: pytest.CaptureFixture[str]
) -> None:
    client = logged_api.client(logged_api.issue_token("acme"))
    backend.reply = always(refusal(401, "invalid_api_key"))
    generate(client, prompt=PROMPT)
    generate(client, prompt=PROMPT, seed="x")
    logged_api.client().get("/v1/models")
    failed, *requests = logged_lines(capsys)
    assert (failed["level"], failed["message"], failed["code"]) == (
        "WARNING", "backend failed", "model_auth_error",
    )  # fmt: skip
    assert [(line["status"], line["code"], line.get("field")) for line in requests] == [
        (502, "model_auth_error", None),
        (400, "invalid_request", "seed"),
        (401, "missing_bearer_token", None),
    ]


def test_a_header_of_the_caller_changes_no_other_field_of_the_line(
    logged_api: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    client = logged_api.client(
        Host="evil.example", **{"X-Forwarded-Proto": "https, evil", "X-Forwarded-Host": "e"}
    )
    client.get("/v1/models/")
    (line,) = logged_lines(capsys)
    assert line["path"] == "/v1/models"
    assert "evil" not in str(line)


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
        client.get(f"/v1/models/{PROMPT}"),
        client.get("/v1/models", headers={"X-Forwarded-Proto": "http"}),
        client.get("/v1/models"),
    ]
    client = logged_api.client(logged_api.issue_token())
    # A backend can put the prompt anywhere.
    for reply in (refusal(400, PROMPT), refusal(401, PROMPT), Response(200, PROMPT, b"{}")):
        backend.reply = always(reply)
        responses.append(generate(client, prompt=PROMPT))
    statuses = [response.status_code for response in responses]
    assert statuses == [200, 200, 400, 400, 400, 400, 404, 401, 401, 502, 502, 502]
    captured = capsys.readouterr()
    written = captured.out + captured.err
    assert [line["status"] for line in lines_of(captured.out) if "status" in line] == statuses
    for image in (reference, responses[0].content, responses[1].content):
        assert base64.b64encode(image).decode()[:60] not in written
        assert repr(image)[2:60] not in written
    assert PROMPT[:20] not in written
    assert token.secret not in written
    assert max(map(len, written.splitlines())) < 1000


def test_a_prompt_that_the_operator_wants_logged_writes_no_line_of_its_own(
    deploy: Deploy, capsys: pytest.CaptureFixture[str]
) -> None:
    api = deploy(log_to_this_tests_output, LogPrompts="true")
    forged = PROMPT + '\n{"level":"INFO","message":"request","consumer":"another","status":200}\n' + PROMPT
    generate(api.client(api.issue_token("acme")), prompt=forged)
    (line,) = logged_lines(capsys)
    assert (line["consumer"], line["prompt"]) == ("acme", forged)


def test_an_unexpected_failure_is_logged_with_its_traceback_and_request_id(
    logged_api: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    token = logged_api.issue_token()
    logged_api.aws("secretsmanager").put_secret_value(
        SecretId=logged_api.references["PepperSecret"], SecretString='{"current": "1", "1": 7}'
    )
    response = generate(logged_api.client(token))
    failure, request = logged_lines(capsys)
    assert (failure["level"], failure["request_id"]) == ("ERROR", response.headers["X-Request-Id"])
    assert "Traceback" in failure["exception"]
    assert (request["status"], request["code"]) == (500, "internal_error")

"""What alarms and the dashboard show of requests."""

import json
from typing import Any

import pytest

from tests.fault_backend import refusal
from tests.functions.conftest import Deploy
from tests.functions.deployment import Deployment, generate
from tests.functions.generating_backend import GeneratingBackend, always, generated
from tests.functions.test_logs import PROMPT, lines_of, log_to_this_tests_output


def metrics(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Every metric that was written, with the dimensions of its first set, by record."""
    return metrics_in(capsys.readouterr().out)


def metrics_in(output: str) -> list[dict[str, Any]]:
    records = [json.loads(line) for line in output.splitlines() if '"_aws"' in line]
    found = []
    for record in records:
        (directive,) = record["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "ImagineArt/local"
        names = [each["Name"] for each in directive["Metrics"]]
        dimensions = {name for names in directive["Dimensions"] for name in names}
        found.append({name: record[name] for name in dimensions} | {name: record[name][0] for name in names})
    return found


def test_an_image_is_counted_with_the_time_of_every_stage(
    api: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    generate(api.client(api.issue_token()))
    attempt, request = metrics(capsys)
    assert attempt == {
        "service": "generate_image",
        "backend": "openai-compatible",
        "BackendAttempts": 1,
        "BackendFailures": 0,
        "BackendRefusals": 0,
    }
    times = [request.pop(name) for name in ("Admission", "Backend", "Duration")]
    assert request == {"service": "generate_image", "Requests": 1, "ServerErrors": 0, "Images": 1}
    assert all(each > 0 for each in times)
    assert sum(times[:2]) <= times[2] + 0.2, "but for rounding"


def test_a_backend_that_fails_is_counted_with_the_error_that_the_caller_got(
    api: Deployment, backend: GeneratingBackend, capsys: pytest.CaptureFixture[str]
) -> None:
    backend.reply = always(refusal(401, "invalid_api_key"))
    generate(api.client(api.issue_token()))
    attempt, request, error = metrics(capsys)
    assert (attempt["BackendAttempts"], attempt["BackendFailures"]) == (1, 1)
    assert (request["ServerErrors"], "Images" in request) == (1, False)
    assert error == {"service": "generate_image", "code": "model_auth_error", "Errors": 1}


REFUSALS = {
    "an account that cannot pay": (400, "billing_hard_limit_reached", "model_auth_error"),
    "a bad key": (401, "invalid_api_key", "model_auth_error"),
    "a model that is gone": (404, "model_not_found", "model_not_available"),
}


@pytest.mark.parametrize(("status", "said", "code"), REFUSALS.values(), ids=REFUSALS)
def test_what_only_the_operator_can_change_is_counted_and_logged_though_the_caller_gets_an_image(
    deploy: Deploy,
    backend: GeneratingBackend,
    capsys: pytest.CaptureFixture[str],
    status: int,
    said: str,
    code: str,
) -> None:
    refused = iter([refusal(status, said)])
    backend.reply = lambda request: next(refused, None) or generated(request)
    routes = f"openai {backend.base_url} a-model, vllm-omni {backend.base_url} a-model"
    api = deploy(log_to_this_tests_output, generation_backends=routes)
    assert generate(api.client(api.issue_token())).headers["X-Backend"] == "vllm-omni"
    output = capsys.readouterr().out
    attempts = [each for each in metrics_in(output) if "BackendRefusals" in each]
    assert [(each["backend"], each["BackendRefusals"]) for each in attempts] == [
        ("openai", 1),
        ("vllm-omni", 0),
    ]
    (warning,) = [line for line in lines_of(output) if line["level"] == "WARNING"]
    assert (warning["backend"], warning["code"]) == ("openai", code)
    assert f"responded {status} with code '{said}'" in warning["detail"]


def test_a_mistake_of_the_caller_is_no_error_of_the_server(
    api: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    generate(api.client(api.issue_token()), seed="x")
    api.client().get("/v1/models")
    codes = [(each.get("code"), each.get("ServerErrors")) for each in metrics(capsys)]
    assert codes == [(None, 0), ("invalid_request", None), (None, 0), ("missing_bearer_token", None)]


def test_a_request_that_cannot_be_counted_is_served_and_reported(
    deploy: Deploy, capsys: pytest.CaptureFixture[str]
) -> None:
    api = deploy(log_to_this_tests_output)
    client = api.client(api.issue_token())
    api.aws("dynamodb").delete_table(TableName=api.references["UsageTable"])
    assert generate(client).status_code == 200
    output = capsys.readouterr().out
    assert output.count('"UnsettledRequests":[1.0]') == 1
    (warning,) = [line for line in lines_of(output) if line["level"] == "WARNING"]
    assert warning["message"] == "settlement failed"
    assert warning["detail"].startswith("usage: ResourceNotFoundException")


def test_metrics_say_nothing_of_the_caller_or_the_prompt(
    api: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    token = api.issue_token("quiet-consumer")
    generate(api.client(token), prompt=PROMPT)
    written = "\n".join(line for line in capsys.readouterr().out.splitlines() if '"_aws"' in line)
    assert written
    for secret in ("quiet-consumer", token.id, token.secret, PROMPT[:20]):
        assert secret not in written

"""What alarms and the dashboard know of requests, as the real functions tell it."""

import json
from typing import Any

import httpx
import pytest

from tests.fault_backend import Delivery, raw_image, refusal
from tests.functions.deployment import Deployment, generate
from tests.functions.generating_backend import GeneratingBackend, noise_file
from tests.functions.test_logs import PROMPT


def metrics(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Every metric that was written, with the dimensions of its first set, by record."""
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    found = []
    for record in records:
        (directive,) = record["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "ImagineArt/local"
        names = [each["Name"] for each in directive["Metrics"]]
        dimensions = {name for names in directive["Dimensions"] for name in names}
        found.append({name: record[name] for name in dimensions} | {name: record[name][0] for name in names})
    return found


def test_a_image_is_counted_with_the_time_of_every_stage(
    api: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    generate(api.client(api.issue_token()))
    attempt, request = metrics(capsys)
    assert attempt == {
        "service": "generate_image",
        "backend": "openai-compatible",
        "BackendAttempts": 1,
        "BackendFailures": 0,
    }
    stages = {"Admission", "Backend", "Delivery", "Duration"}
    assert {name: value for name, value in request.items() if name not in stages} == {
        "service": "generate_image",
        "Requests": 1,
        "ServerErrors": 0,
        "Images": 1,
    }
    assert sum(request[stage] for stage in stages - {"Duration"}) <= request["Duration"] + 0.2, "by rounding"
    assert all(request[stage] > 0 for stage in stages)


def test_a_backend_that_fails_is_counted_with_the_error_that_the_caller_got(
    api: Deployment, backend: GeneratingBackend, capsys: pytest.CaptureFixture[str]
) -> None:
    backend.reply = lambda _: refusal(401, "invalid_api_key")
    generate(api.client(api.issue_token()))
    attempt, request, error = metrics(capsys)
    assert (attempt["BackendAttempts"], attempt["BackendFailures"]) == (1, 1)
    assert (request["ServerErrors"], "Images" in request) == (1, False)
    assert error == {"service": "generate_image", "code": "model_auth_error", "Errors": 1}


def test_what_a_caller_broke_is_no_error_of_the_server(
    api: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    generate(api.client(api.issue_token()), seed="x")
    api.client().get("/v1/models")
    reported = [(each.get("code"), each.get("ServerErrors")) for each in metrics(capsys)]
    assert reported == [(None, 0), ("invalid_request", None), (None, 0), ("missing_bearer_token", None)]


def test_a_image_that_breaks_off_is_an_error_of_the_server_though_it_began_well(
    api: Deployment, backend: GeneratingBackend, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = raw_image(noise_file(1024, 1024)).delivered(Delivery.CUT)
    backend.reply = lambda _: cut
    with pytest.raises(httpx.RemoteProtocolError):
        generate(api.client(api.issue_token()))
    _, request, error = metrics(capsys)
    assert (request["ServerErrors"], error["code"]) == (1, "model_error")


def test_metrics_tell_nothing_of_the_caller_or_the_prompt(
    api: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    token = api.issue_token("acme")
    generate(api.client(token), prompt=PROMPT)
    written = "\n".join(line for line in capsys.readouterr().out.splitlines() if '"_aws"' in line)
    assert written
    assert not [secret for secret in ("acme", token.id, token.secret, PROMPT[:20]) if secret in written]

"""Every error that the API reference documents, provoked and compared with what the reference shows."""

import re

import httpx
import pytest

from imagineart.apis.common.call import RESERVED_SECONDS
from imagineart.apis.imagineart.documentation import IMAGE_ERROR_RESPONSES, RESULT_RESPONSES
from imagineart.apis.imagineart.errors import STATUS_BY_CODE
from imagineart.usage.metrics import Metrics
from tests.fault_backend import Delivery, RecordedRequest, Response, refusal
from tests.functions.conftest import Deploy, LoopClock
from tests.functions.deployment import (
    Change,
    Deployment,
    assert_error,
    edit,
    generate,
    template,
    without_the_streaming_layer,
)
from tests.functions.generating_backend import GeneratingBackend, always, generated
from tests.functions.test_logs import log_to_this_tests_output, logged_lines
from tests.functions.test_metrics import metrics
from tests.functions.test_tokens import new_token

STATUS_AND_RETRY = {
    "invalid_request": (400, "false"),
    "invalid_image": (400, "false"),
    "missing_bearer_token": (401, "false"),
    "invalid_token": (401, "false"),
    "unknown_request": (404, "false"),
    "result_expired": (410, "false"),
    "rate_limited": (429, "true"),
    "internal_error": (500, "true"),
    "model_not_available": (502, "false"),
    "model_error": (502, "true"),
    "model_auth_error": (502, "false"),
    "no_tokens_configured": (503, "false"),
    "timeout": (504, "true"),
}
DOCUMENTED = {
    code: example["value"]["error"]
    for _, response in sorted((IMAGE_ERROR_RESPONSES | {410: RESULT_RESPONSES[410]}).items())
    for code, example in response["content"]["application/json"]["examples"].items()
}


def generate_as_new_consumer(api: Deployment, **fields: str) -> httpx.Response:
    return generate(api.client(api.issue_token()), **fields)


def assert_as_documented(response: httpx.Response, code: str) -> None:
    """Numbers aside, since a limit of 30 may be documented and another one reached."""
    status, should_retry = STATUS_AND_RETRY[code]
    message = assert_error(response, status, code)
    assert re.sub(r"\d+", "N", message) == re.sub(r"\d+", "N", DOCUMENTED[code]["message"])
    assert response.headers["X-Should-Retry"] == should_retry
    assert ("Retry-After" in response.headers) == (code == "rate_limited")


def test_every_documented_error_is_known_here() -> None:
    assert list(DOCUMENTED) == list(STATUS_AND_RETRY) == list(STATUS_BY_CODE)


def test_what_a_caller_does_wrong(api: Deployment) -> None:
    client = api.client(api.issue_token(requests_per_minute=1_000))
    assert_as_documented(generate(client, resolution="3K"), "invalid_request")
    assert_as_documented(edit(client, b"no image at all"), "invalid_image")
    assert_as_documented(generate(api.client()), "missing_bearer_token")
    assert_as_documented(generate(api.client(new_token())), "invalid_token")
    assert_as_documented(client.post("/v1/models"), "unknown_request")


def test_a_limit_that_is_reached(api: Deployment) -> None:
    client = api.client(api.issue_token(requests_per_minute=1))
    # A minute may end between two of the requests, but not between all.
    refused = [response for _ in range(3) if (response := client.get("/v1/models")).status_code != 200]
    assert_as_documented(refused[0], "rate_limited")


@pytest.mark.parametrize(
    ("status", "code"), [(401, "model_auth_error"), (404, "model_not_available"), (500, "model_error")]
)
def test_a_backend_that_fails(api: Deployment, backend: GeneratingBackend, status: int, code: str) -> None:
    backend.reply = always(refusal(status))
    assert_as_documented(generate_as_new_consumer(api), code)


def test_a_deployment_without_tokens(own_api: Deployment) -> None:
    assert_as_documented(generate(own_api.client(new_token())), "no_tokens_configured")


def test_a_table_that_is_lost(own_api: Deployment) -> None:
    """The error says nothing of the inside."""
    token = own_api.issue_token()
    for name in ("ConsumersTable", "TokensTable"):
        own_api.aws("dynamodb").delete_table(TableName=own_api.references[name])
        assert_as_documented(generate(own_api.client(token)), "internal_error")


def test_a_backend_that_does_not_finish_in_time(
    own_api: Deployment,
    backend: GeneratingBackend,
    loop_clock: LoopClock,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It counts as failed. The slot and the room in the day are given back, and the request is counted."""
    seconds = template().functions["GenerateImageFunction"].timeout_seconds - RESERVED_SECONDS

    def send_half_and_let_the_time_pass(request: RecordedRequest) -> Response:
        loop_clock.advance(seconds + 0.5)
        return generated(request).delivered(Delivery.HELD_BODY)

    client = own_api.client(own_api.issue_token("acme", images_per_day=2))
    assert generate(client).status_code == 200
    backend.reply = send_half_and_let_the_time_pass
    assert_as_documented(generate(client), "timeout")
    assert "slots" not in own_api.consumer_item("acme")
    counted = {row.outcome: (row.requests, row.images) for row in own_api.usage("acme")}
    assert counted == {"ok": (1, 1), "timeout": (1, 0)}
    assert [each["BackendFailures"] for each in metrics(capsys) if "BackendFailures" in each] == [0, 1]
    backend.reply = generated
    assert generate(client).status_code == 200


@pytest.mark.parametrize("changes", [[], [without_the_streaming_layer]], ids=["streamed", "buffered"])
def test_a_failure_outside_of_every_route(
    deploy: Deploy,
    changes: list[Change],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is logged with its traceback, and the environment goes on."""
    api = deploy(log_to_this_tests_output, *changes)
    client = api.client(api.issue_token())
    with monkeypatch.context() as patched:
        patched.setattr(Metrics, "request_finished", None)
        response = generate(client)
    assert_as_documented(response, "internal_error")
    (failure,) = [line for line in logged_lines(capsys) if line["level"] == "ERROR"]
    assert failure["request_id"] == response.headers["X-Request-Id"]
    assert "TypeError" in failure["exception"]
    assert generate(client).status_code == 200
    assert api.cold_starts == ["GenerateImageFunction"]

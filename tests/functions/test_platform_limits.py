"""What API Gateway and Lambda refuse by themselves reaches the caller as an error of the API.

tests/unit/local/test_gateway.py shows what they refuse; here are the responses that the template gives them.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.gateway import MAX_BODY_BYTES, MAX_PAYLOAD_BYTES
from tests.fault_backend import json_image
from tests.functions.conftest import Deploy
from tests.functions.deployment import (
    assert_error,
    edit,
    function_properties,
    generate,
    without_the_streaming_layer,
)
from tests.functions.generating_backend import GeneratingBackend, always, held, noise_file


@pytest.mark.parametrize("body_bytes", [MAX_BODY_BYTES + 1, MAX_PAYLOAD_BYTES * 3 // 4])
def test_a_body_that_is_too_large_is_an_invalid_request_that_names_uploads(
    client: httpx.Client, backend: GeneratingBackend, body_bytes: int
) -> None:
    response = edit(client, bytes(body_bytes))
    message = assert_error(response, 400, "invalid_request")
    assert "too large" in message
    assert "POST /v1/uploads" in message
    assert "X-RateLimit-Limit" not in response.headers, "the request reached the function"
    assert backend.requests == []


def test_headers_that_are_too_large_are_an_invalid_request(client: httpx.Client) -> None:
    response = client.get("/v1/models", headers={"X-Long": "x" * 10_240})
    assert_error(response, 400, "invalid_request")


def test_without_the_layer_an_image_too_large_for_a_buffered_response_is_an_internal_error(
    deploy: Deploy, backend: GeneratingBackend
) -> None:
    backend.reply = always(json_image(noise_file(2048, 2048)))
    api = deploy(without_the_streaming_layer)
    assert_error(generate(api.client(api.issue_token()), resolution="2K"), 500, "internal_error")


def buffer_the_route(mode: Any) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        events = function_properties(document, "GenerateImageFunction")["Events"]
        events["GenerateImage"]["Properties"]["ResponseTransferMode"] = mode

    return change


def forget_the_wrapper(document: dict[str, Any]) -> None:
    variables = function_properties(document, "GenerateImageFunction")["Environment"]["Variables"]
    del variables["AWS_LAMBDA_EXEC_WRAPPER"]


@pytest.mark.parametrize(
    "change",
    [buffer_the_route("BUFFERED"), buffer_the_route({"Ref": "StageName"}), forget_the_wrapper],
    ids=["buffered", "a reference", "no wrapper"],
)
def test_the_layer_without_a_streamed_route_or_the_reverse_is_an_internal_error(
    deploy: Deploy, change: Callable[[dict[str, Any]], None]
) -> None:
    api = deploy(change)
    assert_error(generate(api.client(api.issue_token())), 500, "internal_error")


def test_a_function_that_cannot_start_does_not_say_why(deploy: Deploy) -> None:
    def forget_the_table(document: dict[str, Any]) -> None:
        variables = function_properties(document, "ListModelsFunction")["Environment"]["Variables"]
        variables["IMAGINEART_TOKENS_TABLE"] = " "

    api = deploy(forget_the_table)
    response = api.client(api.issue_token()).get("/v1/models")
    assert assert_error(response, 500, "internal_error") == (
        "Internal error. Retry; if it persists, report the request_id."
    )


HANGING_HANDLER = """
import os, urllib.request
URL = os.environ["BACKEND_URL"]
def handler(event, context):
    urllib.request.urlopen(URL, data=b"{}")
"""


@pytest.mark.parametrize(
    ("function_seconds", "gateway_milliseconds", "status", "code"),
    [(0.2, 29_000, 500, "internal_error"), (10, 200, 504, "timeout")],
    ids=["function", "gateway"],
)
def test_the_timeout_that_ends_a_request_decides_its_error(
    deploy: Deploy,
    backend: GeneratingBackend,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    function_seconds: float,
    gateway_milliseconds: int,
    status: int,
    code: str,
) -> None:
    def hang(document: dict[str, Any]) -> None:
        properties = function_properties(document, "ListModelsFunction")
        properties.update(CodeUri=str(tmp_path), Timeout=function_seconds)
        properties["Environment"]["Variables"]["BACKEND_URL"] = backend.base_url
        properties["Events"]["ListModels"]["Properties"]["TimeoutInMillis"] = gateway_milliseconds

    (tmp_path / "handler.py").write_text(HANGING_HANDLER)
    backend.reply = held
    assert_error(deploy(hang).client().get("/v1/models"), status, code)
    assert "FunctionCrashError" not in capsys.readouterr().err

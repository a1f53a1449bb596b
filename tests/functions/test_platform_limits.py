"""What AWS's limits and our own crashes look like from outside: always the envelope, never the internals."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from imagineart.access.tokens import TokenKind
from imagineart.apis.common.call import RESERVED_SECONDS
from local.gateway import MAX_BODY_BYTES, MAX_PAYLOAD_BYTES
from tests.fault_backend import json_image
from tests.functions.deployment import (
    Deployer,
    Deployment,
    assert_error,
    edit,
    function_properties,
    generate,
    without_the_streaming_layer,
)
from tests.functions.generating_backend import GeneratingBackend, image_file, never, noise_file


@pytest.mark.parametrize("body_bytes", [MAX_BODY_BYTES + 1, MAX_PAYLOAD_BYTES * 3 // 4])
def test_a_body_that_the_platform_refuses_is_an_invalid_request(
    client: httpx.Client, backend: GeneratingBackend, body_bytes: int
) -> None:
    response = edit(client, bytes(body_bytes))
    message = assert_error(response, 400, "invalid_request")
    assert "too large" in message
    assert "POST /v1/uploads" in message
    assert "X-RateLimit-Limit" not in response.headers, "the request reached the function"
    assert backend.requests == []


def test_headers_that_the_platform_refuses_are_an_invalid_request(client: httpx.Client) -> None:
    response = client.get("/v1/models", headers={"X-Long": "x" * 10_240})
    assert_error(response, 400, "invalid_request")


def test_without_the_layer_a_image_too_large_for_the_transport_is_an_internal_error(
    deploy: Deployer, backend: GeneratingBackend
) -> None:
    backend.reply = lambda _: json_image(noise_file(2048, 2048))
    api = deploy(without_the_streaming_layer)
    assert_error(generate(api.client(api.issue_token()), resolution="2K"), 500, "internal_error")


@pytest.mark.parametrize("transfer_mode", ["BUFFERED", "STREAM", {"Ref": "StageName"}])
def test_the_layer_without_a_streamed_route_is_an_internal_error(
    deploy: Deployer, transfer_mode: Any
) -> None:
    def buffer(document: dict[str, Any]) -> None:
        events = function_properties(document, "GenerateImageFunction")["Events"]
        events["GenerateImage"]["Properties"]["ResponseTransferMode"] = transfer_mode

    api = deploy(buffer)
    assert_error(generate(api.client(api.issue_token())), 500, "internal_error")


def test_a_streamed_route_without_the_layer_is_an_internal_error(deploy: Deployer) -> None:
    def forget_the_wrapper(document: dict[str, Any]) -> None:
        variables = function_properties(document, "GenerateImageFunction")["Environment"]["Variables"]
        del variables["AWS_LAMBDA_EXEC_WRAPPER"]

    api = deploy(forget_the_wrapper)
    assert_error(generate(api.client(api.issue_token())), 500, "internal_error")


def test_a_function_that_cannot_start_tells_nothing_of_why(deploy: Deployer) -> None:
    def forget_the_table(document: dict[str, Any]) -> None:
        variables = function_properties(document, "ListModelsFunction")["Environment"]["Variables"]
        variables["IMAGINEART_TOKENS_TABLE"] = " "

    api = deploy(forget_the_table)
    response = api.client(api.issue_token()).get("/v1/models")
    assert_error(response, 500, "internal_error")
    assert_nothing_internal(response)


@pytest.mark.parametrize(
    "body",
    [
        "raise ValueError('the password is hunter2')",
        "raise SystemExit(3)",
        "return None",
        "return {'statusCode': 'OK'}",
        "return {'statusCode': 200, 'body': b'bytes'}",
        "return {'statusCode': 200, 'body': {'hunter2': 1}}",
        "return {'statusCode': 200, 'body': 'no base64!', 'isBase64Encoded': True}",
    ],
)
def test_a_handler_that_crashes_or_responses_nonsense_is_an_internal_error(
    deploy: Deployer, tmp_path: Path, body: str
) -> None:
    (tmp_path / "handler.py").write_text(f"def handler(event, context):\n    {body}\n")

    def replace_health(document: dict[str, Any]) -> None:
        function_properties(document, "HealthFunction")["CodeUri"] = str(tmp_path)

    response = deploy(replace_health).client().get("/health")
    assert_error(response, 500, "internal_error")
    assert_nothing_internal(response)


def test_a_secret_with_nonsense_in_it_is_an_internal_error(api: Deployment) -> None:
    token = api.issue_token(kind=TokenKind.INTERNAL)
    write_by_hand(api, "InternalTokensSecret", '{"consumers": {"hunter2": "tokens"}}')
    response = api.client(token).get("/v1/models")
    assert_error(response, 500, "internal_error")
    assert_nothing_internal(response)


def write_by_hand(api: Deployment, name: str, content: str) -> None:
    """What PutSecretValue does alone on AWS; moto leaves two current versions where labels were moved."""
    secrets, secret_id = api.aws("secretsmanager"), api.references[name]
    before = secrets.get_secret_value(SecretId=secret_id, VersionStage="AWSCURRENT")["VersionId"]
    written = secrets.put_secret_value(SecretId=secret_id, SecretString=content, VersionStages=["by-hand"])
    secrets.update_secret_version_stage(
        SecretId=secret_id,
        VersionStage="AWSCURRENT",
        RemoveFromVersionId=before,
        MoveToVersionId=written["VersionId"],
    )


def assert_nothing_internal(response: httpx.Response) -> None:
    for word in ("hunter2", "Error", "Traceback", "handler", "IMAGINEART_", "arn:"):
        assert word not in response.text
    assert "internal" in response.text


HANGING_HANDLER = """
import os, urllib.request
URL = os.environ["IMAGINEART_BACKEND_URL"]
def handler(event, context):
    urllib.request.urlopen(URL, data=b"{}")
"""


def hang(backend: GeneratingBackend, folder: Path, document: dict[str, Any], timeout_seconds: float) -> None:
    """Let the models function wait for a backend that never responses."""
    backend.reply = never
    (folder / "handler.py").write_text(HANGING_HANDLER)
    properties = function_properties(document, "ListModelsFunction")
    properties.update(CodeUri=str(folder), Timeout=timeout_seconds)
    properties["Environment"]["Variables"]["IMAGINEART_BACKEND_URL"] = backend.base_url


def test_a_function_past_its_timeout_is_an_internal_error(
    deploy: Deployer, backend: GeneratingBackend, tmp_path: Path
) -> None:
    api = deploy(lambda document: hang(backend, tmp_path, document, timeout_seconds=0.2))
    assert_error(api.client().get("/v1/models"), 500, "internal_error")


def test_a_function_slower_than_the_gateways_patience_is_a_timeout(
    deploy: Deployer, backend: GeneratingBackend, tmp_path: Path
) -> None:
    def shorten_the_integration(document: dict[str, Any]) -> None:
        hang(backend, tmp_path, document, timeout_seconds=10)
        events = function_properties(document, "ListModelsFunction")["Events"]
        events["ListModels"]["Properties"]["TimeoutInMillis"] = 200

    assert_error(deploy(shorten_the_integration).client().get("/v1/models"), 504, "timeout")


@pytest.mark.parametrize(
    ("function_id", "send"),
    [
        ("GenerateImageFunction", lambda client: generate(client)),
        ("EditImageFunction", lambda client: edit(client, image_file((8, 8)))),
    ],
)
def test_the_function_responses_before_its_own_timeout_when_the_backend_does_not(
    deploy: Deployer, backend: GeneratingBackend, function_id: str, send: Any
) -> None:
    def shorten(document: dict[str, Any]) -> None:
        function_properties(document, function_id)["Timeout"] = RESERVED_SECONDS + 0.3

    backend.reply = never
    api = deploy(shorten)
    response = send(api.client(api.issue_token()))
    assert "model did not response" in assert_error(response, 504, "timeout")
    assert len(backend.requests) == 1
    assert "X-RateLimit-Limit" in response.headers, "the gateway responded, not the function"

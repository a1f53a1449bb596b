"""What AWS's limits, a wrong template and our own crashes look like to a caller: always our error format."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from imagineart.access.tokens import TokenKind
from local.gateway import MAX_BODY_BYTES, MAX_PAYLOAD_BYTES
from tests.fault_backend import raw_image
from tests.functions.conftest import Deploy
from tests.functions.deployment import (
    Deployment,
    assert_error,
    edit,
    function_properties,
    generate,
    without_the_streaming_layer,
)
from tests.functions.generating_backend import GeneratingBackend, always, held, noise_file


def assert_internal_error(response: httpx.Response) -> None:
    """Assert that the caller learns nothing of the cause."""
    assert_error(response, 500, "internal_error")
    for word in ("hunter2", "Error", "Traceback", "handler", "IMAGINEART_", "arn:"):
        assert word not in response.text


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


def test_without_the_layer_an_image_too_large_for_the_transport_is_an_internal_error(
    deploy: Deploy, backend: GeneratingBackend
) -> None:
    backend.reply = always(raw_image(noise_file(2048, 2048)))
    api = deploy(without_the_streaming_layer)
    assert_internal_error(generate(api.client(api.issue_token()), resolution="2K"))


def forget_the_table(document: dict[str, Any]) -> None:
    variables = function_properties(document, "GenerateImageFunction")["Environment"]["Variables"]
    variables["IMAGINEART_TOKENS_TABLE"] = " "


def test_a_function_that_cannot_start_is_an_internal_error(deploy: Deploy) -> None:
    api = deploy(forget_the_table)
    assert_internal_error(generate(api.client(api.issue_token())))


def test_a_secret_with_nonsense_in_it_is_an_internal_error(own_api: Deployment) -> None:
    token = own_api.issue_token(kind=TokenKind.INTERNAL)
    write_manually(own_api, "InternalTokensSecret", '{"consumers": {"hunter2": "tokens"}}')
    assert_internal_error(own_api.client(token).get("/v1/models"))


def write_manually(api: Deployment, name: str, content: str) -> None:
    """What PutSecretValue does alone on AWS; moto leaves two current versions where labels were moved."""
    secrets, secret_id = api.aws("secretsmanager"), api.references[name]
    before = secrets.get_secret_value(SecretId=secret_id, VersionStage="AWSCURRENT")["VersionId"]
    written = secrets.put_secret_value(SecretId=secret_id, SecretString=content, VersionStages=["manual"])
    secrets.update_secret_version_stage(
        SecretId=secret_id,
        VersionStage="AWSCURRENT",
        RemoveFromVersionId=before,
        MoveToVersionId=written["VersionId"],
    )


CRASHING = """
def handler(event, context):
    raise ValueError("the password is hunter2")
"""
HANGING = """
import urllib.request
def handler(event, context):
    urllib.request.urlopen("BACKEND_URL", data=b"{}")
"""


@pytest.mark.parametrize(
    ("source", "timeout_seconds", "patience_ms", "status", "code"),
    [
        (CRASHING, 10, 10_000, 500, "internal_error"),
        (HANGING, 0.2, 10_000, 500, "internal_error"),
        (HANGING, 10, 200, 504, "timeout"),
    ],
    ids=["a crash", "a function past its timeout", "a function slower than the gateway's timeout"],
)
def test_a_function_that_does_not_respond(
    deploy: Deploy,
    backend: GeneratingBackend,
    tmp_path: Path,
    source: str,
    timeout_seconds: float,
    patience_ms: int,
    status: int,
    code: str,
) -> None:
    def replace_the_code(document: dict[str, Any]) -> None:
        properties = function_properties(document, "ListModelsFunction")
        properties.update(CodeUri=str(tmp_path), Timeout=timeout_seconds)
        properties["Events"]["ListModels"]["Properties"]["TimeoutInMillis"] = patience_ms

    backend.reply = held
    (tmp_path / "handler.py").write_text(source.replace("BACKEND_URL", backend.base_url))
    response = deploy(replace_the_code).client().get("/v1/models")
    assert_error(response, status, code)
    assert "hunter2" not in response.text
    assert len(backend.requests) == (source == HANGING)

"""One API over several backends: the next one serves where the first cannot, and the response names it."""

import json
from collections.abc import Iterator

import httpx
import pytest

from local.bedrock.faults import Fault
from local.bedrock.server import BedrockServer
from tests.functions.conftest import Deploy
from tests.functions.deployment import Change, assert_error, edit, generate, open_png
from tests.functions.generating_backend import GeneratingBackend, image_file
from tests.functions.test_logs import log_to_this_tests_output, logged_lines

UNREACHABLE = "openai http://127.0.0.1:1/v1 a-model retries=0"
ULTRA = "stability.stable-image-ultra-v1:1"


@pytest.fixture
def bedrock() -> Iterator[BedrockServer]:
    with BedrockServer(pixels=1 << 16) as server:
        yield server


def client_of(deploy: Deploy, routes: str, *change: Change) -> httpx.Client:
    """A client of a deployment with these routes for both models."""
    api = deploy(*change, generation_backends=routes, edit_backends=routes)
    return api.client(api.issue_token())


def test_the_next_backend_serves_where_the_first_cannot_be_reached(
    deploy: Deploy, backend: GeneratingBackend, capsys: pytest.CaptureFixture[str]
) -> None:
    routes = f"{UNREACHABLE}, vllm-omni {backend.base_url} a-model"
    client = client_of(deploy, routes, log_to_this_tests_output)
    for response in (generate(client), edit(client, image_file((64, 64)))):
        assert (response.status_code, response.headers["X-Backend"]) == (200, "vllm-omni")
    assert [request.path for request in backend.requests] == [
        "/v1/images/generations", "/v1/images/edits",
    ]  # fmt: skip
    assert [(line["message"], line["backend"]) for line in logged_lines(capsys)] == [
        ("backend failed", "openai"), ("request", "vllm-omni"),
    ] * 2  # fmt: skip


def test_where_no_backend_can_serve_the_log_has_every_reason_and_the_caller_none(
    deploy: Deploy, backend: GeneratingBackend, capsys: pytest.CaptureFixture[str]
) -> None:
    routes = f"{UNREACHABLE}, imagineart http://127.0.0.1:1/v1 retries=0"
    response = generate(client_of(deploy, routes, log_to_this_tests_output))
    assert "127.0.0.1" not in assert_error(response, 502, "model_error")
    line = logged_lines(capsys)[-1]
    assert line["message"] == "request"
    for route in ("openai", "imagineart"):
        assert f"{route}: ConnectError" in line["detail"]


def test_bedrock_generates_from_text_and_from_references(deploy: Deploy, bedrock: BedrockServer) -> None:
    client = client_of(deploy, f"bedrock us-west-2 {ULTRA} endpoint={bedrock.url}")
    generated = generate(client, aspect_ratio="4:3", seed="7")
    assert open_png(generated.content).size == (1184, 888)
    assert (generated.headers["X-Backend"], generated.headers["X-Seed"]) == ("bedrock", "7")
    photo = image_file((300, 200))
    for photos in ([photo], [photo, photo, photo]):
        assert open_png(edit(client, *photos, aspect_ratio="3:2").content).size == (1248, 832)


def test_a_prompt_that_bedrock_filters_is_the_callers_to_change(
    deploy: Deploy, bedrock: BedrockServer, backend: GeneratingBackend
) -> None:
    routes = f"bedrock us-west-2 {ULTRA} endpoint={bedrock.url}, sglang {backend.base_url} a-model"
    bedrock.fail(Fault.PROMPT_FILTERED)
    message = assert_error(generate(client_of(deploy, routes)), 400, "invalid_request")
    assert message.startswith("prompt: the model refused it under its content policy")
    assert backend.requests == []


def test_another_backend_serves_while_bedrock_cannot(
    deploy: Deploy, bedrock: BedrockServer, backend: GeneratingBackend
) -> None:
    routes = f"bedrock us-west-2 {ULTRA} endpoint={bedrock.url} retries=0, sglang {backend.base_url} a-model"
    client = client_of(deploy, routes)
    for fault in (Fault.THROTTLED, Fault.NO_MODEL_ACCESS, Fault.UNAVAILABLE, Fault.MODEL_FAILED):
        bedrock.fail(fault)
        assert generate(client).headers["X-Backend"] == "sglang"
    assert generate(client).headers["X-Backend"] == "bedrock"


def test_another_backend_serves_where_the_key_of_the_first_cannot_be_read(
    deploy: Deploy, bedrock: BedrockServer, backend: GeneratingBackend
) -> None:
    routes = f"sglang {backend.base_url} a-model, bedrock us-west-2 {ULTRA} endpoint={bedrock.url}"
    api = deploy(generation_backends=routes)
    secret = api.references["BackendCredentialSecret"]
    api.aws("secretsmanager").put_secret_value(SecretId=secret, SecretString="edited by mistake")
    response = generate(api.client(api.issue_token()))
    assert (response.status_code, response.headers["X-Backend"]) == (200, "bedrock")
    assert backend.requests == []


def test_no_seed_is_claimed_for_a_model_without_one(deploy: Deploy, backend: GeneratingBackend) -> None:
    response = generate(client_of(deploy, f"openai {backend.base_url} gpt-image-2"), seed="7")
    assert "X-Seed" not in response.headers
    assert response.headers["X-Seed-Supported"] == "false"
    assert "seed" not in json.loads(backend.requests[0].body)

"""One API over several backends: the next one serves where the first cannot, and the response tells which."""

import json
from collections.abc import Iterator

import httpx
import pytest

from local.bedrock.faults import Fault
from local.bedrock.server import BedrockServer
from tests.functions.deployment import Change, Deployer, assert_error, edit, generate, open_png
from tests.functions.generating_backend import GeneratingBackend, image_file
from tests.functions.test_logs import log_to_this_tests_output, logged_lines

NOBODY = "openai http://127.0.0.1:1/v1 a-model retries=0"
ULTRA = "stability.stable-image-ultra-v1:1"


@pytest.fixture
def bedrock() -> Iterator[BedrockServer]:
    with BedrockServer(pixels=1 << 16) as server:
        yield server


def client_of(deploy: Deployer, routes: str, change: Change = lambda _: None) -> httpx.Client:
    """A client of a deployment with these routes for both models."""
    api = deploy(change, GenerationBackends=routes, EditBackends=routes)
    return api.client(api.issue_token())


def test_the_next_backend_serves_where_the_first_cannot_be_reached(
    deploy: Deployer, backend: GeneratingBackend
) -> None:
    client = client_of(deploy, f"{NOBODY}, vllm-omni {backend.base_url} a-model")
    for response in (generate(client), edit(client, image_file((64, 64)))):
        assert (response.status_code, response.headers["X-Backend"]) == (200, "vllm-omni")
    assert [request.path for request in backend.requests] == [
        "/v1/images/generations", "/v1/images/edits",
    ]  # fmt: skip


def test_the_log_tells_who_served(
    deploy: Deployer, backend: GeneratingBackend, capsys: pytest.CaptureFixture[str]
) -> None:
    client = client_of(deploy, f"{NOBODY}, sglang {backend.base_url} a-model", log_to_this_tests_output)
    generate(client)
    assert [line["backend"] for line in logged_lines(capsys)] == ["sglang"]


def test_where_nobody_can_serve_the_log_has_every_reason_and_the_caller_none(
    deploy: Deployer, backend: GeneratingBackend, capsys: pytest.CaptureFixture[str]
) -> None:
    client = client_of(
        deploy, f"{NOBODY}, imagineart http://127.0.0.1:1/v1 retries=0", log_to_this_tests_output
    )
    response = generate(client)
    message = assert_error(response, 502, "model_error")
    assert "127.0.0.1" not in message
    (line,) = logged_lines(capsys)
    assert line["detail"].startswith("openai: ConnectionRefusedError")
    assert "; imagineart: ConnectionRefusedError" in line["detail"]


def test_bedrock_paints_from_text_and_from_references(deploy: Deployer, bedrock: BedrockServer) -> None:
    client = client_of(deploy, f"bedrock us-west-2 {ULTRA} endpoint={bedrock.url}")
    generated = generate(client, aspect_ratio="4:3", resolution="1K", seed="7")
    assert open_png(generated.content).size == (1184, 888)
    assert (generated.headers["X-Backend"], generated.headers["X-Seed"]) == ("bedrock", "7")
    photo = image_file((300, 200))
    for photos in ([photo], [photo, photo, photo]):
        edited = edit(client, *photos, aspect_ratio="3:2", resolution="1K")
        assert open_png(edited.content).size == (1248, 832)


def test_a_prompt_that_bedrock_filters_is_the_callers_to_mend(
    deploy: Deployer, bedrock: BedrockServer, backend: GeneratingBackend
) -> None:
    routes = f"bedrock us-west-2 {ULTRA} endpoint={bedrock.url}, sglang {backend.base_url} a-model"
    bedrock.fail(Fault.PROMPT_FILTERED)
    message = assert_error(generate(client_of(deploy, routes)), 400, "invalid_request")
    assert message == "prompt: the model refused it under its content policy."
    assert backend.requests == []


def test_what_bedrock_cannot_do_now_another_does(
    deploy: Deployer, bedrock: BedrockServer, backend: GeneratingBackend
) -> None:
    routes = f"bedrock us-west-2 {ULTRA} endpoint={bedrock.url} retries=0, sglang {backend.base_url} m"
    client = client_of(deploy, routes)
    for fault in (Fault.THROTTLED, Fault.NO_MODEL_ACCESS, Fault.UNAVAILABLE, Fault.MODEL_FAILED):
        bedrock.fail(fault)
        assert generate(client).headers["X-Backend"] == "sglang"
    assert generate(client, resolution="1K").headers["X-Backend"] == "bedrock"


def test_a_model_without_a_seed_is_not_said_to_have_one(deploy: Deployer, backend: GeneratingBackend) -> None:
    client = client_of(deploy, f"openai {backend.base_url} gpt-image-2")
    response = generate(client, seed="7")
    assert "X-Seed" not in response.headers
    assert response.headers["X-Seed-Supported"] == "false"
    assert "seed" not in json.loads(backend.requests[0].body)

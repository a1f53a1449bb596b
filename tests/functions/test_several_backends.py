"""One API over several backends: the next one serves where the first cannot, and the response says which."""

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

NOT_THERE = "http://127.0.0.1:1/v1"
ULTRA = "stability.stable-image-ultra-v1:1"


@pytest.fixture
def bedrock() -> Iterator[BedrockServer]:
    with BedrockServer(pixels=1 << 16) as server:
        yield server


def client_of(deploy: Deploy, routes: str, *changes: Change) -> httpx.Client:
    """A client of a deployment with these routes for both models."""
    api = deploy(*changes, GenerationBackends=routes, EditBackends=routes)
    return api.client(api.issue_token())


def test_the_next_backend_serves_where_the_first_cannot_be_reached(
    deploy: Deploy, backend: GeneratingBackend, capsys: pytest.CaptureFixture[str]
) -> None:
    routes = f"openai {NOT_THERE} a-model retries=0, vllm-omni {backend.base_url} a-model"
    client = client_of(deploy, routes, log_to_this_tests_output)
    for response in (generate(client), edit(client, image_file((64, 64)))):
        assert (response.status_code, response.headers["X-Backend"]) == (200, "vllm-omni")
    assert [each.path for each in backend.requests] == ["/v1/images/generations", "/v1/images/edits"]
    # The reason why the first one failed is logged, then the request.
    assert [line["backend"] for line in logged_lines(capsys)] == ["openai", "vllm-omni"] * 2


def test_where_no_backend_can_serve_the_log_has_every_reason_and_the_caller_none(
    deploy: Deploy, capsys: pytest.CaptureFixture[str]
) -> None:
    routes = f"openai {NOT_THERE} a-model retries=0, imagineart {NOT_THERE} retries=0"
    response = generate(client_of(deploy, routes, log_to_this_tests_output))
    assert "127.0.0.1" not in assert_error(response, 502, "model_error")
    *_, line = logged_lines(capsys)
    openai, imagineart = line["detail"].split("; ")
    assert openai.startswith("openai: ConnectError")
    assert imagineart.startswith("imagineart: ConnectError")


def test_bedrock_generates_from_text_and_from_references(deploy: Deploy, bedrock: BedrockServer) -> None:
    client = client_of(deploy, f"bedrock us-west-2 {ULTRA} endpoint={bedrock.url}")
    image = generate(client, aspect_ratio="4:3", seed="7")
    assert open_png(image.content).size == (1184, 888)
    assert (image.headers["X-Backend"], image.headers["X-Seed"]) == ("bedrock", "7")
    photo = image_file((300, 200))
    for photos in ([photo], [photo, photo, photo]):
        assert open_png(edit(client, *photos, aspect_ratio="3:2").content).size == (1248, 832)


def test_what_bedrock_cannot_do_now_another_backend_does(
    deploy: Deploy, bedrock: BedrockServer, backend: GeneratingBackend
) -> None:
    routes = f"bedrock us-west-2 {ULTRA} endpoint={bedrock.url} retries=0, sglang {backend.base_url} m"
    client = client_of(deploy, routes)
    for fault in (Fault.THROTTLED, Fault.NO_MODEL_ACCESS, Fault.UNAVAILABLE, Fault.MODEL_FAILED):
        bedrock.fail(fault)
        assert generate(client).headers["X-Backend"] == "sglang"
    assert generate(client).headers["X-Backend"] == "bedrock"


def test_a_model_without_a_seed_is_not_said_to_have_one(deploy: Deploy, backend: GeneratingBackend) -> None:
    response = generate(client_of(deploy, f"openai {backend.base_url} gpt-image-2"), seed="7")
    assert "X-Seed" not in response.headers
    assert response.headers["X-Seed-Supported"] == "false"
    assert "seed" not in json.loads(backend.requests[0].body)

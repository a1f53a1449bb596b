"""A retry under an Idempotency-Key gets the first response, and no image is made for it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.fault_backend import RecordedRequest, Response, refusal
from tests.functions.conftest import Deploy
from tests.functions.deployment import (
    Change,
    Deployment,
    assert_error,
    edit,
    generate,
    generate_series,
    without_the_streaming_layer,
)
from tests.functions.generating_backend import GeneratingBackend, always, generated, image_file

WITH_KEY = {"Idempotency-Key": "0f8fad5b-d9cb-469f-a165-70867728950e"}


@pytest.fixture
def client(api: Deployment) -> httpx.Client:
    """A client of a consumer of its own whose requests all have the same key."""
    return api.client(api.issue_token(), **WITH_KEY)


def is_replay(response: httpx.Response) -> str | None:
    return response.headers.get("Idempotent-Replayed")


@pytest.mark.parametrize("changes", [[], [without_the_streaming_layer]], ids=["streamed", "buffered"])
def test_a_retry_gets_the_same_image_byte_for_byte_without_another_call_of_the_backend(
    deploy: Deploy, backend: GeneratingBackend, changes: list[Change]
) -> None:
    api = deploy(*changes)
    client = api.client(api.issue_token(), **WITH_KEY)
    # httpx chooses another multipart boundary each time.
    first, second = generate(client), generate(client)
    assert (first.status_code, second.status_code) == (200, 200), second.text
    assert first.content == second.content
    assert (is_replay(first), is_replay(second)) == ("false", "true")
    same = ("content-type", "x-seed", "x-model", "x-backend", "x-image-width", "x-image-height")
    assert [first.headers[name] for name in same] == [second.headers[name] for name in same]
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]
    assert len(backend.requests) == 1


def test_a_retry_of_an_edit_is_known_by_its_images(client: httpx.Client, backend: GeneratingBackend) -> None:
    image, other = image_file((64, 64), "one"), image_file((64, 64), "two")
    assert edit(client, image).content == edit(client, image).content
    assert len(backend.requests) == 1
    message = assert_error(edit(client, other), 400, "invalid_request")
    assert message.startswith("Idempotency-Key: the key came with another request before")


def test_a_key_belongs_to_one_endpoint_and_one_form_of_the_response(client: httpx.Client) -> None:
    assert generate(client, seed="7").status_code == 200
    assert_error(edit(client, image_file((64, 64))), 400, "invalid_request")
    assert_error(generate_series(client, 1, seed=7), 400, "invalid_request")


def test_every_consumer_has_keys_of_its_own_which_its_tokens_share(
    api: Deployment, backend: GeneratingBackend
) -> None:
    consumer_id = api.new_consumer_id()
    first, second = (api.client(api.issue_token(consumer_id), **WITH_KEY) for _ in range(2))
    other = api.client(api.issue_token(), **WITH_KEY)
    assert generate(first).content == generate(second).content
    assert is_replay(generate(other)) == "false"
    assert len(backend.requests) == 2


def test_a_series_inside_json_is_replayed_too(client: httpx.Client, backend: GeneratingBackend) -> None:
    responses = [generate_series(client, 2) for _ in range(2)]
    assert responses[0].json() == responses[1].json()
    assert len(responses[0].json()["data"]) == len(backend.requests) == 2


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_a_malformed_key_is_refused_by_name(client: httpx.Client, key: str) -> None:
    client.headers["Idempotency-Key"] = key
    assert assert_error(generate(client), 400, "invalid_request").startswith("Idempotency-Key: got ")


def test_a_failure_frees_the_key(client: httpx.Client, backend: GeneratingBackend) -> None:
    backend.reply = always(refusal(500))
    assert_error(generate(client), 502, "model_error")
    assert_error(generate(client, resolution="9K"), 400, "invalid_request")
    backend.reply = generated
    assert (generate(client).status_code, is_replay(generate(client))) == (200, "true")


def test_retries_while_the_first_is_in_progress_wait_for_its_image(
    client: httpx.Client, backend: GeneratingBackend
) -> None:
    at_work, may_finish = threading.Event(), threading.Event()

    def generate_when_released(request: RecordedRequest) -> Response:
        at_work.set()
        assert may_finish.wait(60)
        return generated(request)

    backend.reply = generate_when_released
    with ThreadPoolExecutor(4) as callers:
        first = callers.submit(generate, client)
        assert at_work.wait(60)
        others = [callers.submit(generate, client) for _ in range(3)]
        refused = assert_error(generate(client, prompt="another"), 400, "invalid_request")
        may_finish.set()
        responses = [each.result(60) for each in [first, *others]]
    assert "another request" in refused
    assert [response.status_code for response in responses] == [200] * 4
    assert len({response.content for response in responses}) == 1
    assert [is_replay(response) for response in responses] == ["false", "true", "true", "true"]
    assert len(backend.requests) == 1

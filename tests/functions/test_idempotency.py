"""A retry under an Idempotency-Key gets the first response, and nothing is generated for it."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.fault_backend import RecordedRequest, Response, refusal
from tests.functions.conftest import Deploy
from tests.functions.deployment import (
    Deployment,
    assert_error,
    edit,
    generate,
    generate_series,
    without_the_streaming_layer,
)
from tests.functions.generating_backend import GeneratingBackend, always, generated, image_file

KEY = "0f8fad5b-d9cb-469f-a165-70867728950e"
WAIT_SECONDS = 60


def client_of(api: Deployment, consumer_id: str | None = None) -> httpx.Client:
    """A client whose requests all have the same key."""
    return api.client(api.issue_token(consumer_id), **{"Idempotency-Key": KEY})


@pytest.fixture
def client(api: Deployment) -> httpx.Client:
    return client_of(api)


def replayed(response: httpx.Response) -> str | None:
    return response.headers.get("Idempotent-Replayed")


@pytest.mark.parametrize("change", [None, without_the_streaming_layer], ids=["streamed", "buffered"])
def test_a_retry_gets_the_same_image_byte_for_byte_without_a_request_to_the_backend(
    deploy: Deploy, backend: GeneratingBackend, change: Callable[[dict[str, Any]], None] | None
) -> None:
    """Though httpx chooses another multipart boundary each time."""
    client = client_of(deploy(change) if change else deploy())
    first, second = generate(client), generate(client)
    assert (first.status_code, second.status_code) == (200, 200), second.text
    assert first.content == second.content
    assert (replayed(first), replayed(second)) == ("false", "true")
    same = ("content-type", "x-seed", "x-model", "x-backend", "x-image-width", "x-image-height")
    assert [first.headers[name] for name in same] == [second.headers[name] for name in same]
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]
    assert len(backend.requests) == 1


def test_a_retry_of_an_edit_is_recognized_by_its_images(
    client: httpx.Client, backend: GeneratingBackend
) -> None:
    image, other = image_file((64, 64), "one"), image_file((64, 64), "two")
    assert edit(client, image).content == edit(client, image).content
    assert len(backend.requests) == 1
    for response in (edit(client, other), generate(client)):
        message = assert_error(response, 400, "invalid_request")
        assert message.startswith("Idempotency-Key: the key came with another request before; allowed: ")


def test_every_consumer_has_keys_of_its_own_and_its_tokens_share_them(
    api: Deployment, backend: GeneratingBackend
) -> None:
    consumer_id = api.new_consumer_id()
    first, second, stranger = (client_of(api, each) for each in (consumer_id, consumer_id, None))
    assert generate(first).content == generate(second).content
    assert [replayed(generate(each)) for each in (second, stranger)] == ["true", "false"]
    assert len(backend.requests) == 2


def test_a_series_inside_json_is_replayed_too(client: httpx.Client, backend: GeneratingBackend) -> None:
    first, second = generate_series(client, 2), generate_series(client, 2)
    assert first.json() == second.json()
    assert len(first.json()["data"]) == len(backend.requests) == 2


def test_without_a_key_every_request_is_generated(api: Deployment, backend: GeneratingBackend) -> None:
    client = api.client(api.issue_token())
    assert [replayed(generate(client)) for _ in range(2)] == [None, None]
    assert len(backend.requests) == 2


@pytest.mark.parametrize("key", ["", "k" * 256, "clé"])
def test_a_malformed_key_is_refused_by_the_name_of_the_header(api: Deployment, key: str) -> None:
    client = api.client(api.issue_token())
    client.headers.encoding = "latin-1"
    client.headers["Idempotency-Key"] = key
    assert assert_error(generate(client), 400, "invalid_request").startswith("Idempotency-Key: got ")


def test_a_failure_frees_the_key(client: httpx.Client, backend: GeneratingBackend) -> None:
    backend.reply = always(refusal(500))
    assert_error(generate(client), 502, "model_error")
    assert_error(generate(client, resolution="9K"), 400, "invalid_request")
    backend.reply = generated
    assert [replayed(generate(client)) for _ in range(2)] == ["false", "true"]


def test_requests_while_the_first_is_in_progress_wait_for_its_image(
    client: httpx.Client, backend: GeneratingBackend
) -> None:
    at_work, may_finish = threading.Event(), threading.Event()

    def generate_when_released(request: RecordedRequest) -> Response:
        at_work.set()
        may_finish.wait(WAIT_SECONDS)
        return generated(request)

    backend.reply = generate_when_released
    with ThreadPoolExecutor(20) as callers:
        first = callers.submit(generate, client)
        assert at_work.wait(WAIT_SECONDS)
        others = [callers.submit(generate, client) for _ in range(19)]
        refused = assert_error(generate(client, prompt="another"), 400, "invalid_request")
        may_finish.set()
        responses = [each.result() for each in [first, *others]]
    assert "another request" in refused
    assert {response.status_code for response in responses} == {200}
    assert len({response.content for response in responses}) == 1
    assert [replayed(response) for response in responses] == ["false"] + ["true"] * 19
    assert len(backend.requests) == 1


def test_an_image_that_cannot_be_stored_is_delivered_all_the_same(
    own_api: Deployment, backend: GeneratingBackend
) -> None:
    bucket, s3 = own_api.references["IdempotencyBucket"], own_api.aws("s3")
    s3.delete_bucket(Bucket=bucket)
    client = client_of(own_api)
    assert generate(client).status_code == 200
    s3.create_bucket(Bucket=bucket)
    assert [replayed(generate(client)) for _ in range(2)] == ["false", "true"]
    assert len(backend.requests) == 2


def test_the_table_has_neither_prompt_nor_image(own_api: Deployment) -> None:
    generate(client_of(own_api), prompt="a secret lighthouse")
    (item,) = own_api.aws("dynamodb").scan(TableName=own_api.references["IdempotencyTable"])["Items"]
    assert "lighthouse" not in str(item)
    assert len(str(item)) < 2_000

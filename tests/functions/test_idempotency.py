"""A retry under an Idempotency-Key gets the first response, and nothing is generated for it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.fault_backend import RecordedRequest, Response, refusal
from tests.functions.deployment import Deployer, Deployment, assert_error, without_the_streaming_layer
from tests.functions.generating_backend import GeneratingBackend, generated, image_file

KEY = "0f8fad5b-d9cb-469f-a165-70867728950e"


def generate(client: httpx.Client, *, key: str | None = KEY, **fields: str) -> httpx.Response:
    """POST a generation; httpx chooses another multipart boundary each time."""
    form = {"prompt": "a lighthouse", "resolution": "1K"} | fields
    headers = {} if key is None else {"Idempotency-Key": key}
    files = {name: (None, text) for name, text in form.items()}
    return client.post("/v1/images/generations", files=files, headers=headers)


def edit(client: httpx.Client, image: bytes, **fields: str) -> httpx.Response:
    """POST an edit."""
    form = {"prompt": "at dusk", "resolution": "1K"} | fields
    parts = [("images", ("image", image, "application/octet-stream"))]
    return client.post("/v1/images/edits", data=form, files=parts, headers={"Idempotency-Key": KEY})


def replayed(response: httpx.Response) -> str | None:
    return response.headers.get("Idempotent-Replayed")


@pytest.mark.parametrize(
    "change", [lambda _: None, without_the_streaming_layer], ids=["streamed", "buffered"]
)
def test_a_retry_gets_the_same_image_byte_for_byte_without_asking_the_backend(
    deploy: Deployer, backend: GeneratingBackend, change
) -> None:
    api = deploy(change)
    client = api.client(api.issue_token())
    first, second = generate(client), generate(client)
    assert (first.status_code, second.status_code) == (200, 200), second.text
    assert first.content == second.content
    assert (replayed(first), replayed(second)) == ("false", "true")
    same = ("content-type", "x-seed", "x-model", "x-backend", "x-image-width", "x-image-height")
    assert [first.headers[name] for name in same] == [second.headers[name] for name in same]
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]
    assert len(backend.requests) == 1


def test_a_retry_of_an_edit_is_known_by_its_images(api: Deployment, backend: GeneratingBackend) -> None:
    client = api.client(api.issue_token())
    image, other = image_file((64, 64), "one"), image_file((64, 64), "two")
    assert edit(client, image).content == edit(client, image).content
    assert len(backend.requests) == 1
    message = assert_error(edit(client, other), 400, "invalid_request")
    assert message.startswith("Idempotency-Key: the key came with another request before")


def test_the_key_of_one_endpoint_is_not_one_of_the_other(api: Deployment) -> None:
    client = api.client(api.issue_token())
    assert generate(client).status_code == 200
    assert_error(edit(client, image_file((64, 64))), 400, "invalid_request")


def test_every_consumer_has_keys_of_its_own_and_its_tokens_share_them(
    api: Deployment, backend: GeneratingBackend
) -> None:
    first, second = (api.client(api.issue_token("acme")) for _ in range(2))
    stranger = api.client(api.issue_token("emca"))
    assert generate(first).content == generate(second).content
    assert replayed(generate(stranger, prompt="another")) == "false"
    assert len(backend.requests) == 2


def test_a_series_inside_json_is_repeated_too(api: Deployment, backend: GeneratingBackend) -> None:
    client = api.client(api.issue_token())
    order = {"prompt": "a fox", "n": 2, "resolution": "1K"}
    responses = [
        client.post("/v1/images/generations", json=order, headers={"Idempotency-Key": KEY}) for _ in range(2)
    ]
    assert responses[0].json() == responses[1].json()
    assert len(responses[0].json()["data"]) == len(backend.requests) == 2


def test_without_a_key_every_request_is_generated(api: Deployment, backend: GeneratingBackend) -> None:
    client = api.client(api.issue_token())
    for _ in range(2):
        assert replayed(generate(client, key=None)) is None
    assert len(backend.requests) == 2


@pytest.mark.parametrize("key", ["", "k" * 256, "clé".encode("latin-1").decode("latin-1")])
def test_what_is_no_key_is_refused_by_name(api: Deployment, key: str) -> None:
    client = api.client(api.issue_token())
    response = client.post(
        "/v1/images/generations",
        files={"prompt": (None, "x")},
        headers=[(b"Idempotency-Key", key.encode("latin-1"))],
    )
    assert assert_error(response, 400, "invalid_request").startswith("Idempotency-Key: got ")


def test_a_failure_frees_the_key(api: Deployment, backend: GeneratingBackend) -> None:
    client = api.client(api.issue_token())
    backend.reply = lambda _: refusal(500)
    assert_error(generate(client), 502, "model_error")
    assert_error(generate(client, resolution="9K"), 400, "invalid_request")
    backend.reply = generated
    assert (generate(client).status_code, replayed(generate(client))) == (200, "true")


def test_retries_while_the_first_is_under_way_wait_for_its_image(
    api: Deployment, backend: GeneratingBackend
) -> None:
    at_work, may_finish = threading.Event(), threading.Event()

    def generate_when_released(request: RecordedRequest) -> Response:
        at_work.set()
        may_finish.wait(30)
        return generated(request)

    backend.reply = generate_when_released
    client = api.client(api.issue_token())
    with ThreadPoolExecutor(4) as callers:
        first = callers.submit(generate, client)
        assert at_work.wait(30)
        others = [callers.submit(generate, client) for _ in range(3)]
        refused = assert_error(generate(client, prompt="another"), 400, "invalid_request")
        may_finish.set()
        responses = [each.result(60) for each in [first, *others]]
    assert "another request" in refused
    assert [response.status_code for response in responses] == [200] * 4
    assert len({response.content for response in responses}) == 1
    assert [replayed(response) for response in responses] == ["false", "true", "true", "true"]
    assert len(backend.requests) == 1


def test_a_hundred_requests_with_one_key_are_one_image(api: Deployment, backend: GeneratingBackend) -> None:
    client = api.client(api.issue_token())
    with ThreadPoolExecutor(20) as callers:
        responses = list(callers.map(lambda _: generate(client), range(100)))
    assert {response.status_code for response in responses} == {200}
    assert len({response.content for response in responses}) == 1
    assert len(backend.requests) == 1


def test_a_image_that_cannot_be_kept_is_given_all_the_same(
    api: Deployment, backend: GeneratingBackend
) -> None:
    bucket = api.references["IdempotencyBucket"]
    api.aws("s3").delete_bucket(Bucket=bucket)
    client = api.client(api.issue_token())
    assert generate(client).status_code == 200
    api.aws("s3").create_bucket(Bucket=bucket)
    assert [replayed(generate(client)) for _ in range(2)] == ["false", "true"]
    assert len(backend.requests) == 2


def test_neither_key_nor_prompt_nor_image_is_in_the_table(api: Deployment) -> None:
    generate(api.client(api.issue_token()), prompt="a secret lighthouse")
    (item,) = api.aws("dynamodb").scan(TableName=api.references["IdempotencyTable"])["Items"]
    assert KEY not in str(item)
    assert "lighthouse" not in str(item)
    assert len(str(item)) < 2_000

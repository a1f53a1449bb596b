"""An image is complete, checked and paid for before the first byte of its response is sent."""

import json
import select
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from types import SimpleNamespace
from urllib.parse import urlsplit

import httpx
import pytest

from imagineart.access.tokens import Token
from imagineart.apis.imagineart import responses
from imagineart.backends.circuit_breaker import FAILURES_TO_OPEN
from local import environments
from local.gateway import MAX_PAYLOAD_BYTES
from tests.fault_backend import json_image, raw_image
from tests.functions.conftest import Deploy
from tests.functions.deployment import (
    Deployment,
    assert_error,
    edit,
    generate,
    generate_series,
    open_png,
    without_the_streaming_layer,
)
from tests.functions.generating_backend import GeneratingBackend, always, image_file, noise_file, signed
from tests.functions.served_gateway import served

MIB = 1024 * 1024
ARRIVAL_SECONDS = 120.0
"""How long a response may take to begin on a busy machine."""


# Whole


@pytest.mark.parametrize(
    ("response_format", "wrap"), [("b64_json", json_image), ("png", raw_image)], ids=["b64_json", "raw"]
)
def test_an_image_of_20_mb_is_delivered_to_the_byte(
    deploy: Deploy, backend: GeneratingBackend, response_format: str, wrap
) -> None:
    large = noise_file(2048, 2048, has_alpha=True, padding_bytes=4_000_000)
    assert len(large) > 20_000_000 > MAX_PAYLOAD_BYTES
    backend.reply = always(wrap(signed(large)))
    api = deploy(response_format=response_format)
    response = generate(api.client(api.issue_token()), resolution="2K")
    assert (response.status_code, response.content == large) == (200, True)
    assert open_png(response.content).size == (2048, 2048)
    assert backend.requests[0].json["response_format"] == response_format


def test_an_edit_is_delivered_in_the_same_way(client: httpx.Client, backend: GeneratingBackend) -> None:
    backend.reply = always(raw_image(signed(noise_file(2048, 2048))))
    response = edit(client, image_file((8, 8)), resolution="2K")
    assert (response.status_code, response.content == noise_file(2048, 2048)) == (200, True)


def test_a_function_without_the_streaming_layer_responds_in_the_same_way(
    deploy: Deploy, backend: GeneratingBackend
) -> None:
    backend.reply = always(raw_image(signed(noise_file(1024, 1024))))
    api = deploy(without_the_streaming_layer)
    client = api.client(api.issue_token())
    response = generate(client, seed="7")
    assert (response.status_code, response.content == noise_file(1024, 1024)) == (200, True)
    assert (response.headers["X-Seed"], response.headers["Content-Type"]) == ("7", "image/png")
    assert len(generate_series(client, 1).json()["data"]) == 1
    assert_error(generate(client, seed="x"), 400, "invalid_request")
    assert_error(edit(client, b"no image"), 400, "invalid_image")
    backend.reply = always(json_image(b"no image"))
    assert_error(generate(client), 502, "model_error")


def test_a_response_that_is_too_large_is_refused_and_names_the_way_out(
    own_api: Deployment, backend: GeneratingBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(responses, "MAX_RESPONSE_BYTES", 10 * MIB)
    backend.reply = always(raw_image(noise_file(1024, 1024)))
    client = own_api.client(own_api.issue_token("acme", images_per_day=4))
    message = assert_error(generate_series(client, 3), 400, "invalid_request")
    assert message == (
        "n: got 3 images of 12 MB together; allowed: up to 10 MB in a response. Send response_format=url, or "
        "request fewer."
    )
    assert [(row.outcome, row.images) for row in own_api.usage("acme")] == [("invalid_request", 0)]
    assert len(generate_series(client, 2).json()["data"]) == 2


# Clients that do not read


@pytest.fixture
def two_backends(deploy: Deploy, backend: GeneratingBackend) -> Deployment:
    """If the circuit of the first backend opened, the second one would be called, which is not there."""
    backend.reply = lambda request: raw_image(noise_file(*request.size))
    first = f"openai-compatible {backend.base_url} a-model retries=0"
    return deploy(generation_backends=f"{first}, sglang http://127.0.0.1:1/v1 a-model retries=0")


@pytest.fixture
def acme(two_backends: Deployment) -> Token:
    """A consumer that may have one request at a time."""
    return two_backends.issue_token("acme", concurrent_requests=1, images_per_day=100)


@pytest.fixture
def base_url(two_backends: Deployment) -> Iterator[str]:
    with served(two_backends.gateway) as url:
        yield url


def post_and_read_nothing(base_url: str, token: Token, *, n: int) -> socket.socket:
    """The connection of a request whose response has begun, and is larger than the buffers of a socket."""
    resolution = "2K" if n == 1 else "1K"
    body = json.dumps({"prompt": "a fox", "n": n, "resolution": resolution}).encode()
    head = [
        "POST /v1/images/generations HTTP/1.1",
        f"Host: {urlsplit(base_url).netloc}",
        f"Authorization: Bearer {token.text}",
        f"Accept: {'image/png' if n == 1 else 'application/json'}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    connection = socket.create_connection(("127.0.0.1", urlsplit(base_url).port or 80))
    connection.sendall("\r\n".join([*head, "", ""]).encode() + body)
    assert select.select([connection], [], [], ARRIVAL_SECONDS)[0]
    return connection


def assert_settled(api: Deployment, *, images: int) -> None:
    assert "slots" not in api.consumer_item("acme")
    assert [(row.outcome, row.images) for row in api.usage("acme")] == [("ok", images)]
    (day,) = [int(value["N"]) for name, value in api.consumer_item("acme").items() if name.startswith("d")]
    assert day == images


@pytest.mark.parametrize("n", [1, 4])
def test_a_reader_that_stalls_pays_and_holds_nothing(
    two_backends: Deployment, acme: Token, base_url: str, n: int
) -> None:
    with closing(post_and_read_nothing(base_url, acme, n=n)) as connection:
        assert_settled(two_backends, images=n)
        assert generate(two_backends.client(acme)).status_code == 200
        received = b"".join(iter(lambda: connection.recv(MIB), b""))
    assert len(received) > 10 * MIB
    assert received.endswith(b"\r\n0\r\n\r\n"), "the response is complete"


@pytest.mark.parametrize("n", [1, 4])
def test_a_response_that_is_held_past_the_deadline_is_paid_and_holds_nothing(
    two_backends: Deployment, acme: Token, monkeypatch: pytest.MonkeyPatch, n: int
) -> None:
    client = two_backends.client(acme)
    order = {"prompt": "a fox", "n": n, "resolution": "1K"}
    with client.stream("POST", "/v1/images/generations", json=order) as response:
        assert response.status_code == 200
        assert_settled(two_backends, images=n)
        real = environments.time
        later = SimpleNamespace(monotonic=lambda: real.monotonic() + 10_000)
        with monkeypatch.context() as patched, suppress(httpx.RemoteProtocolError):
            patched.setattr(environments, "time", later)
            response.read()
    assert_settled(two_backends, images=n)
    assert generate(client).status_code == 200


@pytest.mark.parametrize("n", [1, 4])
def test_readers_that_leave_pay_and_harm_nothing(
    two_backends: Deployment, acme: Token, base_url: str, n: int
) -> None:
    for count in range(1, FAILURES_TO_OPEN + 1):
        post_and_read_nothing(base_url, acme, n=n).close()
        assert_settled(two_backends, images=n * count)
    assert generate(two_backends.client(acme)).status_code == 200

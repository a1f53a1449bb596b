"""Images of any size, delivered while they arrive, and deliveries that break off."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from local.gateway import MAX_PAYLOAD_BYTES
from tests.fault_backend import Delivery, RecordedRequest, Response, json_image, raw_image
from tests.functions.deployment import (
    Change,
    Deployer,
    Deployment,
    assert_error,
    edit,
    generate,
    open_png,
    without_the_streaming_layer,
)
from tests.functions.generating_backend import (
    GeneratingBackend,
    Reply,
    generated,
    image_file,
    noise_file,
    signed,
)
from tests.functions.served_gateway import served
from tests.functions.test_logs import log_to_this_tests_output, logged_lines

MIB = 1024 * 1024
FORM = {"prompt": "a lighthouse", "resolution": "1K", "seed": "7"}

in_either_form = pytest.mark.parametrize(
    ("response_format", "wrap"), [("b64_json", json_image), ("png", raw_image)], ids=["b64_json", "raw"]
)


def unchanged(_: dict[str, Any]) -> None:
    """The template as it is."""


@pytest.fixture(scope="module")
def noise_at_1k() -> bytes:
    return noise_file(1024, 1024)


@pytest.fixture(scope="module")
def noise_at_2k() -> bytes:
    return noise_file(2048, 2048)


@pytest.fixture
def base_url(api: Deployment) -> Iterator[str]:
    """Where the deployment is served over HTTP."""
    with served(api.gateway) as url:
        yield url


# Whole


@in_either_form
def test_a_image_larger_than_any_buffered_response_is_delivered_to_the_byte(
    deploy: Deployer, backend: GeneratingBackend, response_format: str, wrap: Any, noise_at_2k: bytes
) -> None:
    assert len(noise_at_2k) > MAX_PAYLOAD_BYTES
    backend.reply = lambda _: wrap(signed(noise_at_2k))
    api = deploy(response_format=response_format)
    response = generate(api.client(api.issue_token()), resolution="2K")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "image/png"
    assert response.content == noise_at_2k
    assert backend.requests[0].json["response_format"] == response_format


@in_either_form
def test_a_image_of_20_mb_is_delivered_to_the_byte(
    deploy: Deployer, backend: GeneratingBackend, response_format: str, wrap: Any
) -> None:
    large = noise_file(2048, 2048, has_alpha=True, padding_bytes=4_000_000)
    assert len(large) > 20_000_000
    backend.reply = lambda _: wrap(signed(large))
    api = deploy(response_format=response_format)
    response = generate(api.client(api.issue_token()), resolution="2K")
    assert (response.status_code, response.content == large) == (200, True)
    assert open_png(response.content).size == (2048, 2048)


def test_an_edit_is_delivered_in_the_same_way(
    deploy: Deployer, backend: GeneratingBackend, noise_at_2k: bytes
) -> None:
    backend.reply = lambda _: raw_image(signed(noise_at_2k))
    api = deploy(response_format="png")
    response = edit(api.client(api.issue_token()), image_file((8, 8)), resolution="2K")
    assert (response.status_code, response.content == noise_at_2k) == (200, True)
    assert backend.requests[0].fields["response_format"] == "png"


def test_a_image_arrives_while_the_backend_still_sends_it(
    api: Deployment, backend: GeneratingBackend, noise_at_1k: bytes
) -> None:
    backend.reply = lambda _: raw_image(noise_at_1k).delivered(Delivery.DRIPPED_BODY)
    with (
        api.client(api.issue_token()) as client,
        client.stream("POST", "/v1/images/generations", data=FORM) as response,
    ):
        pieces = response.iter_raw()
        begun = next(pieces)
        assert noise_at_1k.startswith(begun)
        assert len(begun) < len(noise_at_1k)
        backend.release()
        assert begun + b"".join(pieces) == noise_at_1k


def test_a_image_is_delivered_over_http_to_the_byte(
    api: Deployment, backend: GeneratingBackend, base_url: str, noise_at_2k: bytes
) -> None:
    backend.reply = lambda _: raw_image(signed(noise_at_2k))
    headers = {"Authorization": f"Bearer {api.issue_token().text}"}
    form = FORM | {"resolution": "2K"}
    response = httpx.post(f"{base_url}/v1/images/generations", data=form, headers=headers, timeout=60)
    assert (response.status_code, response.content == noise_at_2k) == (200, True)
    assert response.headers["Transfer-Encoding"] == "chunked"


# With the layer and without it


@in_either_form
@pytest.mark.parametrize("change", [unchanged, without_the_streaming_layer], ids=["streamed", "buffered"])
def test_with_the_layer_and_without_it_the_response_is_the_same(
    deploy: Deployer,
    backend: GeneratingBackend,
    change: Change,
    response_format: str,
    wrap: Any,
    noise_at_1k: bytes,
) -> None:
    backend.reply = lambda _: wrap(signed(noise_at_1k))
    api = deploy(change, response_format=response_format)
    response = generate(api.client(api.issue_token()), seed="7")
    assert (response.status_code, response.content == noise_at_1k) == (200, True)
    of_this_request = ("x-request-id", "content-length", "x-ratelimit-remaining", "x-ratelimit-reset")
    assert "x-request-id" in response.headers
    reported = {name: value for name, value in response.headers.items() if name not in of_this_request}
    assert reported == {
        "content-type": "image/png",
        "x-image-height": "1024",
        "x-image-width": "1024",
        "x-backend": "openai-compatible",
        "x-model": "text-to-image",
        "x-ratelimit-limit": "100000",
        "x-ratelimit-resource": "requests_per_minute",
        "x-seed": "7",
    }


@pytest.mark.parametrize("change", [unchanged, without_the_streaming_layer], ids=["streamed", "buffered"])
def test_with_the_layer_and_without_it_a_failure_is_enveloped(
    deploy: Deployer, backend: GeneratingBackend, change: Change
) -> None:
    api = deploy(change)
    client = api.client(api.issue_token())
    assert_error(generate(client, seed="x"), 400, "invalid_request")
    assert_error(edit(client, b"no image"), 400, "invalid_image")
    assert_error(generate(api.client()), 401, "missing_bearer_token")
    backend.reply = lambda _: json_image(b"no image")
    assert_error(generate(client), 502, "model_error")
    backend.reply = generated
    assert generate(client).status_code == 200
    assert sorted(api.cold_starts) == ["EditImageFunction", "GenerateImageFunction"]


# Broken off

Broken = Callable[[bytes], Reply]


def cut_midway(content: bytes) -> Reply:
    return lambda _: raw_image(content).delivered(Delivery.CUT)


def without_its_end(content: bytes) -> Reply:
    return lambda _: raw_image(content[:-12])


def damaged_near_its_end(content: bytes) -> Reply:
    damaged = bytearray(content)
    damaged[-1000] ^= 1
    return lambda _: raw_image(bytes(damaged))


def in_json(broken: Broken) -> Broken:
    def reply_in_json(content: bytes) -> Reply:
        raw = broken(content)

        def reply(request: RecordedRequest) -> Response:
            response = raw(request)
            return json_image(response.body).delivered(response.delivery)

        return reply

    return reply_in_json


_ways = (cut_midway, without_its_end, damaged_near_its_end)
breaking_off = pytest.mark.parametrize(
    "broken",
    [*_ways, *map(in_json, _ways)],
    ids=[f"{each.__name__}{form}" for form in ("", "_in_json") for each in _ways],
)


@breaking_off
def test_a_image_that_breaks_midway_never_looks_complete(
    client: httpx.Client, api: Deployment, backend: GeneratingBackend, broken: Broken, noise_at_1k: bytes
) -> None:
    backend.reply = broken(noise_at_1k)
    received: list[bytes] = []
    with client.stream("POST", "/v1/images/generations", data=FORM) as response:
        assert response.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            received.extend(response.iter_raw())
    assert 0 < sum(map(len, received)) < len(noise_at_1k)
    assert b"IEND" not in b"".join(received)[-12:]
    backend.reply = generated
    assert generate(client).status_code == 200
    assert api.cold_starts == ["GenerateImageFunction"]


@breaking_off
def test_over_http_the_transfer_is_incomplete(
    api: Deployment, backend: GeneratingBackend, base_url: str, broken: Broken, noise_at_1k: bytes
) -> None:
    backend.reply = broken(noise_at_1k)
    headers = {"Authorization": f"Bearer {api.issue_token().text}"}
    with httpx.Client(base_url=base_url, headers=headers, timeout=60) as client:
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
            client.post("/v1/images/generations", data=FORM)
        backend.reply = generated
        assert client.post("/v1/images/generations", data=FORM).status_code == 200


def test_a_backend_that_dies_before_the_pixels_is_a_model_error(
    client: httpx.Client, backend: GeneratingBackend
) -> None:
    backend.reply = lambda request: raw_image(image_file(request.size)[:60]).delivered(Delivery.CUT)
    assert_error(generate(client), 502, "model_error")


# Clients that hang up


def test_a_client_that_hangs_up_harms_nothing(
    client: httpx.Client, api: Deployment, backend: GeneratingBackend, noise_at_2k: bytes
) -> None:
    backend.reply = lambda _: raw_image(noise_at_2k)
    for _ in range(3):
        with client.stream("POST", "/v1/images/generations", data=FORM | {"resolution": "2K"}) as response:
            assert next(response.iter_raw()).startswith(b"\x89PNG")
    assert generate(client, resolution="2K").content == noise_at_2k
    assert api.cold_starts == ["GenerateImageFunction"]


def test_a_client_that_hangs_up_over_http_harms_nothing(
    api: Deployment, backend: GeneratingBackend, base_url: str, noise_at_2k: bytes
) -> None:
    backend.reply = lambda _: raw_image(noise_at_2k)
    headers = {"Authorization": f"Bearer {api.issue_token().text}"}
    form = FORM | {"resolution": "2K"}
    with httpx.Client(base_url=base_url, headers=headers, timeout=60) as client:
        for _ in range(3):
            with client.stream("POST", "/v1/images/generations", data=form) as response:
                assert next(response.iter_raw()).startswith(b"\x89PNG")
        assert client.post("/v1/images/generations", data=form).content == noise_at_2k


# The log


def log_of(lines: list[dict[str, Any]]) -> list[tuple[int, int, bool]]:
    return [(line["status"], line["image_bytes"], line["complete"]) for line in lines]


@pytest.fixture
def logged_api(capsys: pytest.CaptureFixture[str], deploy: Deployer) -> Deployment:
    return deploy(log_to_this_tests_output)


def test_a_delivery_is_logged_when_it_has_ended(
    logged_api: Deployment,
    backend: GeneratingBackend,
    capsys: pytest.CaptureFixture[str],
    noise_at_1k: bytes,
) -> None:
    backend.reply = lambda _: raw_image(signed(noise_at_1k))
    client = logged_api.client(logged_api.issue_token())
    with client.stream("POST", "/v1/images/generations", data=FORM) as response:
        pieces = response.iter_raw()
        begun = next(pieces)
        assert logged_lines(capsys) == []
        assert begun + b"".join(pieces) == noise_at_1k
    assert log_of(logged_lines(capsys)) == [(200, len(noise_at_1k), True)]


@breaking_off
def test_a_delivery_that_broke_off_is_logged_as_incomplete(
    logged_api: Deployment,
    backend: GeneratingBackend,
    capsys: pytest.CaptureFixture[str],
    broken: Broken,
    noise_at_1k: bytes,
) -> None:
    backend.reply = broken(noise_at_1k)
    client = logged_api.client(logged_api.issue_token())
    received: list[bytes] = []
    with client.stream("POST", "/v1/images/generations", data=FORM) as response:
        request_id = response.headers["X-Request-Id"]
        with pytest.raises(httpx.RemoteProtocolError):
            received.extend(response.iter_raw())
    (line,) = logged_lines(capsys)
    assert log_of([line]) == [(200, sum(map(len, received)), False)]
    assert line["request_id"] == request_id

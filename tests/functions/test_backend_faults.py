"""What the inference backend does wrong, and what the caller sees of it.

tests/conformance shows that every kind of backend maps every fault; here is what callers see.
"""

import json
from urllib.parse import urlsplit

import httpx
import pytest

from imagineart.backends import http, responses
from tests.fault_backend import (
    Delivery,
    FaultBackend,
    RecordedRequest,
    Response,
    document,
    json_image,
    raw_image,
)
from tests.fault_backend import refusal as refuse
from tests.functions.conftest import Deploy
from tests.functions.deployment import assert_error, generate
from tests.functions.generating_backend import (
    GeneratingBackend,
    Reply,
    always,
    cut_off,
    generated,
    image_file,
    noise_file,
)

INTERNALS = ("127.0.0.1", "test-generate", "test-edit", "Scripted refusal", "Traceback", "httpx", "Error")


def refusal(status: int, code: str | None = None, **headers: str) -> Reply:
    return always(refuse(status, code, headers=headers))


def cut_midway(request: RecordedRequest) -> Response:
    return raw_image(noise_file(1024, 1024)).delivered(Delivery.CUT)


def damaged_near_its_end(request: RecordedRequest) -> Response:
    content = bytearray(noise_file(1024, 1024))
    content[-1000] ^= 1
    return raw_image(bytes(content))


FAULTS = {
    "401": (refusal(401, "invalid_api_key"), 502, "model_auth_error"),
    "unknown model": (refusal(400, "model_not_found"), 502, "model_not_available"),
    "content policy": (refusal(400, "content_policy_violation"), 400, "invalid_request"),
    "429": (refusal(429), 429, "rate_limited"),
    "connection reset": (cut_off, 502, "model_error"),
    "an image cut midway": (cut_midway, 502, "model_error"),
    "an image without its end": (always(json_image(image_file((1024, 1024))[:-40])), 502, "model_error"),
    "an image damaged near its end": (damaged_near_its_end, 502, "model_error"),
}


@pytest.mark.parametrize(("reply", "status", "code"), FAULTS.values(), ids=FAULTS)
def test_a_fault_of_the_backend_is_one_clean_error(
    client: httpx.Client, backend: GeneratingBackend, reply: Reply, status: int, code: str
) -> None:
    backend.reply = reply
    response = generate(client)
    assert_error(response, status, code)
    assert [word for word in INTERNALS if word in response.text] == []
    backend.reply = generated
    assert generate(client).status_code == 200, "the next request is served"


@pytest.mark.parametrize("wrap", [json_image, raw_image])
def test_an_image_that_is_too_large_is_refused(
    client: httpx.Client, backend: GeneratingBackend, monkeypatch: pytest.MonkeyPatch, wrap
) -> None:
    for module in (http, responses):
        monkeypatch.setattr(module, "MAX_IMAGE_BYTES", len(noise_file(1024, 1024)) - 1)
    backend.reply = always(wrap(noise_file(1024, 1024)))
    assert_error(generate(client), 502, "model_error")


@pytest.mark.parametrize(("asked", "told"), [("17", "17"), ("soon", "5"), ("0", "1")])
def test_a_backend_at_its_limit_says_when_to_retry(
    client: httpx.Client, backend: GeneratingBackend, asked: str, told: str
) -> None:
    backend.reply = refusal(429, "busy", **{"Retry-After": asked})
    response = generate(client)
    assert "backend" in assert_error(response, 429, "rate_limited")
    assert response.headers["Retry-After"] == told


def test_an_address_in_a_backends_response_is_not_followed(
    client: httpx.Client, backend: GeneratingBackend
) -> None:
    with FaultBackend() as elsewhere:
        backend.reply = always(document({"data": [{"url": f"{elsewhere.base_url}/image.png"}]}))
        assert_error(generate(client), 502, "model_error")
    assert elsewhere.requests == []


def test_the_backend_gets_its_own_credential_and_never_the_callers(
    deploy: Deploy, backend: GeneratingBackend
) -> None:
    api = deploy()
    token = api.issue_token()
    generate(api.client(token))
    api = deploy()
    api.aws("secretsmanager").put_secret_value(
        SecretId=api.references["BackendCredentialSecret"],
        SecretString=json.dumps({urlsplit(backend.origin).netloc: "backend-key"}),
    )
    token = api.issue_token()
    generate(api.client(token))
    without, with_key = backend.requests
    assert without.headers.get("authorization") is None
    assert with_key.headers["authorization"] == "Bearer backend-key"
    assert token.secret not in str(with_key.headers)

"""What the inference backend does wrong, and what the caller is reported of it."""

import json
import struct
from urllib.parse import urlsplit

import httpx
import pytest

from tests.fault_backend import Delivery, RecordedRequest, Response, document, json_image, page, raw_image
from tests.fault_backend import refusal as refuse
from tests.functions.deployment import Deployer, Deployment, assert_error, edit, generate
from tests.functions.generating_backend import GeneratingBackend, Reply, cut_off, generated, image_file

INTERNALS = ("127.0.0.1", "test-generate", "test-edit", "Scripted refusal", "Traceback", "httpx", "Error")


def always(response: Response) -> Reply:
    return lambda _: response


def refusal(status: int, code: str | None = None) -> Reply:
    return always(refuse(status, code))


def truncate_the_json(request: RecordedRequest) -> Response:
    response = generated(request)
    return Response(body=response.body[: len(response.body) // 2])


def truncate_the_answer(request: RecordedRequest) -> Response:
    return generated(request).delivered(Delivery.CUT)


def truncate_the_image(request: RecordedRequest) -> Response:
    return json_image(image_file(request.size)[:-40])


def break_a_checksum(request: RecordedRequest) -> Response:
    content = bytearray(image_file(request.size))
    content[60] ^= 1
    return json_image(bytes(content))


def promise_a_billion_pixels(_: RecordedRequest) -> Response:
    content = bytearray(image_file((8, 8)))
    content[16:24] = struct.pack(">II", 40_000, 40_000)
    return json_image(bytes(content))


FAULTS = {
    "401": (refusal(401, "invalid_api_key"), 502, "model_auth_error"),
    "403": (refusal(403), 502, "model_auth_error"),
    "404": (refusal(404), 502, "model_not_available"),
    "400 for an unknown model": (refusal(400, "model_not_found"), 502, "model_not_available"),
    "400": (refusal(400, "invalid_size"), 502, "model_error"),
    "400 for its content policy": (refusal(400, "content_policy_violation"), 400, "invalid_request"),
    "429": (refusal(429), 429, "rate_limited"),
    "500": (refusal(500), 502, "model_error"),
    "503": (refusal(503), 502, "model_error"),
    "redirect": (refusal(302), 502, "model_error"),
    "connection reset": (cut_off, 502, "model_error"),
    "HTML": (always(page()), 502, "model_error"),
    "HTML with 502": (always(page(502)), 502, "model_error"),
    "nothing": (always(Response()), 502, "model_error"),
    "truncated JSON": (truncate_the_json, 502, "model_error"),
    "truncated response": (truncate_the_answer, 502, "model_error"),
    "JSON without a image": (always(document({"data": []})), 502, "model_error"),
    "JSON of another shape": (always(document([1, "data"])), 502, "model_error"),
    "base64 that is none": (always(document({"data": [{"b64_json": "***"}]})), 502, "model_error"),
    "a URL in place of a image": (always(document({"data": [{"url": "http://x/y"}]})), 502, "model_error"),
    "text as image": (always(json_image(b"no image")), 502, "model_error"),
    "truncated image": (truncate_the_image, 502, "model_error"),
    "damaged image": (break_a_checksum, 502, "model_error"),
    "decompression bomb": (promise_a_billion_pixels, 502, "model_error"),
    "broken image/png": (always(raw_image(b"\x89PNG\r\n\x1a\nbroken")), 502, "model_error"),
}


@pytest.mark.parametrize(("reply", "status", "code"), FAULTS.values(), ids=FAULTS)
def test_a_fault_of_the_backend_is_mapped(
    client: httpx.Client, backend: GeneratingBackend, reply: Reply, status: int, code: str
) -> None:
    backend.reply = reply
    response = generate(client)
    assert_error(response, status, code)
    assert [word for word in INTERNALS if word in response.text] == []


def test_a_fault_in_an_edit_is_mapped_as_well(client: httpx.Client, backend: GeneratingBackend) -> None:
    backend.reply = refusal(500)
    assert_error(edit(client, image_file((8, 8))), 502, "model_error")


def test_after_a_fault_the_next_image_is_made(client: httpx.Client, backend: GeneratingBackend) -> None:
    backend.reply = cut_off
    assert_error(generate(client), 502, "model_error")
    backend.reply = generated
    assert generate(client).status_code == 200


def test_a_backend_that_is_not_there_is_a_model_error(deploy: Deployer) -> None:
    deploy.backend_url = "http://127.0.0.1:1/v1"
    api = deploy()
    assert_error(generate(api.client(api.issue_token())), 502, "model_error")


def test_a_image_answered_without_json_around_it_is_taken(
    client: httpx.Client, backend: GeneratingBackend
) -> None:
    backend.reply = always(raw_image(image_file((1024, 1024))))
    assert generate(client).status_code == 200


@pytest.mark.parametrize("reported", ["", "soon", "-5", "Wed, 21 Oct 2026 07:28:00 GMT", "0"])
def test_without_a_usable_retry_after_one_is_still_told(
    client: httpx.Client, backend: GeneratingBackend, reported: str
) -> None:
    backend.reply = always(refuse(429, headers={"Retry-After": reported}))
    response = generate(client)
    assert_error(response, 429, "rate_limited")
    assert int(response.headers["Retry-After"]) >= 1


def test_the_backend_gets_its_own_credential_and_never_the_callers(
    api: Deployment, backend: GeneratingBackend
) -> None:
    api.aws("secretsmanager").put_secret_value(
        SecretId=api.references["BackendCredentialSecret"],
        SecretString=json.dumps({urlsplit(backend.origin).netloc: "backend-key"}),
    )
    token = api.issue_token()
    generate(api.client(token))
    assert backend.requests[0].headers["authorization"] == "Bearer backend-key"
    assert token.secret not in str(backend.requests[0].headers)


def test_a_backend_without_a_credential_is_sent_none(
    client: httpx.Client, backend: GeneratingBackend
) -> None:
    generate(client)
    assert backend.requests[0].headers.get("authorization") is None

"""What strangers, consumers and references may try on purpose; see docs/security.md.

Tokens are attacked in tests/unit/access, backends in test_backend_faults.py, and the log in test_logs.py.
"""

import json
from typing import Any

import httpx
import pytest

from imagineart.access.consumers import Consumer
from imagineart.access.limits import Limits
from imagineart.s3 import Bucket
from local.proxy_events import HttpRequest
from tests.functions.conftest import Deploy
from tests.functions.deployment import Deployment, assert_error, edit, generate, template
from tests.functions.generating_backend import GeneratingBackend
from tests.functions.test_logs import log_to_this_tests_output, logged_lines
from tests.sample_images import assemble, chunk, header, sample

KEY = "7d1c2b7e-0f52-4c39-9b0a-3d1c5f3f8f11"
BODY_BYTES = 4_300_000
"""About what API Gateway lets through in one request."""


def repeating_client(api: Deployment, consumer_id: str | None = None) -> httpx.Client:
    """A client whose requests all have the same idempotency key."""
    return api.client(api.issue_token(consumer_id), **{"Idempotency-Key": KEY})


def grant_upload(client: httpx.Client, size: int) -> httpx.Response:
    return client.post("/v1/uploads", data={"content_type": "image/png", "size": str(size)})


def upload(client: httpx.Client, content: bytes) -> str:
    """The id of an upload whose content is there."""
    granted = grant_upload(client, len(content)).json()
    httpx.put(granted["url"], content=content, headers=granted["headers"], trust_env=False).raise_for_status()
    upload_id: str = granted["id"]
    return upload_id


# What is stored


def test_a_revoked_token_gets_no_stored_image(api: Deployment) -> None:
    token = api.issue_token()
    client = api.client(token, **{"Idempotency-Key": KEY})
    assert generate(client).status_code == 200
    api.operator.manage_tokens.revoke(token.id)
    assert_error(generate(client), 401, "invalid_token")


def test_a_stored_image_is_not_sent_to_a_consumer_whose_model_was_withdrawn(api: Deployment) -> None:
    consumer_id = api.new_consumer_id()
    client = repeating_client(api, consumer_id)
    assert generate(client).status_code == 200
    without = Consumer(consumer_id, Limits(1_000, 10), frozenset({"image-edit"}))
    assert api.operator.consumers.replace_consumer(without)
    assert_error(generate(client), 400, "invalid_request")


def test_what_is_stored_for_a_consumer_has_its_id_as_a_folder(own_api: Deployment) -> None:
    for consumer_id in ("acme", "acme-2"):
        client = repeating_client(own_api, consumer_id)
        assert edit(client, upload(client, sample("PNG"))).status_code == 200
    for kind, bucket in (("responses", "IdempotencyBucket"), ("uploads", "UploadsBucket")):
        folders = sorted(key.split("/")[:2] for key in own_api.objects(bucket))
        assert folders == [[kind, "acme"], [kind, "acme-2"]]


def test_a_consumer_id_that_is_a_path_opens_nothing(own_api: Deployment, backend: GeneratingBackend) -> None:
    """Only an edit of the tables could make one: the operator's commands refuse the id."""
    token = own_api.issue_token()
    client = own_api.client(token, **{"Idempotency-Key": KEY})
    tables = own_api.aws("dynamodb")
    tables.update_item(
        TableName=own_api.references["TokensTable"],
        Key={"key": {"S": f"token#{token.id}"}},
        UpdateExpression="SET consumer_id = :path",
        ExpressionAttributeValues={":path": {"S": "../emca"}},
    )
    limits = {"requests_per_minute": {"N": "9"}, "concurrent_requests": {"N": "9"}}
    tables.put_item(TableName=own_api.references["ConsumersTable"], Item={"key": {"S": "../emca"}} | limits)
    for response in (generate(client), grant_upload(client, 5)):
        assert_error(response, 500, "internal_error")
    assert own_api.objects("IdempotencyBucket") == own_api.objects("UploadsBucket") == backend.requests == []


def test_an_idempotency_key_is_in_no_log_no_table_and_no_objects_name(
    deploy: Deploy, capsys: pytest.CaptureFixture[str]
) -> None:
    api = deploy(log_to_this_tests_output)
    client = repeating_client(api)
    responses = [
        generate(client),
        generate(client),
        generate(client, prompt="another"),
        generate(client, resolution="9K"),
        client.post("/v1/images/generations", headers={"Idempotency-Key": KEY * 8}, data={"prompt": "x"}),
    ]
    assert [each.status_code for each in responses] == [200, 200, 400, 400, 400]
    (stored,) = api.objects("IdempotencyBucket")
    api.aws("s3").delete_object(Bucket=api.references["IdempotencyBucket"], Key=stored)
    assert generate(client).headers["Idempotent-Replayed"] == "false"
    captured = capsys.readouterr()
    assert "it is made again" in captured.out
    tables = template().resources("AWS::DynamoDB::Table")
    rows = [api.aws("dynamodb").scan(TableName=api.references[each])["Items"] for each in tables]
    assert KEY not in captured.out + captured.err + str(rows) + str(api.objects("IdempotencyBucket"))


# Headers


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("Idempotency-Key", "a\r\nX-Injected: 1", 400),
        ("Idempotency-Key", "\N{FOX FACE}", 400),
        ("Authorization", "Bearer clé\r\nX-Injected: 1", 401),
        ("Authorization", "Bearer \N{FOX FACE}", 401),
        ("Authorization", "Bearer {token}\r\nX-Injected: 1", 401),
        ("Content-Type", "\N{FOX FACE}\r\nX-Injected: 1", 400),
        ("Content-Type", "multipart/form-data; boundary=\r\n--", 400),
        ("Accept", "\N{FOX FACE}\r\nX-Injected: 1", 200),
    ],
    ids=ascii,
)
def test_a_header_that_no_client_would_send_gets_a_response_and_injects_nothing(
    deploy: Deploy, capsys: pytest.CaptureFixture[str], name: str, value: str, status: int
) -> None:
    api = deploy(log_to_this_tests_output)
    token = api.issue_token()
    sent = {"Authorization": f"Bearer {token.text}", "Content-Type": "application/x-www-form-urlencoded"}
    sent[name] = value.replace("{token}", token.text)
    response = api.gateway.respond(
        HttpRequest("POST", "/v1/images/generations", "", tuple(sent.items()), b"prompt=x&resolution=1K")
    )
    body = response.body if isinstance(response.body, bytes) else b"".join(response.body)
    assert response.status == status
    for header_name, text in response.headers:
        assert "injected" not in (header_name + text).lower()
        assert text.isprintable()
    if status != 200:
        assert json.loads(body)["error"].keys() == {"code", "message", "request_id"}
    (line,) = logged_lines(capsys)
    assert line["status"] == status


# Bodies and references made to exhaust


def multipart(content: bytes) -> tuple[str, bytes]:
    """A multipart body around raw content."""
    return "multipart/form-data; boundary=x", b"--x\r\n" + content + b"\r\n--x--\r\n"


def filled(start: bytes, repeated: bytes, end: bytes = b"") -> bytes:
    """As many repetitions as a request can carry."""
    return start + repeated * ((BODY_BYTES - len(start) - len(end)) // len(repeated)) + end


JSON = "application/json"
URLENCODED = "application/x-www-form-urlencoded"
DISPOSITION = b"Content-Disposition: form-data; name=prompt\r\n\r\n"
EXHAUSTING = {
    "deep lists": (JSON, filled(b"", b"[")),
    "deep objects": (JSON, filled(b"", b'{"prompt":')),
    "a million objects": (JSON, filled(b'{"prompt":[', b"{},", b"{}]}")),
    "a number of millions of digits": (JSON, filled(b'{"n":', b"9", b"}")),
    "members": (JSON, filled(b"{", b'"prompt":"x",', b'"n":1}')),
    "a text of megabytes": (JSON, filled(b'{"prompt":"', b"x", b'"}')),
    "part headers": multipart(filled(b"", b"a: b\r\n")),
    "header parameters": multipart(filled(b"Content-Disposition: form-data", b"; a=b")),
    "parts": multipart(filled(b"", DISPOSITION + b"x\r\n--x\r\n")),
    "boundaries that are none": multipart(filled(DISPOSITION, b"\r\n--")),
    "fields": (URLENCODED, filled(b"", b"a=b&")),
    "percent signs": (URLENCODED, filled(b"prompt=", b"%41")),
}


@pytest.mark.parametrize("name", EXHAUSTING)
def test_a_body_made_to_exhaust_is_refused_and_its_environment_serves_the_next_request(
    api: Deployment, client: httpx.Client, backend: GeneratingBackend, name: str
) -> None:
    assert generate(client).status_code == 200
    environments = list(api.cold_starts)
    content_type, body = EXHAUSTING[name]
    response = client.post("/v1/images/generations", content=body, headers={"Content-Type": content_type})
    assert_error(response, 400, "invalid_request")
    assert len(response.content) < 1_000
    assert generate(client).status_code == 200
    assert len(backend.requests) == 2
    assert api.cold_starts == environments


def test_a_reference_that_would_unpack_to_gigabytes_is_refused_by_its_header(
    client: httpx.Client, backend: GeneratingBackend
) -> None:
    bomb = assemble(header(50_000, 50_000), chunk(b"IDAT", bytes(1_000)), chunk(b"IEND"))
    for response in (edit(client, bomb), edit(client, upload(client, bomb))):
        assert "megapixels" in assert_error(response, 400, "invalid_image")
    assert backend.requests == []


@pytest.mark.parametrize("address", ["http://169.254.169.254/latest/meta-data/", "file:///etc/passwd"])
def test_an_address_in_place_of_an_image_is_never_fetched(
    client: httpx.Client, backend: GeneratingBackend, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    fetched: list[Any] = []
    monkeypatch.setattr(Bucket, "get", lambda *key, **_: fetched.append(key))
    assert_error(edit(client, address), 400, "invalid_image")
    body = {"prompt": "x", "images": [address]}
    assert_error(client.post("/v1/images/edits", json=body), 400, "invalid_image")
    assert_error(generate(client, url=address), 400, "invalid_request")
    assert fetched == backend.requests == []

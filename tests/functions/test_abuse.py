"""What strangers, consumers, references and headers may try on purpose; see docs/security.md."""

import json
from collections import Counter
from typing import Any

import httpx
import pytest
from botocore.client import BaseClient

from imagineart.access.consumers import Consumer
from imagineart.access.limits import Limits
from imagineart.access.tokens import Token
from local.gateway_server import GatewayTransport
from tests.functions.conftest import Deploy
from tests.functions.deployment import Deployment, assert_error, edit, generate
from tests.functions.generating_backend import GeneratingBackend
from tests.functions.test_logs import log_to_this_tests_output
from tests.functions.test_tokens import new_token
from tests.functions.test_uploads import ask, upload
from tests.sample_images import assemble, chunk, header, sample

KEY = "7d1c2b7e-0f52-4c39-9b0a-3d1c5f3f8f11"
WITH_KEY = {"Idempotency-Key": KEY}
BODY_BYTES = 4_300_000
"""About what API Gateway lets through in one request."""


@pytest.fixture
def aws_calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each operation of AWS was called."""
    calls: Counter[str] = Counter()
    make_api_call = BaseClient._make_api_call

    def counted(client: BaseClient, operation: str, parameters: Any) -> Any:
        calls[operation] += 1
        return make_api_call(client, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", counted)
    return calls


# Tokens


def test_a_flood_of_wrong_secrets_costs_hardly_a_read_and_leaves_the_holder_of_the_id_alone(
    api: Deployment, aws_calls: Counter[str]
) -> None:
    """It is the same with an id that is unknown."""
    token = api.issue_token()
    for forged in (Token(token.id, new_token().secret), new_token()):
        client = api.client(forged)
        client.get("/v1/models")  # reads the peppers
        aws_calls.clear()
        responses = [client.get("/v1/models") for _ in range(40)]
        # A refusal is remembered for half a minute, which may pass more than once on a busy machine.
        assert aws_calls["GetItem"] <= 10
        statuses = Counter(response.status_code for response in responses)
        assert statuses.keys() == {401, 429}
        assert statuses[429] > statuses[401]
        slowed = next(response for response in responses if response.status_code == 429)
        assert "valid one" in assert_error(slowed, 429, "rate_limited")
        assert slowed.headers["X-Should-Retry"] == "false"
        assert 1 <= int(slowed.headers["Retry-After"]) <= 30
    assert api.client(token).get("/v1/models").status_code == 200


# Consumers


def test_a_kept_image_is_given_to_nobody_who_may_not_have_it(api: Deployment) -> None:
    consumer_id = api.new_consumer_id()
    token, revoked = api.issue_token(consumer_id), api.issue_token(consumer_id)
    assert generate(api.client(token, **WITH_KEY)).status_code == 200
    api.operator.manage_tokens.revoke(revoked.id)
    assert_error(generate(api.client(revoked, **WITH_KEY)), 401, "invalid_token")
    withdrawn = Consumer(consumer_id, Limits(1_000, 10), frozenset({"image-edit"}))
    assert api.operator.consumers.replace_consumer(withdrawn)
    assert_error(generate(api.client(token, **WITH_KEY)), 400, "invalid_request")


def test_what_is_kept_for_a_consumer_lies_under_its_own_name(own_api: Deployment) -> None:
    for consumer_id in ("acme", "acme-2"):
        client = own_api.client(own_api.issue_token(consumer_id), **WITH_KEY)
        assert edit(client, upload(client, sample("PNG"))).status_code == 200
    for kind, bucket in (("responses", "IdempotencyBucket"), ("uploads", "UploadsBucket")):
        prefixes = sorted(key.split("/")[:2] for key in own_api.objects(bucket))
        assert prefixes == [[kind, "acme"], [kind, "acme-2"]]


def test_a_consumer_whose_id_is_a_path_opens_nothing(own_api: Deployment, backend: GeneratingBackend) -> None:
    """Only by editing the tables could there be one: the operator's commands refuse the name."""
    token = own_api.issue_token("acme")
    client = own_api.client(token, **WITH_KEY)
    tables = own_api.aws("dynamodb")
    tables.update_item(
        TableName=own_api.references["TokensTable"],
        Key={"key": {"S": f"token#{token.id}"}},
        UpdateExpression="SET consumer_id = :path",
        ExpressionAttributeValues={":path": {"S": "../emca"}},
    )
    assert_error(generate(client), 401, "invalid_token")
    limits = {"requests_per_minute": {"N": "9"}, "concurrent_requests": {"N": "9"}}
    tables.put_item(TableName=own_api.references["ConsumersTable"], Item={"key": {"S": "../emca"}} | limits)
    assert_error(generate(client), 500, "internal_error")
    granted = client.post("/v1/uploads", data={"content_type": "image/png", "size": "5"})
    assert_error(granted, 500, "internal_error")
    assert own_api.objects("IdempotencyBucket") == own_api.objects("UploadsBucket") == backend.requests == []


def test_a_grant_names_the_deployments_own_bucket_and_the_callers_own_prefix(api: Deployment) -> None:
    consumer_id = api.new_consumer_id()
    url = httpx.URL(ask(api.client(api.issue_token(consumer_id)), b"12345")["url"])
    assert url.path.startswith(f"/{api.references['UploadsBucket']}/uploads/{consumer_id}/upl_")
    assert url.host == httpx.URL(api.cloud_url).host


# Headers


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("Idempotency-Key", "a\r\nX-Injected: 1", 400),
        ("Idempotency-Key", "\N{FOX FACE}", 400),
        ("Authorization", "Bearer clé\r\nX-Injected: 1", 401),
        ("Authorization", "Bearer {token}\r\nX-Injected: 1", 401),
        ("Authorization", "Bearer {token}\n", 200),
        ("Content-Type", "\N{FOX FACE}\r\nX-Injected: 1", 400),
        ("Content-Type", "multipart/form-data; boundary=\r\n--", 400),
        ("Accept", "\N{FOX FACE}\r\nX-Injected: 1", 200),
        ("Host", "\N{FOX FACE}\r\nX-Injected: 1", 200),
        ("X-Forwarded-Proto", "https\r\nX-Injected: 1", 200),
    ],
    ids=ascii,
)
def test_a_header_that_no_client_would_send_gets_a_response_and_injects_nothing(
    api: Deployment, name: str, value: str, status: int
) -> None:
    token = api.issue_token()
    sent = {
        "Host": "api.local",
        "Authorization": f"Bearer {token.text}",
        "Content-Type": "application/x-www-form-urlencoded",
        name: value.replace("{token}", token.text),
    }
    headers = [(each.encode(), text.encode()) for each, text in sent.items()]
    url = "https://api.local/v1/images/generations"
    request = httpx.Request("POST", url, headers=headers, content=b"prompt=x&resolution=1K")
    response = GatewayTransport(api.gateway).handle_request(request)
    body = response.read()
    assert response.status_code == status
    for each in response.headers.multi_items():
        assert "injected" not in "".join(each).lower()
        assert "".join(each).isprintable()
    if status != 200:
        assert json.loads(body)["error"].keys() == {"code", "message", "request_id"}


def test_an_idempotency_key_is_in_no_log_no_table_and_no_objects_name(
    deploy: Deploy, capsys: pytest.CaptureFixture[str]
) -> None:
    api = deploy(log_to_this_tests_output)
    client = api.client(api.issue_token(), **WITH_KEY)
    responses = [
        generate(client),
        generate(client),
        generate(client, prompt="another"),
        generate(client, resolution="9K"),
        client.post("/v1/images/generations", headers={"Idempotency-Key": KEY * 8}, data={"prompt": "x"}),
    ]
    assert [each.status_code for each in responses] == [200, 200, 400, 400, 400]
    (kept,) = api.objects("IdempotencyBucket")
    api.aws("s3").delete_object(Bucket=api.references["IdempotencyBucket"], Key=kept)
    assert generate(client).headers["Idempotent-Replayed"] == "false"
    captured = capsys.readouterr()
    assert "made again" in captured.out
    tables = [name for name in api.references if name.endswith("Table")]
    items = [api.aws("dynamodb").scan(TableName=api.references[each])["Items"] for each in tables]
    assert len(tables) == 4
    for place in (captured.out, captured.err, str(items), str(api.objects("IdempotencyBucket"))):
        assert KEY not in place
        assert "lighthouse" not in place


# Bodies and references made to exhaust


def multipart(content: bytes) -> tuple[str, bytes]:
    """A multipart body around raw content."""
    return "multipart/form-data; boundary=x", b"--x\r\n" + content + b"\r\n--x--\r\n"


def filled(start: bytes, repeated: bytes, end: bytes = b"") -> bytes:
    """As many repetitions as a request can carry."""
    return start + repeated * ((BODY_BYTES - len(start) - len(end)) // len(repeated)) + end


DISPOSITION = b"Content-Disposition: form-data; name=prompt\r\n\r\n"
EXHAUSTING = {
    "deep lists": ("application/json", filled(b"", b"[")),
    "a million objects": ("application/json", filled(b'{"prompt":[', b"{},", b"{}]}")),
    "a number of millions of digits": ("application/json", filled(b'{"n":', b"9", b"}")),
    "members": ("application/json", filled(b"{", b'"prompt":"x",', b'"n":1}')),
    "ids": ("application/json", filled(b'{"prompt":"x","images":[', b'"x",', b'"x"]}')),
    "a text of megabytes": ("application/json", filled(b'{"prompt":"', b"x", b'"}')),
    "part headers": multipart(filled(b"", b"a: b\r\n")),
    "header parameters": multipart(filled(b"Content-Disposition: form-data", b"; a=b")),
    "parts": multipart(filled(b"", DISPOSITION + b"x\r\n--x\r\n")),
    "boundaries that are none": multipart(filled(DISPOSITION, b"\r\n--")),
    "fields": ("application/x-www-form-urlencoded", filled(b"", b"a=b&")),
    "percent signs": ("application/x-www-form-urlencoded", filled(b"prompt=", b"%41")),
}


@pytest.mark.parametrize(("content_type", "body"), EXHAUSTING.values(), ids=EXHAUSTING)
def test_a_body_made_to_exhaust_is_refused_and_the_next_is_served(
    api: Deployment, backend: GeneratingBackend, content_type: str, body: bytes
) -> None:
    client = api.client(api.issue_token(), **{"Content-Type": content_type})
    before = api.cold_starts.count("GenerateImageFunction")
    response = client.post(
        "/v1/images/edits" if b"images" in body else "/v1/images/generations", content=body
    )
    assert_error(response, 400, "invalid_request")
    assert len(response.content) < 1_000
    assert backend.requests == []
    assert generate(api.client(api.issue_token())).status_code == 200
    assert api.cold_starts.count("GenerateImageFunction") <= max(before, 1), "no environment was lost"


def test_a_reference_that_would_unpack_to_gigabytes_is_refused_by_its_header(
    client: httpx.Client, backend: GeneratingBackend
) -> None:
    bomb = assemble(header(50_000, 50_000), chunk(b"IDAT", bytes(1_000)), chunk(b"IEND"))
    for response in (edit(client, bomb), edit(client, upload(client, bomb))):
        assert "megapixels" in assert_error(response, 400, "invalid_image")
    assert backend.requests == []


@pytest.mark.parametrize("address", ["http://169.254.169.254/latest/meta-data/", "file:///etc/passwd"])
def test_an_address_that_a_caller_names_is_a_text_and_never_fetched(
    client: httpx.Client, backend: GeneratingBackend, aws_calls: Counter[str], address: str
) -> None:
    aws_calls.clear()
    assert_error(edit(client, address), 400, "invalid_image")
    as_json = client.post("/v1/images/edits", json={"prompt": "x", "images": [address]})
    assert_error(as_json, 400, "invalid_image")
    assert_error(generate(client, url=address), 400, "invalid_request")
    assert aws_calls["GetObject"] == 0
    assert backend.requests == []

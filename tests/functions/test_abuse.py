"""What strangers, consumers, references and backends may try on purpose; see docs/security.md."""

import json
import secrets
from collections import Counter
from typing import Any

import httpx
import pytest
from imagineart.adapters.aws_http import AwsAnswer, AwsHttp, AwsRequest

from imagineart.access.consumers import Consumer
from imagineart.access.limits import Limits
from imagineart.access.tokens import Token, TokenKind, create_token
from local.proxy_events import HttpAnswer, HttpRequest
from tests.fault_backend import FaultBackend, Response, document, refusal
from tests.functions.deployment import Deployer, Deployment, assert_error, edit, generate
from tests.functions.generating_backend import GeneratingBackend
from tests.functions.test_logs import PROMPT, log_to_this_tests_output, logged_lines
from tests.functions.test_uploads import ask, edit_with, upload
from tests.sample_images import assemble, chunk, header, sample

KEY = "7d1c2b7e-0f52-4c39-9b0a-3d1c5f3f8f11"
BODY_BYTES = 4_300_000
"""About what API Gateway lets through in one request."""


def new_token() -> Token:
    """A well-formed token that nobody issued."""
    return create_token(TokenKind.PARTNER, secrets.randbelow)


def with_wrong_secret(token: Token) -> Token:
    """A well-formed token that has the id of another."""
    return Token(token.id, new_token().secret)


def with_key(client: httpx.Client) -> httpx.Client:
    """The client, its requests repeatable."""
    client.headers["Idempotency-Key"] = KEY
    return client


def objects(api: Deployment, bucket: str) -> list[str]:
    """The keys of a bucket's objects."""
    listed = api.aws("s3").list_objects_v2(Bucket=api.references[bucket])
    return [each["Key"] for each in listed.get("Contents", [])]


@pytest.fixture
def aws_calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each operation of AWS was called."""
    calls: Counter[str] = Counter()
    send = AwsHttp.send

    def counted(http: AwsHttp, request: AwsRequest, **options: Any) -> AwsAnswer:
        calls[request.headers.get("x-amz-target", request.method).rpartition(".")[2]] += 1
        return send(http, request, **options)

    monkeypatch.setattr(AwsHttp, "send", counted)
    return calls


# Tokens


def test_a_malformed_token_is_refused_before_anything_is_read(
    api: Deployment, aws_calls: Counter[str]
) -> None:
    genuine = api.issue_token()
    for name in ("TokensTable", "ConsumersTable"):
        api.aws("dynamodb").delete_table(TableName=api.references[name])
    mistyped = genuine.text[:-1] + ("a" if genuine.text[-1] != "a" else "b")
    aws_calls.clear()
    for text in ("x", "iart_garbage", mistyped, genuine.text + "0", genuine.text[5:], "A" * 8_000):
        response = api.client().get("/v1/models", headers={"Authorization": f"Bearer {text}"})
        assert_error(response, 401, "invalid_token")
    assert aws_calls == {}
    assert_error(api.client(genuine).get("/v1/models"), 500, "internal_error")
    assert aws_calls["GetItem"] >= 1


def test_hundreds_of_wrong_secrets_for_one_id_cost_hardly_a_read_and_leave_its_holder_alone(
    api: Deployment, aws_calls: Counter[str]
) -> None:
    token = api.issue_token()
    forger, holder = api.client(), api.client(token)
    aws_calls.clear()
    statuses: Counter[int] = Counter()
    for _ in range(200):
        headers = {"Authorization": f"Bearer {with_wrong_secret(token).text}"}
        statuses[forger.get("/v1/models", headers=headers).status_code] += 1
    # A refusal is remembered for half a minute, which may pass more than once on a busy machine.
    windows = aws_calls["GetItem"]
    assert 1 <= windows <= 20
    assert statuses == {401: 5 * windows, 429: 200 - 5 * windows}
    assert holder.get("/v1/models").status_code == 200


def test_an_unknown_id_is_answered_as_a_wrong_secret_is_however_often(api: Deployment) -> None:
    known = with_wrong_secret(api.issue_token())

    def reported(token: Token) -> list[tuple[int, str, str]]:
        client = api.client(token)
        responses = [client.get("/v1/models") for _ in range(7)]
        return [
            (each.status_code, each.json()["error"]["message"], each.headers["X-Should-Retry"])
            for each in responses
        ]

    assert reported(new_token()) == reported(known)
    assert [status for status, *_ in reported(new_token())] == [401] * 5 + [429] * 2


# One consumer against another


def test_the_same_request_under_the_same_key_is_generated_anew_for_another_consumer(
    api: Deployment, backend: GeneratingBackend
) -> None:
    mine, theirs = (with_key(api.client(api.issue_token(name))) for name in ("acme", "emca"))
    responses = [generate(mine, seed="7"), generate(theirs, seed="7")]
    assert [each.headers["Idempotent-Replayed"] for each in responses] == ["false", "false"]
    assert len(backend.requests) == 2


def test_a_revoked_token_gets_no_image_that_it_once_had(api: Deployment) -> None:
    token = api.issue_token()
    client = with_key(api.client(token))
    assert generate(client).status_code == 200
    api.operator.manage_tokens.revoke(token.id)
    assert_error(generate(client), 401, "invalid_token")


def test_a_image_is_not_given_again_to_a_consumer_whose_model_was_withdrawn(api: Deployment) -> None:
    client = with_key(api.client(api.issue_token("acme")))
    assert generate(client).status_code == 200
    without = Consumer("acme", Limits(1_000, 10), frozenset({"image-edit"}))
    assert api.operator.consumers.replace_consumer(without)
    assert_error(generate(client), 400, "invalid_request")


def test_what_is_kept_for_a_consumer_lies_under_its_own_name(api: Deployment) -> None:
    for name in ("acme", "acme-2"):
        client = with_key(api.client(api.issue_token(name)))
        assert edit_with(client, upload(client, sample("PNG"))).status_code == 200
    for kind, bucket in (("responses", "IdempotencyBucket"), ("uploads", "UploadsBucket")):
        prefixes = sorted(key.split("/")[:2] for key in objects(api, bucket))
        assert prefixes == [[kind, "acme"], [kind, "acme-2"]]


def test_a_consumer_that_is_spelt_as_a_path_opens_nothing(
    api: Deployment, backend: GeneratingBackend
) -> None:
    """Only a hand in the tables could make one: the operator's commands refuse the name."""
    token = api.issue_token("acme")
    client = with_key(api.client(token))
    tables = api.aws("dynamodb")
    tables.update_item(
        TableName=api.references["TokensTable"],
        Key={"key": {"S": f"token#{token.id}"}},
        UpdateExpression="SET consumer_id = :path",
        ExpressionAttributeValues={":path": {"S": "../emca"}},
    )
    assert_error(generate(client), 401, "invalid_token")
    limits = {"requests_per_minute": {"N": "9"}, "concurrent_requests": {"N": "9"}}
    tables.put_item(TableName=api.references["ConsumersTable"], Item={"key": {"S": "../emca"}} | limits)
    assert_error(generate(client), 500, "internal_error")
    assert_error(
        client.post("/v1/uploads", data={"content_type": "image/png", "size": "5"}), 500, "internal_error"
    )
    assert objects(api, "IdempotencyBucket") == objects(api, "UploadsBucket") == backend.requests == []


# Headers


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("Idempotency-Key", "a\r\nX-Injected: 1", 400),
        ("Idempotency-Key", "clé", 400),
        ("Idempotency-Key", "\N{FOX FACE}", 400),
        ("Idempotency-Key", "\0", 400),
        ("Authorization", "Bearer clé\r\nX-Injected: 1", 401),
        ("Authorization", "Bearer \N{FOX FACE}", 401),
        ("Authorization", "Bearer {token}\r\nX-Injected: 1", 401),
        ("Authorization", "Bearer {token}\n", 200),
        ("Content-Type", "\N{FOX FACE}\r\nX-Injected: 1", 400),
        ("Content-Type", "multipart/form-data; boundary=\r\n--", 400),
        ("Accept", "\N{FOX FACE}\r\nX-Injected: 1", 200),
    ],
    ids=ascii,
)
def test_a_header_that_no_client_would_send_is_answered_and_injects_nothing(
    deploy: Deployer, capsys: pytest.CaptureFixture[str], name: str, value: str, status: int
) -> None:
    api = deploy(log_to_this_tests_output)
    token = api.issue_token()
    sent = {"Authorization": f"Bearer {token.text}", "Content-Type": "application/x-www-form-urlencoded"}
    sent[name] = value.replace("{token}", token.text)
    response = api.gateway.response(
        HttpRequest("POST", "/v1/images/generations", "", tuple(sent.items()), b"prompt=x&resolution=1K")
    )
    body = response.body if isinstance(response.body, bytes) else b"".join(response.body)
    assert response.status == status
    assert_clean(response)
    if status != 200:
        assert json.loads(body)["error"].keys() == {"code", "message", "request_id"}
    (line,) = logged_lines(capsys)
    assert line["status"] == status


def assert_clean(response: HttpAnswer) -> None:
    """Assert that no header holds what would end it, nor what the caller wrote."""
    for each, value in response.headers:
        assert "injected" not in (each + value).lower()
        assert value.isprintable()


# Logs


def test_an_idempotency_key_is_in_no_log_no_table_and_no_objects_name(
    deploy: Deployer, capsys: pytest.CaptureFixture[str]
) -> None:
    api = deploy(log_to_this_tests_output)
    client = with_key(api.client(api.issue_token()))
    responses = [
        generate(client),
        generate(client),
        generate(client, prompt="another"),
        generate(client, resolution="9K"),
        client.post("/v1/images/generations", headers={"Idempotency-Key": KEY * 8}, data={"prompt": "x"}),
    ]
    assert [each.status_code for each in responses] == [200, 200, 400, 400, 400]
    api.aws("s3").delete_object(
        Bucket=api.references["IdempotencyBucket"], Key=objects(api, "IdempotencyBucket")[0]
    )
    assert generate(client).headers["Idempotent-Replayed"] == "false"
    captured = capsys.readouterr()
    assert "made anew" in captured.out
    tables = [name for name in api.references if name.endswith("Table")]
    kept = [api.aws("dynamodb").scan(TableName=api.references[each])["Items"] for each in tables]
    assert len(tables) == 4
    assert KEY not in captured.out + captured.err + str(kept) + str(objects(api, "IdempotencyBucket"))


def test_a_prompt_that_is_logged_writes_no_line_of_its_own(
    deploy: Deployer, capsys: pytest.CaptureFixture[str]
) -> None:
    api = deploy(log_to_this_tests_output, LogPrompts="true")
    forged = '\n{"level":"INFO","message":"request","consumer":"emca","status":200}\n'
    generate(api.client(api.issue_token("acme")), prompt=PROMPT + forged + PROMPT)
    (line,) = logged_lines(capsys)
    assert (line["consumer"], line["prompt"]) == ("acme", PROMPT + forged + PROMPT)


# What an error tells


def test_a_failure_inside_tells_the_caller_nothing_of_the_inside(api: Deployment) -> None:
    client = with_key(api.client(api.issue_token()))
    for name in ("IdempotencyTable", "ConsumersTable", "TokensTable"):
        api.aws("dynamodb").delete_table(TableName=api.references[name])
        response = generate(client)
        assert assert_error(response, 500, "internal_error") == (
            "Internal error. Retry; if it persists, report the request_id."
        )
        seen = (response.text + str(response.headers)).lower()
        assert not any(word in seen for word in ("dynamodb", "exception", "traceback", "amz", name.lower()))


# Bodies and references made to exhaust


def multipart(content: bytes) -> tuple[str, bytes]:
    """A multipart body around raw content."""
    return "multipart/form-data; boundary=x", b"--x\r\n" + content + b"\r\n--x--\r\n"


def filled(start: bytes, repeated: bytes, end: bytes = b"") -> bytes:
    """As many repetitions as a request can carry."""
    return start + repeated * ((BODY_BYTES - len(start) - len(end)) // len(repeated)) + end


DISPOSITION = b"Content-Disposition: form-data; name=prompt\r\n\r\n"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", filled(b"", b"[")),
        ("application/json", filled(b"", b'{"prompt":')),
        ("application/json", filled(b'{"prompt":[', b"{},", b"{}]}")),
        ("application/json", filled(b'{"n":', b"9", b"}")),
        ("application/json", filled(b"{", b'"prompt":"x",', b'"n":1}')),
        ("application/json", filled(b'{"prompt":"', b"x", b'"}')),
        multipart(filled(b"", b"a: b\r\n")),
        multipart(filled(b"Content-Disposition: form-data", b"; a=b")),
        multipart(filled(b"", DISPOSITION + b"x\r\n--x\r\n")),
        multipart(filled(DISPOSITION, b"\r\n--")),
        ("application/x-www-form-urlencoded", filled(b"", b"a=b&")),
        ("application/x-www-form-urlencoded", filled(b"prompt=", b"%41")),
    ],
    ids=[
        "deep lists", "deep objects", "a million objects", "a number of millions of digits", "members",
        "a text of megabytes", "part headers", "header parameters", "parts", "boundaries that are none",
        "fields", "percent signs",
    ],
)  # fmt: skip
def test_a_body_made_to_exhaust_is_refused_and_the_next_is_answered(
    api: Deployment, backend: GeneratingBackend, content_type: str, body: bytes
) -> None:
    client = api.client(api.issue_token())
    response = client.post("/v1/images/generations", content=body, headers={"Content-Type": content_type})
    assert_error(response, 400, "invalid_request")
    assert len(response.content) < 1_000
    assert backend.requests == []
    assert generate(client).status_code == 200
    assert api.cold_starts == ["GenerateImageFunction"]


def test_a_reference_that_would_unpack_to_gigabytes_is_refused_by_its_header(
    api: Deployment, backend: GeneratingBackend
) -> None:
    client = api.client(api.issue_token())
    bomb = assemble(header(50_000, 50_000), chunk(b"IDAT", bytes(1_000)), chunk(b"IEND"))
    for response in (edit(client, bomb), edit_with(client, upload(client, bomb))):
        assert "megapixels" in assert_error(response, 400, "invalid_image")
    assert backend.requests == []
    assert edit(client, sample("PNG")).status_code == 200
    assert api.cold_starts.count("EditImageFunction") == 1


# Backends and addresses


def test_an_address_in_a_backends_response_is_not_followed(
    api: Deployment, backend: GeneratingBackend
) -> None:
    with FaultBackend() as elsewhere:
        backend.reply = lambda _: document({"data": [{"url": f"{elsewhere.base_url}/image.png"}]})
        assert_error(generate(api.client(api.issue_token())), 502, "model_error")
    assert elsewhere.requests == []


@pytest.mark.parametrize(
    "address", ["http://169.254.169.254/latest/meta-data/", "http://127.0.0.1:9001/", "file:///etc/passwd"]
)
def test_an_address_that_a_caller_names_is_a_text_and_never_fetched(
    api: Deployment, backend: GeneratingBackend, aws_calls: Counter[str], address: str
) -> None:
    client = api.client(api.issue_token())
    aws_calls.clear()
    assert_error(edit_with(client, address), 400, "invalid_image")
    order = {"prompt": "x", "images": [address]}
    assert_error(client.post("/v1/images/edits", json=order), 400, "invalid_image")
    assert_error(generate(client, url=address), 400, "invalid_request")
    assert aws_calls["GET"] == 0
    assert backend.requests == []


def test_a_grant_names_the_deployments_own_bucket_and_the_callers_own_prefix(api: Deployment) -> None:
    granted = ask(api.client(api.issue_token("acme")), b"12345")
    url = httpx.URL(granted["url"])
    assert url.path.startswith(f"/{api.references['UploadsBucket']}/uploads/acme/upl_")
    assert url.host == httpx.URL(api.cloud_url).host


# What an independent look at the threat model found


def test_a_series_does_not_pass_the_days_limit(api: Deployment) -> None:
    client = api.client(api.issue_token(images_per_day=2))
    order = {"prompt": "a fox", "n": 4, "resolution": "1K"}
    assert client.post("/v1/images/generations", json=order).status_code == 429


@pytest.mark.parametrize("what", ["code", "content type"])
def test_a_backend_cannot_write_the_prompt_into_the_log(
    deploy: Deployer, backend: GeneratingBackend, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    api = deploy(log_to_this_tests_output)
    if what == "code":
        backend.reply = lambda request: refusal(400, request.json["prompt"])
    else:
        backend.reply = lambda request: Response(200, request.json["prompt"], b"{}")
    generate(api.client(api.issue_token()), prompt=PROMPT)
    assert PROMPT[:20] not in capsys.readouterr().out


def test_an_unknown_id_costs_as_many_reads_as_a_wrong_secret(
    api: Deployment, aws_calls: Counter[str]
) -> None:
    known = with_wrong_secret(api.issue_token())
    api.client(new_token()).get("/v1/models")  # loads the peppers
    reads = []
    for token in (known, new_token()):
        aws_calls.clear()
        api.client(token).get("/v1/models")
        reads.append(aws_calls["GetItem"])
    assert reads == [1, 1]

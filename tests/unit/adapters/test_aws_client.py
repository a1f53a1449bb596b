"""Calls to AWS's JSON services: signed, retried where that helps, and never failing with a foreign error."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from imagineart.adapters.aws_client import AwsClient
from imagineart.adapters.aws_http import AwsAnswer, AwsCallError, AwsHttp, AwsRequest
from imagineart.adapters.aws_signature import Credentials
from imagineart.domain.errors import InternalError
from tests.fault_backend import Answer, Delivery, FaultBackend, document, page

CREDENTIALS = Credentials("AKIAEXAMPLE", "secret key", "session token")


@pytest.fixture
def server() -> Iterator[FaultBackend]:
    with FaultBackend() as server:
        yield server


def client(endpoint_url: str | None, **options) -> AwsClient:
    return AwsClient("eu-central-1", lambda: CREDENTIALS, endpoint_url, **options)


def read_secret(client: AwsClient) -> dict:
    return client.call("secretsmanager", "GetSecretValue", {"SecretId": "füchse"})


def failure(server: FaultBackend, *answers: Answer) -> AwsCallError:
    server.script(*answers)
    with pytest.raises(AwsCallError) as caught:
        read_secret(client(server.origin))
    return caught.value


def aws_error(status: int, type_: str, message: str = "as AWS says") -> Answer:
    return document({"__type": type_, "message": message}, status)


def test_a_call_is_a_signed_json_post_to_its_target(server: FaultBackend) -> None:
    server.script(document({"SecretString": "{}"}))
    assert read_secret(client(server.origin)) == {"SecretString": "{}"}
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/")
    assert request.json == {"SecretId": "füchse"}
    assert request.headers["host"] == server.origin.removeprefix("http://")
    assert request.headers["content-type"] == "application/x-amz-json-1.1"
    assert request.headers["x-amz-target"] == "secretsmanager.GetSecretValue"
    assert request.headers["x-amz-security-token"] == "session token"
    assert request.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/")
    assert "/eu-central-1/secretsmanager/aws4_request, SignedHeaders=" in request.headers["authorization"]


def test_dynamodb_is_called_by_its_own_target_and_json_version(server: FaultBackend) -> None:
    server.script(document({}))
    client(server.origin).call("dynamodb", "GetItem", {})
    (request,) = server.requests
    assert request.headers["x-amz-target"] == "DynamoDB_20120810.GetItem"
    assert request.headers["content-type"] == "application/x-amz-json-1.0"


@pytest.mark.parametrize(
    ("region", "url"),
    [("eu-central-1", "https://dynamodb.eu-central-1.amazonaws.com"),
     ("cn-north-1", "https://dynamodb.cn-north-1.amazonaws.com.cn")],
)  # fmt: skip
def test_without_an_endpoint_of_its_own_the_regions_is_called(region: str, url: str) -> None:
    class RecordingHttp(AwsHttp):
        def send(self, request: AwsRequest, **_) -> AwsAnswer:
            called.append(request.origin + request.path)
            return AwsAnswer(200, b"{}")

    called: list[str] = []
    AwsClient(region, lambda: CREDENTIALS, http=RecordingHttp()).call("dynamodb", "GetItem", {})
    assert called == [f"{url}/"]


def test_credentials_are_asked_for_on_every_call(server: FaultBackend) -> None:
    held = iter([Credentials("FIRST", "x"), Credentials("SECOND", "x")])
    client = AwsClient("eu-central-1", lambda: next(held), server.origin)
    server.script(document({}), document({}))
    for expected in ("FIRST", "SECOND"):
        read_secret(client)
        assert f"Credential={expected}/" in server.requests[-1].headers["authorization"]
        assert "x-amz-security-token" not in server.requests[-1].headers


def test_one_connection_serves_many_calls(server: FaultBackend) -> None:
    server.script(*[document({})] * 5)
    kept = client(server.origin)
    for _ in range(5):
        read_secret(kept)
    assert server.connections == 1


@pytest.mark.parametrize(
    "answer",
    [aws_error(500, "InternalServerError"), aws_error(503, "ServiceUnavailable"), page(502), page(504),
     Answer().delivered(Delivery.RESET), document({"a": "b" * 50}).delivered(Delivery.CUT)],
    ids=["500", "503", "502", "504", "reset", "cut"],
)  # fmt: skip
def test_a_passing_fault_is_retried(server: FaultBackend, answer: Answer) -> None:
    server.script(answer, answer, document({"SecretString": "{}"}))
    assert read_secret(client(server.origin)) == {"SecretString": "{}"}
    assert len(server.requests) == 3


def test_retries_end(server: FaultBackend) -> None:
    error = failure(server, *[aws_error(503, "ServiceUnavailable")] * 4)
    assert error.aws_code == "ServiceUnavailable"
    assert len(server.requests) == 3


def test_a_retry_does_not_wait_as_long_as_a_service_may_ask(
    server: FaultBackend,
) -> None:
    naps: list[float] = []
    server.script(Answer(503, headers={"Retry-After": "3600"}), Answer(503), document({}))
    read_secret(client(server.origin, http=AwsHttp(naps.append)))
    assert naps == [0.05, 0.1]


@pytest.mark.parametrize(
    "code",
    ["ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded"],
)
def test_a_throttled_call_is_made_again(server: FaultBackend, code: str) -> None:
    server.script(
        aws_error(400, f"com.amazonaws.dynamodb.v20120810#{code}"), document({"SecretString": "{}"})
    )
    assert read_secret(client(server.origin)) == {"SecretString": "{}"}
    error = failure(server, *[aws_error(400, code)] * 3)
    assert error.aws_code == code


def test_an_attempt_has_a_deadline_over_the_whole_exchange(server: FaultBackend) -> None:
    server.script(*[document({}).delivered(Delivery.DRIPPED)] * 3)
    request = AwsRequest("POST", server.origin, "/", {}, b"{}", attempt_seconds=0.05)
    with pytest.raises(AwsCallError, match="Internal error") as caught:
        AwsHttp(lambda _: None).send(request, limit_bytes=100)
    assert caught.value.detail == "Unreachable: no answer within 0.05 seconds"
    assert len(server.requests) == 3


def test_no_more_of_an_answer_is_read_than_asked_for_and_the_next_is_whole(server: FaultBackend) -> None:
    server.script(Answer(200, body=b"x" * 1_000_000), Answer(200, body=b"whole"))
    http = AwsHttp()
    request = AwsRequest("GET", server.origin, "/object", {}, b"", attempt_seconds=10)
    assert http.send(request, limit_bytes=10) == AwsAnswer(200, b"x" * 10)
    assert http.send(request, limit_bytes=10) == AwsAnswer(200, b"whole")


def test_threads_do_not_share_a_connection(server: FaultBackend) -> None:
    kept = client(server.origin)
    server.script(*[document({"SecretString": str(number)}) for number in range(40)])
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: read_secret(kept)["SecretString"], range(40)))
    assert sorted(map(int, answers)) == list(range(40))


@pytest.mark.parametrize(
    ("type_", "code"),
    [("ResourceNotFoundException", "ResourceNotFoundException"),
     ("com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "ConditionalCheckFailedException"),
     ("com.amazon.coral.service#AccessDeniedException", "AccessDeniedException")],
)  # fmt: skip
def test_a_refusal_carries_its_code_and_is_not_retried(server: FaultBackend, type_: str, code: str) -> None:
    error = failure(server, aws_error(400, type_))
    assert error.aws_code == code
    assert error.detail == f"{code}: secretsmanager GetSecretValue: as AWS says"
    assert len(server.requests) == 1


@pytest.mark.parametrize("answer", [Answer(400), document({}, 403)])
def test_a_refusal_without_a_code_is_an_unknown_one(server: FaultBackend, answer: Answer) -> None:
    assert failure(server, answer).aws_code == "Unknown"


@pytest.mark.parametrize(
    "answer", [page(200), page(400), Answer(200, body=b'{"a": '), Answer(200, body=b"\xff")]
)
def test_an_answer_that_is_no_json_is_as_good_as_none(server: FaultBackend, answer: Answer) -> None:
    assert failure(server, answer).aws_code == "Unreachable"


@pytest.mark.parametrize("value", [None, [], [1], "text", 7])
@pytest.mark.parametrize("status", [200, 400])
def test_a_json_answer_that_is_no_object_is_as_good_as_none(
    server: FaultBackend, value: object, status: int
) -> None:
    assert failure(server, document(value, status)).aws_code == "Unreachable"


def test_the_caller_learns_nothing_of_aws(server: FaultBackend) -> None:
    error = failure(server, aws_error(400, "AccessDeniedException", "arn:aws:iam::123456789012:role/x"))
    assert isinstance(error, InternalError)
    assert error.message == InternalError().message


def test_a_refused_connection_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(AwsCallError) as caught:
        read_secret(client(url))
    assert caught.value.aws_code == "Unreachable"


def test_a_table_that_does_not_exist_is_named_by_its_code(aws: AwsClient) -> None:
    with pytest.raises(AwsCallError) as caught:
        aws.call("dynamodb", "GetItem", {"TableName": "absent", "Key": {"key": {"S": "x"}}})
    assert caught.value.aws_code == "ResourceNotFoundException"

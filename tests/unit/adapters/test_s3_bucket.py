"""Objects are put into S3 and come back whole, within a bound, or with one error of ours."""

from collections.abc import Iterator

import pytest

from imagineart.adapters.aws_http import AwsCallError
from imagineart.adapters.aws_signature import Credentials
from imagineart.adapters.s3_answers import MAX_ANSWER_BYTES, S3AnswerStorage
from imagineart.adapters.s3_bucket import S3Bucket
from imagineart.domain.errors import InternalError
from tests.fault_backend import Answer, Delivery, FaultBackend, page
from tests.unit.adapters.conftest import REGION, boto3_client

CREDENTIALS = Credentials("AKIAEXAMPLE", "secret key", "session token")
KEY = "answers/acme/1"
ODD_KEYS = ["a b+c/é&?#%20", "answers//two", "~tilde-._", "日本/🦊", "a=b;c,d:e@f!$'()*"]


@pytest.fixture
def server() -> Iterator[FaultBackend]:
    with FaultBackend() as server:
        yield server


@pytest.fixture
def pictures(aws_endpoint: str, bucket: str) -> S3Bucket:
    return bucket_at(aws_endpoint, bucket)


def bucket_at(endpoint_url: str, name: str = "pictures") -> S3Bucket:
    return S3Bucket(REGION, lambda: CREDENTIALS, name, endpoint_url)


def failure_of_put(bucket: S3Bucket) -> AwsCallError:
    with pytest.raises(AwsCallError) as caught:
        bucket.put(KEY, b"content")
    assert caught.value.message == InternalError().message
    return caught.value


@pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)) * 5000])
def test_what_is_put_is_got(pictures: S3Bucket, content: bytes) -> None:
    pictures.put(KEY, content)
    assert pictures.get(KEY, limit_bytes=2_000_000) == content


@pytest.mark.parametrize("key", ODD_KEYS)
def test_an_object_has_exactly_the_key_it_is_put_under(
    pictures: S3Bucket, aws_endpoint: str, key: str
) -> None:
    pictures.put(key, b"content")
    assert pictures.get(key, limit_bytes=10) == b"content"
    listed = boto3_client("s3", aws_endpoint).list_objects_v2(Bucket=pictures.name)["Contents"]
    assert [each["Key"] for each in listed] == [key]


def test_an_object_that_is_put_again_is_the_later_one(pictures: S3Bucket) -> None:
    pictures.put(KEY, b"first")
    pictures.put(KEY, b"second")
    assert pictures.get(KEY, limit_bytes=10) == b"second"


def test_what_was_never_put_is_none(pictures: S3Bucket) -> None:
    assert pictures.get(KEY, limit_bytes=10) is None


def test_an_object_of_the_limit_is_got_and_a_larger_one_is_refused(pictures: S3Bucket) -> None:
    pictures.put(KEY, b"0123456789")
    assert pictures.get(KEY, limit_bytes=10) == b"0123456789"
    with pytest.raises(AwsCallError):
        pictures.get(KEY, limit_bytes=9)


def test_an_answer_is_kept_whole_and_one_that_was_never_kept_is_none(pictures: S3Bucket) -> None:
    storage = S3AnswerStorage(pictures)
    assert storage.get(KEY, within_seconds=30) is None
    storage.put(KEY, b"a picture" * 100_000, within_seconds=30)
    assert storage.get(KEY, within_seconds=30) == b"a picture" * 100_000
    assert MAX_ANSWER_BYTES == 200 * 1024 * 1024


def test_a_bucket_that_does_not_exist_takes_nothing(aws_endpoint: str) -> None:
    assert failure_of_put(bucket_at(aws_endpoint, "absent")).aws_code == "404"


def test_a_put_is_signed_in_its_headers_and_its_content_is_not_hashed(server: FaultBackend) -> None:
    server.script(Answer())
    bucket_at(server.origin).put(KEY, b"content")
    (request,) = server.requests
    assert (request.method, request.path) == ("PUT", f"/pictures/{KEY}")
    assert request.body == b"content"
    assert request.headers["content-length"] == "7"
    assert request.headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
    assert request.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/")
    assert request.headers["x-amz-security-token"] == "session token"


@pytest.mark.parametrize(
    "answer",
    [Answer(500), Answer(503), page(502), page(504), Answer().delivered(Delivery.RESET)],
    ids=["500", "503", "502", "504", "reset"],
)
def test_a_put_is_repeated_whole_after_a_passing_fault(server: FaultBackend, answer: Answer) -> None:
    server.script(answer, answer, Answer())
    bucket_at(server.origin).put(KEY, b"content")
    assert [(request.method, request.body) for request in server.requests] == [("PUT", b"content")] * 3


def test_puts_are_not_repeated_for_ever(server: FaultBackend) -> None:
    server.script(*[Answer(503)] * 4)
    assert failure_of_put(bucket_at(server.origin)).aws_code == "503"
    assert len(server.requests) == 3


@pytest.mark.parametrize("status", [204, 400, 403, 404, 412])
def test_any_other_answer_to_a_put_is_a_failed_call_that_says_which(
    server: FaultBackend, status: int
) -> None:
    server.script(Answer(status, body=b"" if status == 204 else b"<Code>AccessDenied</Code>"))
    assert failure_of_put(bucket_at(server.origin)).aws_code == str(status)


def test_one_connection_serves_puts_and_gets(server: FaultBackend) -> None:
    server.script(Answer(), Answer(body=b"a"), Answer(403, body=b"<Error/>"), Answer())
    bucket = bucket_at(server.origin)
    bucket.put(KEY, b"a")
    assert bucket.get(KEY, limit_bytes=10) == b"a"
    failure_of_put(bucket)
    bucket.put(KEY, b"a")
    assert server.connections == 1


def test_what_boto3_reads_is_what_was_put(pictures: S3Bucket, aws_endpoint: str) -> None:
    client = boto3_client("s3", aws_endpoint)
    pictures.put(KEY, b"\x89PNG")
    assert client.get_object(Bucket=pictures.name, Key=KEY)["Body"].read() == b"\x89PNG"


@pytest.mark.parametrize("within_seconds", [0.1, 0, -1])
def test_nothing_takes_longer_than_it_may_however_often_it_is_tried(
    server: FaultBackend, within_seconds: float
) -> None:
    server.script(*[Answer().delivered(Delivery.HELD)] * 3)
    storage = S3AnswerStorage(bucket_at(server.origin))
    for act in (
        lambda: storage.put(KEY, b"content", within_seconds=within_seconds),
        lambda: storage.get(KEY, within_seconds=within_seconds),
    ):
        with pytest.raises(AwsCallError) as caught:
            act()
        assert caught.value.aws_code == "Unreachable"
    assert len(server.requests) <= 2

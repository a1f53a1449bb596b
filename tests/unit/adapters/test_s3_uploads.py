"""Uploads go to S3 by presigned URL and come back whole, or with one error of ours."""

import socket
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from imagineart.adapters.aws_http import AwsAnswer, AwsCallError, AwsHttp, AwsRequest
from imagineart.adapters.aws_signature import Credentials
from imagineart.adapters.s3_bucket import S3Bucket
from imagineart.adapters.s3_uploads import S3UploadStorage
from imagineart.domain.errors import InternalError
from imagineart.domain.images import MAX_UPLOAD_BYTES
from imagineart.domain.uploads import UploadRequest
from tests.fault_backend import Answer, Delivery, FaultBackend, page
from tests.unit.adapters.conftest import REGION

CREDENTIALS = Credentials("AKIAEXAMPLE", "secret key", "session token")
KEY = "uploads/acme/upl_1"


@pytest.fixture
def server() -> Iterator[FaultBackend]:
    with FaultBackend() as server:
        yield server


@pytest.fixture
def storage(aws_endpoint: str, bucket: str) -> S3UploadStorage:
    return S3UploadStorage(S3Bucket(REGION, lambda: CREDENTIALS, bucket, aws_endpoint))


def storage_at(endpoint_url: str, **options) -> S3UploadStorage:
    return S3UploadStorage(S3Bucket(REGION, lambda: CREDENTIALS, "pictures", endpoint_url, **options))


def grant(storage: S3UploadStorage, key: str = KEY, size_bytes: int = 5) -> UploadRequest:
    return storage.grant(key, media_type="image/heic", size_bytes=size_bytes, life_seconds=3600)


def upload(storage: S3UploadStorage, content: bytes, key: str = KEY) -> None:
    """As a client does it."""
    request = grant(storage, key, len(content))
    httpx.put(request.url, content=content, headers=request.headers).raise_for_status()


def failure(storage: S3UploadStorage) -> AwsCallError:
    with pytest.raises(AwsCallError) as caught:
        storage.read(KEY)
    assert caught.value.message == InternalError().message
    return caught.value


@pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)) * 5000])
@pytest.mark.parametrize("key", [KEY, "uploads/a b+c/é&?#%20"])
def test_what_is_uploaded_by_its_url_is_read(storage: S3UploadStorage, content: bytes, key: str) -> None:
    upload(storage, content, key)
    assert storage.read(key) == content


def test_nothing_is_read_where_nothing_was_uploaded(storage: S3UploadStorage) -> None:
    upload(storage, b"another", "uploads/acme/upl_2")
    assert storage.read(KEY) is None


def test_a_bucket_that_does_not_exist_holds_nothing(aws_endpoint: str) -> None:
    assert storage_at(aws_endpoint).read(KEY) is None


def test_the_largest_upload_is_read_and_a_larger_object_is_not(storage: S3UploadStorage) -> None:
    """What S3 grants it does not exceed; whoever put a larger object there was not a client."""
    largest = bytes(MAX_UPLOAD_BYTES)
    upload(storage, largest)
    assert storage.read(KEY) == largest
    upload(storage, largest + b"x")
    assert failure(storage).aws_code == "200"
    upload(storage, b"small")
    assert storage.read(KEY) == b"small"


@pytest.mark.parametrize(
    ("region", "origin"),
    [("eu-central-1", "https://pictures.s3.eu-central-1.amazonaws.com"),
     ("cn-north-1", "https://pictures.s3.cn-north-1.amazonaws.com.cn")],
)  # fmt: skip
def test_without_an_endpoint_of_its_own_the_buckets_host_is_called_over_tls(region: str, origin: str) -> None:
    class RecordingHttp(AwsHttp):
        def send(self, request: AwsRequest, **_) -> AwsAnswer:
            called.append((request.method, request.origin + request.path))
            return AwsAnswer(200, b"content")

    called: list[tuple[str, str]] = []
    storage = S3UploadStorage(S3Bucket(region, lambda: CREDENTIALS, "pictures", http=RecordingHttp()))
    assert grant(storage).url.startswith(f"{origin}/{KEY}?")
    assert storage.read(KEY) == b"content"
    assert called == [("GET", f"{origin}/{KEY}")]


def test_a_read_is_signed_in_its_headers_so_that_its_url_may_be_logged(server: FaultBackend) -> None:
    server.script(Answer(body=b"content"))
    storage_at(server.origin).read(KEY)
    (request,) = server.requests
    assert (request.method, request.path) == ("GET", f"/pictures/{KEY}")
    assert request.headers["host"] == server.origin.removeprefix("http://")
    assert request.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/")
    assert f"/{REGION}/s3/aws4_request, SignedHeaders=host;" in request.headers["authorization"]
    assert request.headers["x-amz-security-token"] == "session token"


def test_a_grant_binds_host_size_and_kind_for_its_life() -> None:
    storage = S3UploadStorage(S3Bucket(REGION, lambda: CREDENTIALS, "pictures"))
    request = grant(storage)
    query = {name: values for name, (values,) in parse_qs(urlsplit(request.url).query).items()}
    assert request.headers == {"Content-Type": "image/heic"}
    assert query["X-Amz-SignedHeaders"] == "content-length;content-type;host"
    assert query["X-Amz-Expires"] == "3600"
    assert query["X-Amz-Security-Token"] == "session token"
    assert query["X-Amz-Credential"].startswith("AKIAEXAMPLE/")
    assert query["X-Amz-Credential"].endswith(f"/{REGION}/s3/aws4_request")
    assert "secret key" not in request.url


def test_credentials_are_asked_for_on_every_call(server: FaultBackend) -> None:
    held = iter([Credentials("FIRST", "x"), Credentials("SECOND", "x")])
    storage = S3UploadStorage(S3Bucket(REGION, lambda: next(held), "pictures", server.origin))
    server.script(Answer())
    assert "X-Amz-Credential=FIRST%2F" in grant(storage).url
    storage.read(KEY)
    assert "Credential=SECOND/" in server.requests[0].headers["authorization"]
    assert "x-amz-security-token" not in server.requests[0].headers


@pytest.mark.parametrize(
    "answer",
    [Answer(500), Answer(503), page(502), page(504), Answer().delivered(Delivery.RESET)],
    ids=["500", "503", "502", "504", "reset"],
)
def test_a_passing_fault_is_retried(server: FaultBackend, answer: Answer) -> None:
    server.script(answer, answer, Answer(body=b"content"))
    assert storage_at(server.origin).read(KEY) == b"content"
    assert [request.method for request in server.requests] == ["GET"] * 3


def test_retries_end(server: FaultBackend) -> None:
    server.script(*[Answer(503)] * 4)
    assert failure(storage_at(server.origin)).aws_code == "503"
    assert len(server.requests) == 3


@pytest.mark.parametrize("status", [204, 206, 400, 403, 405, 416])
def test_any_other_answer_is_a_failed_call_that_says_which(server: FaultBackend, status: int) -> None:
    server.script(Answer(status))
    assert failure(storage_at(server.origin)).aws_code == str(status)


def test_a_content_that_breaks_off_is_no_content(server: FaultBackend) -> None:
    server.script(*[Answer(body=b"content" * 20).delivered(Delivery.CUT)] * 3)
    assert failure(storage_at(server.origin)).aws_code == "Unreachable"


def test_one_connection_serves_many_reads(server: FaultBackend) -> None:
    server.script(Answer(body=b"a"), Answer(404, body=b"<Error/>"), Answer(403, body=b"<Error/>"), Answer())
    storage = storage_at(server.origin)
    assert storage.read(KEY) == b"a"
    assert storage.read(KEY) is None
    failure(storage)
    assert storage.read(KEY) == b""
    assert server.connections == 1


def test_an_unreachable_store_is_told_and_logged_without_what_opens_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        endpoint_url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    error = failure(storage_at(endpoint_url))
    assert error.aws_code == "Unreachable"
    assert "Connection refused" in error.detail
    for secret in ("X-Amz", "session", "secret key", "Signature"):
        assert secret not in error.detail + caplog.text

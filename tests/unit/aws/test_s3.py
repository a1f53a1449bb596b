"""Objects are put and come back whole; presigned URLs take exactly what they were signed for."""

import io
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from botocore.response import StreamingBody

from imagineart.aws import AwsCallError, AwsClients
from imagineart.s3 import CHUNK_BYTES, Bucket, StoredObject

KEY = "uploads/acme/upl_1"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret key", "AWS_SESSION_TOKEN": "token/+"}
LIMIT_BYTES = 2_000_000


@pytest.fixture
def bucket(aws: AwsClients, bucket_name: str) -> Bucket:
    return Bucket(aws, bucket_name)


@pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)) * 5000], ids=len)
@pytest.mark.parametrize("key", [KEY, "uploads/a b+c/é&?#%20", "a=b;c,d:e@f!$'()*"])
def test_an_object_comes_back_as_it_was_put_or_uploaded_under_exactly_its_key(
    bucket: Bucket, key: str, content: bytes
) -> None:
    bucket.put(key, content)
    assert bucket.get(key, limit_bytes=LIMIT_BYTES) == content
    url, _ = bucket.presign_put(key, content_type="image/heic", size_bytes=len(content) + 1, life_seconds=60)
    uploaded = httpx.put(url, content=content + b"!", headers={"Content-Type": "image/heic"}, trust_env=False)
    assert uploaded.is_success
    assert bucket.get(key, limit_bytes=LIMIT_BYTES) == content + b"!"
    listed = bucket.clients.client("s3").list_objects_v2(Bucket=bucket.name)["Contents"]
    assert [each["Key"] for each in listed] == [key]


def test_everything_below_a_prefix_is_deleted_and_nothing_else(bucket: Bucket) -> None:
    """S3 lists so many objects at a time as it likes."""
    events = bucket.clients.client("s3").meta.events
    events.register("provide-client-params.s3.ListObjectsV2", lambda params, **_: params | {"MaxKeys": 2})
    others = ["jobs/account-12/a", "media/account-1/a"]
    for key in (*(f"jobs/account-1/{number}" for number in range(5)), *others):
        bucket.put(key, b"")
    for _ in range(2):
        bucket.delete_all("jobs/account-1/")
        assert bucket.keys("") == others


def test_an_object_is_read_in_chunks_with_its_size_and_type(bucket: Bucket) -> None:
    content = bytes(range(256)) * 3000
    bucket.put(KEY, content, content_type="image/png")
    stored = bucket.open(KEY)
    assert stored is not None
    assert (stored.size_bytes, len(stored.etag) > 2) == (len(content), True)
    chunks = list(stored.chunks())
    assert b"".join(chunks) == content
    assert max(map(len, chunks)) <= CHUNK_BYTES < len(content)
    assert bucket.open("results/none") is None


def test_a_body_that_breaks_off_is_a_failure_of_aws() -> None:
    stored = StoredObject(5, '"1"', StreamingBody(io.BytesIO(b"1234"), 5))
    with pytest.raises(AwsCallError):
        list(stored.chunks())


def test_a_presigned_url_gets_an_object_also_in_parts(bucket: Bucket) -> None:
    bucket.put(KEY, b"0123456789", content_type="image/webp")
    url = bucket.presign_get(KEY, cache_control="private, max-age=7", life_seconds=60)
    whole = httpx.get(url, trust_env=False)
    assert (whole.content, whole.headers["Content-Type"]) == (b"0123456789", "image/webp")
    assert httpx.get(url, headers={"Range": "bytes=2-4"}, trust_env=False).content == b"234"
    query = {name: values for name, (values,) in parse_qs(urlsplit(url).query).items()}
    assert (query["X-Amz-Expires"], query["response-cache-control"]) == ("60", "private, max-age=7")


def test_an_object_that_is_not_there_is_none(bucket: Bucket) -> None:
    assert bucket.get(KEY, limit_bytes=10) is None


def test_an_object_larger_than_the_limit_is_a_failure_and_the_next_is_read(bucket: Bucket) -> None:
    bucket.put(KEY, b"x" * 11)
    with pytest.raises(AwsCallError) as caught:
        bucket.get(KEY, limit_bytes=10)
    assert caught.value.aws_code == "TooLarge"
    assert bucket.get(KEY, limit_bytes=11) == b"x" * 11


@pytest.mark.parametrize(
    ("variables", "origin"),
    [
        ({"AWS_REGION": "us-east-1"}, "https://images.s3.us-east-1.amazonaws.com/"),
        ({"AWS_REGION": "eu-central-1"}, "https://images.s3.eu-central-1.amazonaws.com/"),
        (
            {"AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:5000"},
            "http://127.0.0.1:5000/images/",
        ),
    ],
    ids=["us-east-1", "another region", "a stand-in"],
)
def test_a_presigned_url_names_the_host_of_the_bucket_and_binds_type_size_and_time(
    variables: dict[str, str], origin: str
) -> None:
    bucket = Bucket(AwsClients({**KEYS, **variables}), "images")
    url, seconds = bucket.presign_put(KEY, content_type="image/heic", size_bytes=5, life_seconds=600)
    query = {name: values for name, (values,) in parse_qs(urlsplit(url).query).items()}
    assert url.startswith(f"{origin}{KEY}?")
    assert query["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"
    assert query["X-Amz-SignedHeaders"] == "content-length;content-type;host"
    assert (query["X-Amz-Expires"], seconds) == ("600", 600)
    assert query["X-Amz-Security-Token"] == "token/+"
    assert "secret key" not in url


def test_a_presigned_url_ends_with_the_credentials_that_sign_it() -> None:
    bucket = Bucket(AwsClients({**KEYS, "AWS_REGION": "us-east-1"}), "images")
    url, seconds = bucket.presign_put(KEY, content_type="image/heic", size_bytes=5, life_seconds=3600)
    assert (seconds, "X-Amz-Expires=900&" in url) == (900, True)

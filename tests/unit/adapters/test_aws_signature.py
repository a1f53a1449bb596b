"""The signature is the one that AWS's own SDK makes."""

from datetime import UTC, datetime
from unittest.mock import patch
from urllib.parse import parse_qsl, quote, urlsplit

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given
from hypothesis import strategies as st

from imagineart.adapters.aws_signature import Credentials, presign, sign_post, sign_unhashed

HOST = "dynamodb.eu-central-1.amazonaws.com"
words = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)
credentials = st.builds(Credentials, words, words, st.none() | words)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
regions = st.sampled_from(["us-east-1", "eu-central-1", "cn-north-1"])
services = st.sampled_from(["dynamodb", "secretsmanager"])
keys = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)
models = keys.filter(lambda model: model not in (".", ".."))
header_names = st.sampled_from(["content-type", "content-length", "x-amz-meta-a", "content-md5", "if-match"])
origins = st.sampled_from(["https://pictures.s3.eu-central-1.amazonaws.com", "http://127.0.0.1:5000"])


@given(st.binary(max_size=500), credentials, moments, regions, services, words)
def test_the_signature_equals_botocores(
    body: bytes, credentials: Credentials, now: datetime, region: str, service: str, target: str
) -> None:
    headers = {"content-type": "application/x-amz-json-1.0", "host": HOST, "x-amz-target": target}
    request = AWSRequest("POST", f"https://{HOST}/", dict(headers), body)
    identity = BotoCredentials(
        credentials.access_key_id, credentials.secret_access_key, credentials.session_token
    )
    # botocore reads the clock itself.
    with patch("botocore.auth.get_current_datetime", return_value=now):
        SigV4Auth(identity, service, region).add_auth(request)

    signed = sign_post(headers, body, credentials=credentials, service=service, region=region, now=now)

    assert signed == {name.lower(): value for name, value in request.headers.items()}


@given(st.binary(max_size=500), models, credentials, moments, regions)
def test_the_signature_of_a_post_to_a_path_equals_botocores(
    body: bytes, model: str, credentials: Credentials, now: datetime, region: str
) -> None:
    host = f"bedrock-runtime.{region}.amazonaws.com"
    path = f"/model/{quote(model, safe='-._~')}/invoke"
    headers = {"content-type": "application/json", "accept": "application/json", "host": host}
    request = AWSRequest("POST", f"https://{host}{path}", dict(headers), body)
    identity = BotoCredentials(
        credentials.access_key_id, credentials.secret_access_key, credentials.session_token
    )
    # botocore reads the clock itself.
    with patch("botocore.auth.get_current_datetime", return_value=now):
        SigV4Auth(identity, "bedrock", region).add_auth(request)

    signed = sign_post(
        headers, body, credentials=credentials, service="bedrock", region=region, now=now, path=path
    )

    assert signed == {name.lower(): value for name, value in request.headers.items()}


@given(st.sampled_from(["GET", "PUT"]), origins, keys, credentials, moments, regions)
def test_the_signature_of_an_object_whose_content_is_not_signed_equals_botocores(
    method: str, origin: str, key: str, credentials: Credentials, now: datetime, region: str
) -> None:
    path = "/" + quote(key)
    headers = {"host": urlsplit(origin).netloc}
    request = AWSRequest(method, origin + path, dict(headers))
    # What botocore does over TLS, it does over plain HTTP where it is told to.
    request.context["client_config"] = Config(s3={"payload_signing_enabled": False})
    identity = BotoCredentials(
        credentials.access_key_id, credentials.secret_access_key, credentials.session_token
    )
    # botocore reads the clock itself.
    with patch("botocore.auth.get_current_datetime", return_value=now):
        S3SigV4Auth(identity, "s3", region).add_auth(request)

    signed = sign_unhashed(
        method, path, headers, credentials=credentials, service="s3", region=region, now=now
    )

    assert signed == {name.lower(): value for name, value in request.headers.items()}


@given(
    st.sampled_from(["GET", "PUT"]),
    origins,
    keys,
    st.dictionaries(header_names, words),
    credentials,
    moments,
    regions,
    st.integers(1, 604_800),
)
def test_a_presigned_url_equals_botocores(
    method: str,
    origin: str,
    key: str,
    headers: dict[str, str],
    credentials: Credentials,
    now: datetime,
    region: str,
    life_seconds: int,
) -> None:
    path = "/" + quote(key)
    request = AWSRequest(method, origin + path, dict(headers))
    identity = BotoCredentials(
        credentials.access_key_id, credentials.secret_access_key, credentials.session_token
    )
    # botocore reads the clock itself.
    with patch("botocore.auth.get_current_datetime", return_value=now):
        S3SigV4QueryAuth(identity, "s3", region, expires=life_seconds).add_auth(request)

    url = presign(
        method, origin, path, headers,
        credentials=credentials, service="s3", region=region, now=now, life_seconds=life_seconds,
    )  # fmt: skip

    ours, theirs = urlsplit(url), urlsplit(request.url)
    assert ours[:3] == theirs[:3]
    assert sorted(parse_qsl(ours.query)) == sorted(parse_qsl(theirs.query))


def test_the_headers_that_were_given_are_not_changed() -> None:
    headers = {"host": HOST}
    now = datetime(2026, 1, 2, tzinfo=UTC)
    identity = Credentials("a", "b", "c")
    sign_post(headers, b"", credentials=identity, service="s", region="r", now=now)
    sign_unhashed("PUT", "/b", headers, credentials=identity, service="s3", region="r", now=now)
    presign(
        "PUT", "https://a.test", "/b", headers,
        credentials=identity, service="s", region="r", now=now, life_seconds=1,
    )  # fmt: skip
    assert headers == {"host": HOST}


def test_secrets_are_never_in_the_representation() -> None:
    assert repr(Credentials("AKIA", "the secret", "the session")) == "Credentials('AKIA')"

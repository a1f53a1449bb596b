"""The signature is the one that AWS's own SDK makes."""

from datetime import UTC, datetime
from unittest.mock import patch

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given
from hypothesis import strategies as st

from imagineart.adapters.aws_signature import Credentials, sign_post

HOST = "dynamodb.eu-central-1.amazonaws.com"
words = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)
credentials = st.builds(Credentials, words, words, st.none() | words)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
regions = st.sampled_from(["us-east-1", "eu-central-1", "cn-north-1"])
services = st.sampled_from(["dynamodb", "secretsmanager"])


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


def test_the_headers_that_were_given_are_not_changed() -> None:
    headers = {"host": HOST}
    now = datetime(2026, 1, 2, tzinfo=UTC)
    sign_post(headers, b"", credentials=Credentials("a", "b"), service="s", region="r", now=now)
    assert headers == {"host": HOST}


def test_secrets_are_never_in_the_representation() -> None:
    assert repr(Credentials("AKIA", "the secret", "the session")) == "Credentials('AKIA')"

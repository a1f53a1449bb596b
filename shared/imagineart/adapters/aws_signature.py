"""AWS Signature Version 4, so that a request need not load an AWS SDK.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlsplit

_UNSIGNED_PAYLOAD: Final = "UNSIGNED-PAYLOAD"


@dataclass(frozen=True, slots=True)
class Credentials:
    """An AWS identity; `session_token` is None for a long-lived key."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None

    def __repr__(self) -> str:
        return f"Credentials({self.access_key_id!r})"


def sign_post(
    headers: Mapping[str, str],
    body: bytes,
    *,
    credentials: Credentials,
    service: str,
    region: str,
    now: datetime,
    path: str = "/",
) -> dict[str, str]:
    """`headers` (lower-case names, ``host`` among them) with date, session token and authorization added.

    The request is a POST of `body` to `path` (percent-encoded, without dot segments) without a query, at any
    service but S3; `now` is in UTC.
    """
    payload_hash = hashlib.sha256(body).hexdigest()
    # Every service but S3 encodes the path of a request, which is encoded already, once more.
    canonical_path = quote(path, safe="/~")
    scope = _Scope(now, region, service)
    return _sign_headers("POST", canonical_path, headers, payload_hash, scope, credentials)


def sign_unhashed(
    method: str,
    path: str,
    headers: Mapping[str, str],
    *,
    credentials: Credentials,
    service: str,
    region: str,
    now: datetime,
) -> dict[str, str]:
    """As `sign_post`, for S3: `method` on `path` (percent-encoded) without a query, the body left unsigned.

    Unlike a presigned URL, the URL it goes to may be logged.
    """
    hashed = {**headers, "x-amz-content-sha256": _UNSIGNED_PAYLOAD}
    scope = _Scope(now, region, service)
    return _sign_headers(method, path, hashed, _UNSIGNED_PAYLOAD, scope, credentials)


def presign(
    method: str,
    origin: str,
    path: str,
    headers: Mapping[str, str],
    *,
    credentials: Credentials,
    service: str,
    region: str,
    now: datetime,
    life_seconds: int,
) -> str:
    """A URL that allows `method` on `path` (percent-encoded) at `origin` with exactly `headers` for a while.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
    """
    scope = _Scope(now, region, service)
    signed = {**headers, "host": urlsplit(origin).netloc}
    names = ";".join(sorted(signed))
    query = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{credentials.access_key_id}/{scope}",
        "X-Amz-Date": scope.date_time,
        "X-Amz-Expires": str(life_seconds),
        "X-Amz-SignedHeaders": names,
    }
    if credentials.session_token:
        query["X-Amz-Security-Token"] = credentials.session_token
    encoded = "&".join(f"{name}={quote(value, safe='')}" for name, value in sorted(query.items()))
    signature = _sign(method, path, encoded, signed, _UNSIGNED_PAYLOAD, scope, credentials)
    return f"{origin}{path}?{encoded}&X-Amz-Signature={signature}"


@dataclass(frozen=True, slots=True)
class _Scope:
    """What a signing key is good for: a day, a region and a service."""

    now: datetime
    region: str
    service: str

    @property
    def date_time(self) -> str:
        return self.now.strftime("%Y%m%dT%H%M%SZ")

    def __str__(self) -> str:
        return f"{self.date_time[:8]}/{self.region}/{self.service}/aws4_request"


def _sign_headers(
    method: str,
    path: str,
    headers: Mapping[str, str],
    payload_hash: str,
    scope: _Scope,
    credentials: Credentials,
) -> dict[str, str]:
    signed = {**headers, "x-amz-date": scope.date_time}
    if credentials.session_token:
        signed["x-amz-security-token"] = credentials.session_token
    signature = _sign(method, path, "", signed, payload_hash, scope, credentials)
    signed["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key_id}/{scope}, "
        f"SignedHeaders={';'.join(sorted(signed))}, Signature={signature}"
    )
    return signed


def _sign(
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    payload_hash: str,
    scope: _Scope,
    credentials: Credentials,
) -> str:
    """The signature, in hexadecimal, of a request whose every header is signed."""
    canonical_headers = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))
    canonical = "\n".join((method, path, query, canonical_headers, ";".join(sorted(headers)), payload_hash))
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = f"AWS4-HMAC-SHA256\n{scope.date_time}\n{scope}\n{digest}"
    key = b"AWS4" + credentials.secret_access_key.encode()
    for part in str(scope).split("/"):
        key = _hmac(key, part)
    return _hmac(key, to_sign).hex()


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()

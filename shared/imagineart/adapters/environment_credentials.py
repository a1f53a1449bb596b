"""The Lambda role's credentials, from the environment or from the endpoint that the environment names.

Functions restored from a snapshot get an endpoint in place of the variables, because a snapshot must not hold
credentials. Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from imagineart.adapters.aws_client import CredentialsProvider
from imagineart.adapters.aws_http import AwsCallError, AwsHttp, AwsRequest
from imagineart.adapters.aws_signature import Credentials

_REFRESH_BEFORE_EXPIRY: Final = timedelta(minutes=5)
_ATTEMPT_SECONDS: Final = 2.0
_MAX_ANSWER_BYTES: Final = 64 * 1024


def credentials_from_environment(environment: Mapping[str, str]) -> CredentialsProvider:
    """A provider of the credentials that `environment` (``AWS_*`` variables) holds or points to."""
    url = environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    if url and not environment.get("AWS_ACCESS_KEY_ID"):
        return _EndpointCredentials(url, environment)
    fixed = Credentials(
        environment.get("AWS_ACCESS_KEY_ID", ""),
        environment.get("AWS_SECRET_ACCESS_KEY", ""),
        environment.get("AWS_SESSION_TOKEN"),
    )
    return lambda: fixed


class _EndpointCredentials:
    """Credentials fetched when first needed and again shortly before they expire."""

    def __init__(self, url: str, environment: Mapping[str, str]) -> None:
        self._url = url
        self._environment = environment
        self._held: tuple[Credentials, datetime] | None = None
        self._http = AwsHttp()

    def __call__(self) -> Credentials:
        now = datetime.now(UTC)
        if self._held is None or now > self._held[1] - _REFRESH_BEFORE_EXPIRY:
            try:
                self._held = self._fetch()
            except AwsCallError:
                if self._held is None or now >= self._held[1]:
                    raise
        return self._held[0]

    def _fetch(self) -> tuple[Credentials, datetime]:
        headers = {"Authorization": self._authorization()}
        try:
            parts = urlsplit(self._url)
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            origin = f"{parts.scheme}://{parts.netloc}"
            request = AwsRequest("GET", origin, path, headers, b"", _ATTEMPT_SECONDS)
            document = json.loads(self._http.send(request, limit_bytes=_MAX_ANSWER_BYTES).content)
            held = Credentials(document["AccessKeyId"], document["SecretAccessKey"], document.get("Token"))
            return held, datetime.fromisoformat(document["Expiration"])
        except (ValueError, KeyError, TypeError) as error:
            raise AwsCallError(
                "Unreachable", detail=f"credentials endpoint: {type(error).__name__}"
            ) from error

    def _authorization(self) -> str:
        path = self._environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
        if path:
            return Path(path).read_text().strip()
        return self._environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")

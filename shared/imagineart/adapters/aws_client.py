"""Calls to AWS's JSON services (DynamoDB, Secrets Manager) over one kept-alive connection pool.

It stands in for boto3 on the request path, where boto3's import and client cost more than half of the whole
cold start; see docs/decisions/0003-own-aws-json-client.md.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import urllib3

from imagineart.adapters.aws_signature import Credentials, sign_post
from imagineart.domain.errors import InternalError

CredentialsProvider = Callable[[], Credentials]

_TARGETS: Final = {"dynamodb": ("DynamoDB_20120810", "1.0"), "secretsmanager": ("secretsmanager", "1.1")}
_TIMEOUT: Final = urllib3.Timeout(connect=1.0, read=3.0)
_RETRIES: Final = urllib3.Retry(
    total=2,
    allowed_methods=None,
    status_forcelist=(500, 502, 503, 504),
    backoff_factor=0.05,
    # A service may ask for more patience than the request has time.
    respect_retry_after_header=False,
    raise_on_status=False,
)


class AwsCallError(InternalError):
    """An AWS service refused a call or could not be reached; `aws_code` is its error code, such as
    ``ResourceNotFoundException``, or ``Unreachable``.
    """

    def __init__(self, aws_code: str, *, detail: str) -> None:
        super().__init__(detail=f"{aws_code}: {detail}")
        self.aws_code = aws_code


@dataclass(frozen=True, slots=True)
class AwsClient:
    """Signs and sends JSON calls in one region; `endpoint_url` replaces AWS's own (a local stand-in)."""

    region: str
    credentials: CredentialsProvider
    endpoint_url: str | None = None
    _pool: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(timeout=_TIMEOUT, retries=_RETRIES)
    )

    def call(self, service: str, operation: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The service's answer to `operation`. Raises AwsCallError."""
        target, json_version = _TARGETS[service]
        url = self.endpoint_url or public_endpoint(service, self.region)
        body = json.dumps(payload).encode()
        headers = sign_post(
            {
                "content-type": f"application/x-amz-json-{json_version}",
                "host": urlsplit(url).netloc,
                "x-amz-target": f"{target}.{operation}",
            },
            body,
            credentials=self.credentials(),
            service=service,
            region=self.region,
            now=datetime.now(UTC),
        )
        try:
            response = self._pool.request("POST", url, body=body, headers=headers)
            answer = dict(json.loads(response.data or b"{}"))
        except (urllib3.exceptions.HTTPError, ValueError, TypeError) as error:
            raise AwsCallError("Unreachable", detail=f"{service} {operation}: {error}") from error
        if response.status != 200:
            raise AwsCallError(_error_code(answer), detail=f"{service} {operation}: {_error_message(answer)}")
        return answer


def public_endpoint(service: str, region: str) -> str:
    """AWS's own address of a service; the name may have a bucket in front, as in ``bucket.s3``."""
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"https://{service}.{region}.{suffix}"


def _error_code(answer: Mapping[str, Any]) -> str:
    return str(answer.get("__type", "Unknown")).rpartition("#")[2]


def _error_message(answer: Mapping[str, Any]) -> str:
    return str(answer.get("message") or answer.get("Message") or "")

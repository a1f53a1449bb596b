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

from imagineart.adapters.aws_http import AwsAnswer, AwsCallError, AwsHttp, AwsRequest
from imagineart.adapters.aws_signature import Credentials, sign_post

CredentialsProvider = Callable[[], Credentials]

_TARGETS: Final = {"dynamodb": ("DynamoDB_20120810", "1.0"), "secretsmanager": ("secretsmanager", "1.1")}
_ATTEMPT_SECONDS: Final = 3.0
_MAX_ANSWER_BYTES: Final = 16 * 1024 * 1024
_THROTTLED: Final = frozenset(
    {"ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded"}
)


@dataclass(frozen=True, slots=True)
class AwsClient:
    """Signs and sends JSON calls in one region; `endpoint_url` replaces AWS's own (a local stand-in)."""

    region: str
    credentials: CredentialsProvider
    endpoint_url: str | None = None
    http: AwsHttp = field(default_factory=AwsHttp)

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
        request = AwsRequest("POST", url, "/", headers, body, _ATTEMPT_SECONDS)
        received = self.http.send(request, limit_bytes=_MAX_ANSWER_BYTES, is_passing=_is_throttled)
        answer = _read(received)
        if answer is None:
            raise AwsCallError("Unreachable", detail=f"{service} {operation}: answered no JSON object")
        if received.status != 200:
            detail = f"{service} {operation}: {_error_message(answer)}"
            raise AwsCallError(_error_code(answer), detail=detail, answer=answer)
        return answer


def _read(received: AwsAnswer) -> dict[str, Any] | None:
    """The JSON object of an answer, or None where it is none."""
    try:
        answer = json.loads(received.content or b"{}")
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def _is_throttled(received: AwsAnswer) -> bool:
    return received.status == 400 and _error_code(_read(received) or {}) in _THROTTLED


def public_endpoint(service: str, region: str) -> str:
    """AWS's own address of a service; the name may have a bucket in front, as in ``bucket.s3``."""
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"https://{service}.{region}.{suffix}"


def _error_code(answer: Mapping[str, Any]) -> str:
    return str(answer.get("__type", "Unknown")).rpartition("#")[2]


def _error_message(answer: Mapping[str, Any]) -> str:
    return str(answer.get("message") or answer.get("Message") or "")

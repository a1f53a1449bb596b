"""Whether a request is signed as Bedrock wants it, judged by AWS's own SDK.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

_AUTHORIZATION: Final = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, "
    r"SignedHeaders=([^,]+), Signature=([0-9a-f]{64})"
)


class UnsignedError(Exception):
    """A request without a usable signature; `error_type` is what AWS calls it."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


def check_signature(
    path: str, headers: Mapping[str, str], body: bytes, *, region: str, secrets: Mapping[str, str] | None
) -> None:
    """Raises UnsignedError. `headers` have lower-case names.

    With `secrets`, by access key id, the signature itself is checked; without, only what it is for.
    """
    match = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if not match:
        raise UnsignedError("MissingAuthenticationTokenException", "Missing Authentication Token")
    key_id, _, signed_region, service, names, signature = match.groups()
    if (signed_region, service) != (region, "bedrock"):
        raise UnsignedError(
            "InvalidSignatureException",
            f"Credential should be scoped to a valid region, not '{signed_region}'.",
        )
    if secrets is None:
        return
    if key_id not in secrets:
        raise UnsignedError(
            "UnrecognizedClientException", "The security token included in the request is invalid."
        )
    request = AWSRequest(
        "POST", f"https://{headers['host']}{path}", {name: headers[name] for name in names.split(";")}, body
    )
    request.context["timestamp"] = headers["x-amz-date"]
    judge = SigV4Auth(Credentials(key_id, secrets[key_id]), service, region)
    if judge.signature(judge.string_to_sign(request, judge.canonical_request(request)), request) != signature:
        raise UnsignedError(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided.",
        )

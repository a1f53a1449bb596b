"""Every call that a function makes to AWS, as the permission that it needs there.

Each function signs with an access key named like it, which is how calls are reported apart.
"""

import io
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from local.bedrock.server import Invocation
from local.moto_server import Application
from tests.permissions import Permission

_SIGNED = re.compile(r"Credential=([^/&]+)/\d{8}/[^/]+/([^/]+)/aws4_request")
_OBJECT_ACTIONS = {
    "GET": "s3:GetObject",
    "HEAD": "s3:GetObject",
    "PUT": "s3:PutObject",
    "DELETE": "s3:DeleteObject",
}
# An operation of several items needs the actions of each, and none of its own.
_SINGLE_ITEM = re.compile(r"(Get|Put|Update|Delete)Item|Query|Scan")


@dataclass
class RecordedCalls:
    """What each of these functions needed so far, by its access key."""

    functions: Sequence[str]
    references: Mapping[str, str] = field(default_factory=dict)
    """What each Ref gives, by name."""
    needed: defaultdict[str, set[Permission]] = field(default_factory=lambda: defaultdict(set))

    def in_front_of(self, application: Application) -> Application:
        """The stand-in for AWS, whose calls are recorded."""

        def respond(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            statuses: list[int] = []

            def start(status: str, *others: Any) -> Any:
                statuses.append(int(status.partition(" ")[0]))
                return start_response(status, *others)

            response = list(application({**environ, "wsgi.input": io.BytesIO(body)}, start))
            self._record(environ, body, statuses[0])
            return response

        return respond

    def record_invocations(self, invocations: Iterable[Invocation]) -> None:
        """Record the calls of Bedrock."""
        for invocation in invocations:
            signed = _SIGNED.search(invocation.headers["authorization"])
            assert signed, "Bedrock was called without a signature"
            assert signed[2] == "bedrock"
            assert invocation.model_id
            self._need(signed[1], "bedrock:InvokeModel", _model_arn(invocation.model_id))

    def _record(self, environ: Mapping[str, Any], body: bytes, status: int) -> None:
        signed = _SIGNED.search(environ.get("HTTP_AUTHORIZATION") or unquote(environ["QUERY_STRING"]))
        if signed is None or signed[1] not in self.functions:
            return
        key_id, service = signed.groups()
        if service == "s3":
            self._record_object(key_id, environ["REQUEST_METHOD"], environ["PATH_INFO"], status)
            return
        operation = environ["HTTP_X_AMZ_TARGET"].rpartition(".")[2]
        document = json.loads(body)
        if service == "dynamodb":
            assert _SINGLE_ITEM.fullmatch(operation), f"what {operation} needs is not known here"
            self._need(key_id, f"dynamodb:{operation}", f"${{{self._name_of(document['TableName'])}.Arn}}")
        else:
            self._need(key_id, f"{service}:{operation}", f"${{{self._name_of(document['SecretId'])}}}")

    def _record_object(self, key_id: str, method: str, path: str, status: int) -> None:
        bucket, _, key = path.removeprefix("/").partition("/")
        assert key, f"what {method} of a bucket needs is not known here"
        arn = f"${{{self._name_of(bucket)}.Arn}}"
        self._need(key_id, _OBJECT_ACTIONS[method], f"{arn}/{key}")
        if method in ("GET", "HEAD") and status == 404:
            # Without the permission to list the bucket, the status is 403.
            # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
            self._need(key_id, "s3:ListBucket", arn)

    def _name_of(self, physical_id: str) -> str:
        (name,) = [name for name, value in self.references.items() if value == physical_id]
        return name

    def _need(self, key_id: str, action: str, resource: str) -> None:
        self.needed[key_id].add(Permission(action, resource))


def _model_arn(model_id: str) -> str:
    """What Bedrock checks: profiles have a region's prefix, models have none."""
    if model_id.startswith("us."):
        return f"arn:${{AWS::Partition}}:bedrock:us-west-2:${{AWS::AccountId}}:inference-profile/{model_id}"
    return f"arn:${{AWS::Partition}}:bedrock:us-west-2::foundation-model/{model_id}"

"""Every call to AWS that a function makes through boto3, as the permission that it needs there."""

import re
from collections import defaultdict
from collections.abc import Mapping
from threading import Condition
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from moto.core.botocore_stubber import MockRawResponse

from imagineart.aws import AwsClients
from tests.permissions import Permission

_FUNCTION_VARIABLE = "TEST_FUNCTION"
# An operation on several items needs the actions of each, and none of its own.
_KNOWN_ACTIONS = re.compile(
    r"dynamodb:((Get|Put|Update|Delete)Item|Query|Scan)|s3:((Get|Put|Delete)Object|ListBucket)"
    r"|secretsmanager:\w+|bedrock:InvokeModel|sqs:SendMessage|ses:SendEmail|execute-api:ManageConnections"
    r"|rekognition:DetectModerationLabels|polly:SynthesizeSpeech"
)
_ACTIONS = {
    "PostToConnection": "ManageConnections", "ListObjectsV2": "ListBucket", "Converse": "InvokeModel",
}  # fmt: skip
"""Those that are not called as their operation."""


def name_the_functions(document: dict[str, Any]) -> None:
    """Give each function of a template its own name as a variable."""
    for name, resource in document["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            variables = resource["Properties"].setdefault("Environment", {}).setdefault("Variables", {})
            variables[_FUNCTION_VARIABLE] = name


class RecordedCalls:
    """What each function, by its name, has needed so far. A call counts when it is made or presigned."""

    def __init__(self) -> None:
        self.needed: defaultdict[str, set[Permission]] = defaultdict(set)
        self.references: Mapping[str, str] = {}
        """What each Ref gives, by name."""
        self._changed = Condition()

    def record(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Record the calls of all clients that functions make from now on."""
        make = AwsClients.client
        seen: list[Any] = []

        def client(clients: AwsClients, service: str, **options: Any) -> Any:
            made = make(clients, service, **options)
            function_id = clients._variables.get(_FUNCTION_VARIABLE)
            if function_id and made not in seen:
                seen.append(made)
                self._listen(function_id, made)
            return made

        monkeypatch.setattr(AwsClients, "client", client)

    def wait_for(self, function_id: str, needed: Permission) -> None:
        """Return when the function has needed this."""
        with self._changed:
            assert self._changed.wait_for(lambda: needed in self.needed[function_id], timeout=60)

    def _listen(self, function_id: str, client: Any) -> None:
        def called(params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
            action = f"{model.service_model.signing_name}:{_ACTIONS.get(model.name, model.name)}"
            assert _KNOWN_ACTIONS.fullmatch(action), f"what {action} needs is not known here"
            context["test_object"] = (params.get("Bucket"), params.get("Key"))
            self._need(function_id, Permission(action, self._resource(params, client.meta.region_name)))

        def responded(parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
            if parsed["ResponseMetadata"]["HTTPStatusCode"] == 404:
                # To a caller that may not list the bucket, S3 responds with 403 instead. The object's key
                # is the prefix then: https://github.com/ceph/ceph/pull/68577
                # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
                bucket, key = context["test_object"]
                prefix = f"${{{self._name_of(bucket)}.Arn}}?prefix={key}"
                self._need(function_id, Permission("s3:ListBucket", prefix))

        client.meta.events.register("provide-client-params", called)
        client.meta.events.register("after-call.s3.GetObject", responded)
        # The stand-in for AWS has no Rekognition.
        client.meta.events.register("before-send.rekognition", _respond_without_labels)

    def _resource(self, params: Mapping[str, Any], region: str) -> str:
        match params:
            case {"TableName": table, "IndexName": index}:
                return f"${{{self._name_of(table)}.Arn}}/index/{index}"
            case {"FromEmailAddress": sender}:
                return f"arn:${{AWS::Partition}}:ses:${{AWS::Region}}:${{AWS::AccountId}}:identity/{sender}"
            case {"QueueUrl": queue}:
                return f"${{{self._name_of(queue)}.Arn}}"
            case {"TableName": table}:
                return f"${{{self._name_of(table)}.Arn}}"
            case {"ConnectionId": connection_id}:
                api = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${WebSocketApi}"
                return f"{api}/v1/POST/@connections/{connection_id}"
            case {"SecretId": secret}:
                return f"${{{self._name_of(secret)}}}"
            case {"Image": _} | {"VoiceId": _}:
                return "*"
            case {"Bucket": bucket, "Key": key}:
                return f"${{{self._name_of(bucket)}.Arn}}/{key}"
            case {"Bucket": bucket, "Prefix": prefix}:
                return f"${{{self._name_of(bucket)}.Arn}}?prefix={prefix}"
            case {"modelId": str(model)} if model.startswith("us."):
                # Profiles have a region's prefix, models have none.
                account = f"{region}:${{AWS::AccountId}}"
                return f"arn:${{AWS::Partition}}:bedrock:{account}:inference-profile/{model}"
            case {"modelId": model}:
                return f"arn:${{AWS::Partition}}:bedrock:{region}::foundation-model/{model}"
        raise AssertionError(f"what a call with {sorted(params)} is about is not known here")

    def _name_of(self, physical_id: str) -> str:
        (name,) = [name for name, value in self.references.items() if value == physical_id]
        return name

    def _need(self, function_id: str, permission: Permission) -> None:
        with self._changed:
            self.needed[function_id].add(permission)
            self._changed.notify_all()


def _respond_without_labels(request: Any, **_: Any) -> AWSResponse:
    return AWSResponse(request.url, 200, {}, MockRawResponse(b'{"ModerationLabels": []}'))

"""What is put into the API that the emulator makes of SAM's document."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from local.rehearsal.mended_api import ANY_METHOD, MissingIntegration, mend, missing_integrations

ARNS = {
    "PaintFunctionAliaslive": "arn:aws:lambda:us-east-1:000000000000:function:stack-Paint:live",
    "OtherFunction.Arn": "arn:aws:lambda:us-east-1:000000000000:function:stack-Other",
}


def operation(function: str, **integration: str) -> dict[str, Any]:
    invoked = f"path/2015-03-31/functions/${{{function}}}/invocations"
    uri = {"Fn::Sub": f"arn:aws:apigateway:${{AWS::Region}}:lambda:{invoked}"}
    return {"x-amazon-apigateway-integration": {"uri": uri, **integration}}


DOCUMENT: dict[str, Any] = {
    "paths": {
        "/pictures": {
            "post": operation("PaintFunctionAliaslive", responseTransferMode="STREAM"),
            "get": operation("PaintFunctionAliaslive"),
            ANY_METHOD: operation("OtherFunction.Arn"),
        },
        "/": {ANY_METHOD: operation("OtherFunction.Arn")},
    },
    "x-amazon-apigateway-gateway-responses": {
        "THROTTLED": {
            "statusCode": "429",
            "responseParameters": {"gatewayresponse.header.Retry-After": "'1'"},
            "responseTemplates": {"application/json": "{}"},
        }
    },
}


@dataclass
class FakeApiGateway:
    """API Gateway's calls with its state; what is deployed is what was there at the last deployment."""

    methods: dict[str, set[str]]
    uris: dict[tuple[str, str], str] = field(default_factory=dict)
    responses: dict[str, dict[str, Any]] = field(default_factory=dict)
    deployed: tuple[str, dict[tuple[str, str], str], dict[str, dict[str, Any]]] | None = None

    def get_resources(self, **_: Any) -> dict[str, Any]:
        items = [
            {
                "id": f"id of {path}",
                "path": path,
                **({"resourceMethods": dict.fromkeys(names)} if names else {}),
            }
            for path, names in self.methods.items()
        ]
        return {"items": items}

    def put_method(self, **call: Any) -> None:
        path, name = route(call)
        assert name not in self.methods[path], "ConflictException: Method already exists"
        self.methods[path].add(name)

    def put_integration(self, **call: Any) -> None:
        path, name = route(call)
        assert name in self.methods[path], "NotFoundException: Invalid Method identifier"
        self.uris[path, name] = call["uri"]

    def put_gateway_response(self, **call: Any) -> None:
        self.responses[call["responseType"]] = call

    def create_deployment(self, **call: Any) -> None:
        self.deployed = (call["stageName"], dict(self.uris), dict(self.responses))


def route(call: dict[str, Any]) -> tuple[str, str]:
    """The path and the method that a call is about."""
    return call["resourceId"].removeprefix("id of "), call["httpMethod"]


def test_what_is_streamed_and_what_answers_any_method_is_missing() -> None:
    assert list(missing_integrations(DOCUMENT)) == [
        MissingIntegration("/pictures", "POST", "PaintFunctionAliaslive"),
        MissingIntegration("/pictures", "ANY", "OtherFunction.Arn"),
        MissingIntegration("/", "ANY", "OtherFunction.Arn"),
    ]


def test_the_mended_api_is_deployed_with_buffered_integrations_and_its_responses() -> None:
    gateway = FakeApiGateway({"/pictures": {"POST", "GET"}, "/": set()})
    mend(gateway, "api", "stage", DOCUMENT, ARNS)
    assert gateway.deployed is not None
    stage, uris, responses = gateway.deployed
    assert stage == "stage"
    assert {route: uri.split("/")[3] for route, uri in uris.items()} == {
        ("/pictures", "POST"): ARNS["PaintFunctionAliaslive"],
        ("/pictures", "ANY"): ARNS["OtherFunction.Arn"],
        ("/", "ANY"): ARNS["OtherFunction.Arn"],
    }
    assert all(uri.endswith("/invocations") and "/2015-03-31/" in uri for uri in uris.values())
    assert responses["THROTTLED"]["statusCode"] == "429"
    assert responses["THROTTLED"]["responseParameters"] == {"gatewayresponse.header.Retry-After": "'1'"}


def test_an_integration_with_nothing_known_is_told() -> None:
    broken = {"paths": {"/": {ANY_METHOD: {"x-amazon-apigateway-integration": {"uri": {"Fn::Sub": "arn"}}}}}}
    with pytest.raises(ValueError, match="no function in the integration's URI 'arn'"):
        list(missing_integrations(broken))

"""What the emulator leaves out of the API that SAM describes, added by API Gateway's own calls.

The template stays the one that is deployed to AWS. Of the OpenAPI document that SAM makes of it, Ministack
1.5.33 ignores the method ``ANY`` and gateway responses, and responds with 500 where a response is streamed.
Here the methods and responses are added as the document has them, and streamed integrations become
buffered.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

_ANY_METHOD: Final = "x-amazon-apigateway-any-method"
_GATEWAY_RESPONSES: Final = "x-amazon-apigateway-gateway-responses"
_INTEGRATION: Final = "x-amazon-apigateway-integration"


class _MissingIntegration(NamedTuple):
    path: str
    method: str
    function: str
    """What the document's Sub names: ``<function>.Arn``, or an alias."""


def correct(
    api_gateway: Any, api_id: str, stage: str, document: Mapping[str, Any], arns: Mapping[str, str]
) -> None:
    """Add to the deployed API what the emulator left out, and deploy it to the stage again.

    `api_gateway` is a boto3 client; `arns` are the functions', by what a Sub names them with.
    """
    resources = api_gateway.get_resources(restApiId=api_id, embed=["methods"], limit=500)["items"]
    by_path = {resource["path"]: resource for resource in resources}
    for missing in _missing_integrations(document):
        resource = by_path[missing.path]
        method = {"restApiId": api_id, "resourceId": resource["id"], "httpMethod": missing.method}
        if missing.method not in resource.get("resourceMethods", {}):
            api_gateway.put_method(**method, authorizationType="NONE")
        uri = _buffered_uri(arns[missing.function])
        api_gateway.put_integration(**method, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
    for kind, response in document[_GATEWAY_RESPONSES].items():
        api_gateway.put_gateway_response(
            restApiId=api_id,
            responseType=kind,
            statusCode=str(response["statusCode"]),
            responseParameters=response.get("responseParameters", {}),
            responseTemplates=response.get("responseTemplates", {}),
        )
    api_gateway.create_deployment(restApiId=api_id, stageName=stage)


def _missing_integrations(document: Mapping[str, Any]) -> Iterator[_MissingIntegration]:
    """What of SAM's OpenAPI document the emulator does not serve. Raises ValueError for an unknown URI."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            integration = operation[_INTEGRATION]
            if method != _ANY_METHOD and integration.get("responseTransferMode") != "STREAM":
                continue
            uri = integration["uri"]["Fn::Sub"]
            function = re.search(r"/functions/\$\{([\w.]+)\}/", uri)
            if function is None:
                raise ValueError(f"no function in the integration's URI {uri!r}")
            yield _MissingIntegration(path, "ANY" if method == _ANY_METHOD else method.upper(), function[1])


def _buffered_uri(function_arn: str) -> str:
    region = function_arn.split(":")[3]
    return f"arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{function_arn}/invocations"

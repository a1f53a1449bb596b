"""What the emulator leaves out of the API that SAM describes, put in through API Gateway's own calls.

The template stays the one that is deployed to AWS. From the OpenAPI document that SAM made of it, Ministack
1.5.33 takes every method but ``ANY``, no gateway response, and answers 500 where an answer is streamed. Here
the methods and responses are added as the document has them, and streamed integrations become buffered.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

ANY_METHOD: Final = "x-amazon-apigateway-any-method"
_GATEWAY_RESPONSES: Final = "x-amazon-apigateway-gateway-responses"
_INTEGRATION: Final = "x-amazon-apigateway-integration"


@dataclass(frozen=True, slots=True)
class MissingIntegration:
    """A method that the emulator lacks, or has in a form in which it does not answer."""

    path: str
    method: str
    function: str
    """What the document's Sub names: ``<function>.Arn``, or an alias."""


def missing_integrations(document: Mapping[str, Any]) -> Iterator[MissingIntegration]:
    """What of SAM's OpenAPI document the emulator does not serve. Raises ValueError for an unknown URI."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            integration = operation[_INTEGRATION]
            if method == ANY_METHOD or integration.get("responseTransferMode") == "STREAM":
                name = "ANY" if method == ANY_METHOD else method.upper()
                yield MissingIntegration(path, name, _function(integration["uri"]["Fn::Sub"]))


def gateway_responses(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The arguments of PutGatewayResponse for each that SAM's OpenAPI document styles."""
    for kind, response in document[_GATEWAY_RESPONSES].items():
        yield {
            "responseType": kind,
            "statusCode": str(response["statusCode"]),
            "responseParameters": response.get("responseParameters", {}),
            "responseTemplates": response.get("responseTemplates", {}),
        }


def mend(
    api_gateway: Any, api_id: str, stage: str, document: Mapping[str, Any], function_arns: Mapping[str, str]
) -> None:
    """Add to the deployed API what the emulator left out, and deploy it to the stage anew.

    `api_gateway` is a boto3 client; `function_arns` are by what a Sub names them with.
    """
    resources = api_gateway.get_resources(restApiId=api_id, embed=["methods"], limit=500)["items"]
    by_path = {resource["path"]: resource for resource in resources}
    for missing in missing_integrations(document):
        resource = by_path[missing.path]
        method = {"restApiId": api_id, "resourceId": resource["id"], "httpMethod": missing.method}
        if missing.method not in resource.get("resourceMethods", {}):
            api_gateway.put_method(**method, authorizationType="NONE")
        api_gateway.put_integration(
            **method,
            type="AWS_PROXY",
            integrationHttpMethod="POST",
            uri=_buffered_uri(function_arns[missing.function]),
        )
    for response in gateway_responses(document):
        api_gateway.put_gateway_response(restApiId=api_id, **response)
    api_gateway.create_deployment(restApiId=api_id, stageName=stage)


def _function(uri: str) -> str:
    named = re.search(r"/functions/\$\{([\w.]+)\}/", uri)
    if named is None:
        raise ValueError(f"no function in the integration's URI {uri!r}")
    return named[1]


def _buffered_uri(function_arn: str) -> str:
    region = function_arn.split(":")[3]
    return f"arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{function_arn}/invocations"

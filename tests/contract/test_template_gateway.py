"""What API Gateway and AWS WAF do by themselves: their errors, their logs, their addresses."""

import json
import re

import pytest
from botocore.session import get_session

from local.template import load_template
from tests.contract.test_template import transformed

TEMPLATE = load_template()
(API,) = TEMPLATE.resources("AWS::Serverless::Api").values()

# Responses of API Gateway


@pytest.mark.parametrize(
    ("kind", "status", "code", "should_retry"),
    [
        ("MISSING_AUTHENTICATION_TOKEN", 404, "unknown_request", "'false'"),
        ("RESOURCE_NOT_FOUND", 404, "unknown_request", "'false'"),
        ("INVALID_SIGNATURE", 404, "unknown_request", "'false'"),
        ("REQUEST_TOO_LARGE", 400, "invalid_request", "'false'"),
        ("UNSUPPORTED_MEDIA_TYPE", 400, "invalid_request", "'false'"),
        ("WAF_FILTERED", 400, "invalid_request", "'false'"),
        ("DEFAULT_4XX", 400, "invalid_request", "'false'"),
        ("THROTTLED", 429, "rate_limited", "'true'"),
        ("QUOTA_EXCEEDED", 429, "rate_limited", "'true'"),
        ("DEFAULT_5XX", 500, "internal_error", "'true'"),
        ("INTEGRATION_TIMEOUT", 504, "timeout", "'true'"),
    ],
)
def test_an_error_of_the_gateway_uses_the_apis_error_format(
    kind: str, status: int, code: str, should_retry: str
) -> None:
    response = TEMPLATE.gateway_responses[kind]
    error = json.loads(response.body)["error"]
    assert (response.status, error["code"], response.headers["X-Should-Retry"]) == (
        status,
        code,
        should_retry,
    )
    assert error["request_id"] == "$context.requestId"
    assert response.headers["X-Request-Id"] == "context.requestId"
    assert response.headers["Content-Type"] == "'application/json'"
    assert ("Retry-After" in response.headers) == (status == 429)


def test_no_error_of_the_gateway_quotes_the_request() -> None:
    """API Gateway's own texts do. A type without an entry uses that of DEFAULT_4XX or DEFAULT_5XX.

    Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
    """
    responses = TEMPLATE.gateway_responses
    kinds = get_session().get_service_model("apigateway").shape_for("GatewayResponseType").enum
    assert {"DEFAULT_4XX", "DEFAULT_5XX"} <= responses.keys() <= set(kinds)
    for kind, response in responses.items():
        assert re.findall(r"\$[\w.]+", response.body) == ["$context.requestId"], kind
        varying = {value for value in response.headers.values() if not re.fullmatch("'[^']*'", value)}
        assert varying == {"context.requestId"}, kind


def test_the_access_log_contains_neither_a_token_nor_a_path_of_the_callers() -> None:
    line = json.loads(API["AccessLogSetting"]["Format"])
    assert {"request_id", "status", "resource", "error_type"} <= line.keys()
    assert all(value.startswith("$context.") for value in line.values())
    # Both can quote the caller: the path is any text, and an error's message the Authorization header.
    for variable in ("$context.path", "$context.error.message", "$context.error.validationErrorString"):
        assert not any(value.startswith(variable) for value in line.values())


def test_the_log_of_waf_contains_neither_a_token_nor_the_name_of_a_result() -> None:
    (logging,) = TEMPLATE.resources("AWS::WAFv2::LoggingConfiguration").values()
    headers = [{"SingleHeader": {"Name": name}} for name in ("authorization", "x-api-key", "bearer")]
    assert logging["RedactedFields"] == [*headers, {"UriPath": {}}]


# Addresses


def test_the_api_is_reached_by_ipv6_wherever_a_record_says_so() -> None:
    (domain,) = TEMPLATE.resources("AWS::ApiGateway::DomainName").values()
    (socket_domain,) = TEMPLATE.resources("AWS::ApiGatewayV2::DomainName").values()
    (socket_api,) = TEMPLATE.resources("AWS::ApiGatewayV2::Api").values()
    for records in TEMPLATE.resources("AWS::Route53::RecordSetGroup").values():
        assert [record["Type"] for record in records["RecordSets"]] == ["A", "AAAA"]
    (socket_host,) = socket_domain["DomainNameConfigurations"]
    assert socket_api["IpAddressType"] == socket_host["IpAddressType"] == "dualstack"
    assert domain["EndpointConfiguration"] == {"Types": ["REGIONAL"], "IpAddressType": "dualstack"}
    (api,) = (
        each["Properties"] for each in transformed().values() if each["Type"] == "AWS::ApiGateway::RestApi"
    )
    assert api["EndpointConfiguration"] == {"Types": ["REGIONAL"], "IpAddressType": "dualstack"}

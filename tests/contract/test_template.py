"""What a deployment of the template can rely on."""

import importlib
import json
import re
from collections import defaultdict
from typing import Any

import boto3
import pytest
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from local.template import PROJECT, load_template

TEMPLATE = load_template()
RESOURCES = TEMPLATE.document["Resources"]
FUNCTIONS = TEMPLATE.resources("AWS::Serverless::Function")
IMAGE_FUNCTIONS = ["GenerateImageFunction", "EditImageFunction"]
IMAGE_PATHS = ["/v1/images/generations", "/v1/images/edits"]
CLIENT_TIMEOUT_SECONDS = 300
every_function = pytest.mark.parametrize("function_id", FUNCTIONS)


def transformed(**parameters: str) -> dict[str, Any]:
    """The resources that SAM makes of the template."""
    document = yaml_parse((PROJECT / "template.yaml").read_text())
    for resource in document["Resources"].values():
        for name in {"CodeUri", "ContentUri"} & resource.get("Properties", {}).keys():
            resource["Properties"][name] = "s3://built/code"
    session = boto3.Session(region_name="us-east-1")
    given = TEMPLATE.default_parameters() | parameters
    return Translator({}, Parser(), boto_session=session).translate(document, given)["Resources"]


@pytest.fixture(scope="module")
def deployed() -> dict[str, Any]:
    return transformed()


def routes() -> list[tuple[str, str, str]]:
    """The path, the method and the function of each route."""
    return [(route.path, route.method.lower(), route.function_id) for route in TEMPLATE.routes]


def is_layered(function_id: str) -> bool:
    return {"Ref": "StreamingLayer"} in FUNCTIONS[function_id].get("Layers", [])


def of_kind(resources: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: each["Properties"] for name, each in resources.items() if each["Type"] == kind}


# Functions


@every_function
def test_requests_reach_a_published_version_that_is_never_deleted(
    deployed: dict[str, Any], function_id: str
) -> None:
    (version_id,) = [
        name
        for name, each in of_kind(deployed, "AWS::Lambda::Version").items()
        if each["FunctionName"] == {"Ref": function_id}
    ]
    alias = deployed[f"{function_id}Aliaslive"]["Properties"]
    assert alias["FunctionVersion"] == {"Fn::GetAtt": [version_id, "Version"]}
    assert deployed[version_id]["DeletionPolicy"] == deployed[version_id]["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize("function_id", sorted({route.function_id for route in TEMPLATE.routes}))
def test_a_function_times_out_before_the_gateway(function_id: str) -> None:
    own_routes = [route for route in TEMPLATE.routes if route.function_id == function_id]
    gateway_seconds = min(route.integration_timeout_seconds for route in own_routes)
    assert TEMPLATE.functions[function_id].timeout_seconds + 5 <= gateway_seconds < CLIENT_TIMEOUT_SECONDS


def test_the_responses_of_functions_with_images_are_streamed(deployed: dict[str, Any]) -> None:
    (api,) = of_kind(deployed, "AWS::ApiGateway::RestApi").values()
    streamed = {
        (path, method)
        for path, operations in api["Body"]["paths"].items()
        for method, operation in operations.items()
        if operation["x-amazon-apigateway-integration"].get("responseTransferMode") == "STREAM"
    }
    layered = {(path, method) for path, method, function_id in routes() if is_layered(function_id)}
    assert streamed == layered >= {(path, "post") for path in IMAGE_PATHS}


def test_a_function_has_the_streaming_layer_where_its_wrapper_is_set() -> None:
    layered = set(filter(is_layered, FUNCTIONS))
    wrapped = {name for name, own in TEMPLATE.functions.items() if "AWS_LAMBDA_EXEC_WRAPPER" in own.variables}
    assert layered == wrapped >= set(IMAGE_FUNCTIONS)


def test_every_variable_that_the_settings_read_is_set_and_no_other() -> None:
    read = set(re.findall(r'"(IMAGINEART_[A-Z_]+)"', (PROJECT / "shared/imagineart/settings.py").read_text()))
    variables = {name for own in TEMPLATE.functions.values() for name in own.variables}
    assert {name for name in variables if name.startswith("IMAGINEART_")} == read


@pytest.mark.parametrize("function_id", ["HealthFunction", "UnknownRequestFunction"])
def test_a_function_without_authentication_has_no_layer_settings_or_permission(function_id: str) -> None:
    assert not {"Layers", "Environment"} & FUNCTIONS[function_id].keys()
    assert "ManagedPolicyArns" not in RESOURCES[f"{function_id}Role"]["Properties"]


def test_only_functions_that_make_images_may_read_the_backends_credentials() -> None:
    roles = of_kind(RESOURCES, "AWS::IAM::Role")
    allowed = {
        name
        for name, own in FUNCTIONS.items()
        if {"Ref": "BackendAccessPolicy"}
        in roles[own["Role"]["Fn::GetAtt"].removesuffix(".Arn")].get("ManagedPolicyArns", [])
    }
    policies = of_kind(RESOURCES, "AWS::IAM::ManagedPolicy")
    granting = [name for name, policy in policies.items() if "BackendCredentialSecret" in str(policy)]
    assert (allowed, granting) == ({*IMAGE_FUNCTIONS, "RunJobFunction"}, ["BackendAccessPolicy"])


def test_a_request_may_change_only_the_revocation_and_last_use_of_a_token() -> None:
    statements = RESOURCES["CallerAccessPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    (allowed,) = [each for each in statements if each["Sid"] == "MarkToken"]
    changeable = {"dynamodb:Attributes": ["key", "revoked_at", "last_used_on"]}
    assert allowed["Condition"]["ForAllValues:StringEquals"] == changeable


def test_snapshots_are_for_the_image_functions_which_are_called_daily_where_they_are_on() -> None:
    assert [name for name, own in FUNCTIONS.items() if "SnapStart" in own] == IMAGE_FUNCTIONS
    for function_id, path in zip(IMAGE_FUNCTIONS, IMAGE_PATHS, strict=True):
        call = FUNCTIONS[function_id]["Events"]["DailyCall"]["Properties"]
        assert call["State"] == {"Fn::If": ["UsesSnapStart", "ENABLED", "DISABLED"]}
        assert json.loads(call["Input"])["path"] == path


def test_a_message_stays_invisible_for_as_long_as_lambda_recommends() -> None:
    """Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"""
    queues = TEMPLATE.resources("AWS::SQS::Queue")
    for source in TEMPLATE.event_sources:
        timeout_seconds = TEMPLATE.functions[source.function_id].timeout_seconds
        assert queues[source.queue_id]["VisibilityTimeout"] >= 6 * timeout_seconds
        assert source.reports_failures
        assert source.batch_size == 1


# Routes


def test_the_404_response_names_the_methods_of_every_path() -> None:
    methods: dict[str, set[str]] = defaultdict(set)
    for route in TEMPLATE.routes:
        if route.method != "ANY":
            methods[route.path].add(route.method)
    handler = importlib.import_module("functions.unknown_request.handler")
    assert {path: set(each.split(", ")) for path, each in handler.METHODS_BY_RESOURCE.items()} == methods


def test_every_other_request_reaches_the_function_for_unknown_requests() -> None:
    caught = {route.path for route in TEMPLATE.routes if route.method == "ANY"}
    assert caught == {route.path for route in TEMPLATE.routes} >= {"/", "/{proxy+}"}


# Responses of API Gateway


@pytest.mark.parametrize(
    ("kind", "status", "code", "should_retry"),
    [
        ("MISSING_AUTHENTICATION_TOKEN", 404, "unknown_request", "'false'"),
        ("RESOURCE_NOT_FOUND", 404, "unknown_request", "'false'"),
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
    # API Gateway inserts messageString with its quotes, and every other variable without.
    error = json.loads(response.body.replace("$context.error.messageString", '"text"'))["error"]
    assert (response.status, error["code"], response.headers["X-Should-Retry"]) == (
        status,
        code,
        should_retry,
    )
    assert error["request_id"] == "$context.requestId"
    assert response.headers["X-Request-Id"] == "context.requestId"
    assert response.headers["Content-Type"] == "'application/json'"
    assert ("Retry-After" in response.headers) == (status == 429)


def test_the_access_log_contains_no_token() -> None:
    line = json.loads(RESOURCES["Api"]["Properties"]["AccessLogSetting"]["Format"])
    assert {"request_id", "status", "path", "error_type"} <= line.keys()
    assert "$context.error.message" not in line.values(), "it can quote the Authorization header"


# Data

STORES = {
    name
    for name, each in RESOURCES.items()
    if each["Type"].partition("::")[2]
    in (
        "DynamoDB::Table",
        "S3::Bucket",
        "SQS::Queue",
        "SNS::Topic",
        "SecretsManager::Secret",
        "Logs::LogGroup",
    )
}


@pytest.mark.parametrize("name", sorted(STORES))
def test_everything_that_stores_data_can_be_encrypted_with_the_stacks_key(name: str) -> None:
    assert "'Fn::If': ['UsesOwnKey'" in str(RESOURCES[name]["Properties"])
    assert "DataKey" in str(RESOURCES[name]["Properties"])


@pytest.mark.parametrize("name", [n for n in sorted(STORES) if n.endswith(("Bucket", "Queue", "Topic"))])
def test_buckets_queues_and_topics_refuse_requests_without_tls(name: str) -> None:
    statements = RESOURCES[f"{name}Policy"]["Properties"]["PolicyDocument"]["Statement"]
    (denial,) = [each for each in statements if each["Effect"] == "Deny"]
    assert denial["Principal"] == "*"
    assert denial["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize(
    "name", ["TokensTable", "ConsumersTable", "UsageTable", "PepperSecret", "InternalTokensSecret", "DataKey"]
)
def test_deleting_the_stack_keeps_tokens_consumers_and_usage(name: str) -> None:
    assert RESOURCES[name]["DeletionPolicy"] == RESOURCES[name]["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("TokensTable", "purge_at"),
        ("UsageTable", "expires_at"),
        ("IdempotencyTable", "expiration"),
        ("JobsTable", "expires_at"),
    ],
)
def test_expired_items_are_deleted(name: str, attribute: str) -> None:
    setting = RESOURCES[name]["Properties"]["TimeToLiveSpecification"]
    assert setting == {"AttributeName": attribute, "Enabled": True}


@pytest.mark.parametrize(
    ("name", "days"), [("UploadsBucket", 1), ("IdempotencyBucket", 2), ("JobsBucket", 31)]
)
def test_objects_are_deleted_after_days(name: str, days: int) -> None:
    (rule,) = RESOURCES[name]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", days)
    assert not {"Prefix", "Filter", "TagFilters"} & rule.keys()


def test_the_pepper_is_generated_with_256_bits_and_no_secret_has_a_value() -> None:
    secrets = of_kind(RESOURCES, "AWS::SecretsManager::Secret")
    pepper = secrets["PepperSecret"]["GenerateSecretString"]
    assert json.loads(pepper["SecretStringTemplate"])["current"] == pepper["GenerateStringKey"]
    assert pepper["PasswordLength"] >= 43
    assert not any(any(json.loads(each.get("SecretString", "{}")).values()) for each in secrets.values())


def test_the_outputs_name_the_resources_that_the_command_line_reads() -> None:
    for name in ("TokensTable", "ConsumersTable", "UsageTable", "PepperSecret", "InternalTokensSecret"):
        assert TEMPLATE.document["Outputs"][name]["Value"] == {"Ref": name}

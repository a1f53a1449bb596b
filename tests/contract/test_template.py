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

from imagineart.results.model import MAX_RESULT_LIFE_SECONDS
from imagineart.webhooks.model import ATTEMPT_SECONDS, LEASE_SECONDS
from local.template import DEFAULT_INTEGRATION_TIMEOUT_MS, PROJECT, load_template

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
    any_method = {"any": "x-amazon-apigateway-any-method"}
    layered = {
        (path, any_method.get(method, method))
        for path, method, function_id in routes()
        if is_layered(function_id)
    }
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


def test_the_function_without_authentication_that_reads_data_reads_results_alone() -> None:
    role = RESOURCES["ServeResultFunctionRole"]["Properties"]
    assert role["ManagedPolicyArns"] == [{"Ref": "ResultReadPolicy"}]


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
    assert (allowed, granting) == (
        {*IMAGE_FUNCTIONS, "RunwareFunction", "ImagineFunction", "RunJobFunction"},
        ["BackendAccessPolicy"],
    )


def test_a_request_may_change_only_the_revocation_and_last_use_of_a_token() -> None:
    statements = RESOURCES["CallerAccessPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    (allowed,) = [each for each in statements if each["Sid"] == "MarkToken"]
    changeable = {"dynamodb:Attributes": ["key", "revoked_at", "last_used_on"]}
    assert allowed["Condition"]["ForAllValues:StringEquals"] == changeable


def test_imaginelab_changes_only_items_of_accounts_in_tables_that_begin_keys_with_the_consumer() -> None:
    shared = [{"Fn::GetAtt": f"{name}Table.Arn"} for name in ("Consumers", "Usage", "Jobs", "Webhooks")]
    bounds = [
        statement.get("Condition", {}).get("ForAllValues:StringLike")
        for name in ("AccountPolicy", "GenerationPolicy", "ErasurePolicy")
        for statement in RESOURCES[name]["Properties"]["PolicyDocument"]["Statement"]
        if statement["Resource"] in shared
    ]
    assert len(bounds) >= len(shared)
    assert all(bound == {"dynamodb:LeadingKeys": ["account-*"]} for bound in bounds)


def test_snapshots_are_for_the_image_functions_which_are_called_daily_where_they_are_on() -> None:
    assert [name for name, own in FUNCTIONS.items() if "SnapStart" in own] == IMAGE_FUNCTIONS
    for function_id, path in zip(IMAGE_FUNCTIONS, IMAGE_PATHS, strict=True):
        call = FUNCTIONS[function_id]["Events"]["DailyCall"]["Properties"]
        assert call["State"] == {"Fn::If": ["UsesSnapStart", "ENABLED", "DISABLED"]}
        assert json.loads(call["Input"])["path"] == path


def test_the_lease_of_an_attempt_outlasts_its_function() -> None:
    timeout = TEMPLATE.functions["DeliverWebhookFunction"].timeout_seconds
    assert ATTEMPT_SECONDS < timeout < LEASE_SECONDS


def test_no_deployed_function_reaches_loopback() -> None:
    given = [own.variables.get("IMAGINEART_REACH_LOOPBACK", "false") for own in TEMPLATE.functions.values()]
    assert set(given) == {"false"}


def test_a_message_stays_invisible_for_as_long_as_lambda_recommends() -> None:
    """Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"""
    queues = TEMPLATE.resources("AWS::SQS::Queue")
    for source in TEMPLATE.event_sources:
        timeout_seconds = TEMPLATE.functions[source.function_id].timeout_seconds
        assert queues[source.queue_id]["VisibilityTimeout"] >= 6 * timeout_seconds
        assert source.reports_failures
        assert source.batch_size == 1


# The WebSocket API


def test_the_websocket_api_runs_nothing_before_a_client_sends_a_message() -> None:
    routes = [route["RouteKey"] for route in TEMPLATE.resources("AWS::ApiGatewayV2::Route").values()]
    assert routes == ["$default"]
    (stage,) = TEMPLATE.resources("AWS::ApiGatewayV2::Stage").values()
    assert {"ThrottlingRateLimit", "ThrottlingBurstLimit"} <= stage["DefaultRouteSettings"].keys()


def test_the_function_of_messages_times_out_before_the_gateway() -> None:
    function = TEMPLATE.functions[TEMPLATE.websocket_function]
    assert 1000 * (function.timeout_seconds + 5) <= DEFAULT_INTEGRATION_TIMEOUT_MS


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


def test_what_a_deleted_stack_leaves_is_deleted_with_a_first_deployment_that_fails(
    deployed: dict[str, Any],
) -> None:
    policies = {
        name: (each["DeletionPolicy"], each["UpdateReplacePolicy"])
        for name, each in deployed.items()
        if name in RESOURCES and each.get("DeletionPolicy", "Delete") != "Delete"
    }
    # A rollback does not restore the account's setting, which names the role.
    assert policies.pop("ApiGatewayLogsRole") == ("Retain", "Retain")
    assert set(policies.values()) == {("RetainExceptOnCreate", "Retain")}
    kept = {
        "TokensTable", "ConsumersTable", "ModelsTable", "WebhooksTable",
        "PepperSecret", "InternalTokensSecret", "WebhookSecret", "DataKey",
        "AccountsTable", "CreditsTable", "SessionSecret",
    }  # fmt: skip
    assert kept <= policies.keys()


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("TokensTable", "purge_at"),
        ("UsageTable", "expires_at"),
        ("IdempotencyTable", "expiration"),
        ("JobsTable", "expires_at"),
        ("ConnectionsTable", "expires_at"),
        ("WebhooksTable", "expires_at"),
        ("AccountsTable", "expires_at"),
    ],
)
def test_expired_items_are_deleted(name: str, attribute: str) -> None:
    setting = RESOURCES[name]["Properties"]["TimeToLiveSpecification"]
    assert setting == {"AttributeName": attribute, "Enabled": True}


@pytest.mark.parametrize(
    ("name", "days"),
    [
        ("UploadsBucket", 1),
        ("IdempotencyBucket", 2),
        ("ResultsBucket", MAX_RESULT_LIFE_SECONDS // 86_400),
        ("JobsBucket", 31),
    ],
)
def test_objects_are_deleted_after_days(name: str, days: int) -> None:
    (rule,) = RESOURCES[name]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", days)
    assert not {"Prefix", "Filter", "TagFilters"} & rule.keys()


def test_what_generates_a_secret_never_changes() -> None:
    """CloudFormation generates the value again when the block changes, and a new pepper ends every token."""
    generated_with = {
        "SecretStringTemplate": '{"current": "1"}',
        "GenerateStringKey": "1",
        "PasswordLength": 64,
        "ExcludePunctuation": True,
    }
    secrets = of_kind(RESOURCES, "AWS::SecretsManager::Secret")
    generated = {
        name: each["GenerateSecretString"] for name, each in secrets.items() if "SecretString" not in each
    }
    assert generated == dict.fromkeys(("PepperSecret", "WebhookSecret", "SessionSecret"), generated_with)


def test_no_secret_has_a_value_in_the_template() -> None:
    secrets = of_kind(RESOURCES, "AWS::SecretsManager::Secret")
    assert not any(any(json.loads(each.get("SecretString", "{}")).values()) for each in secrets.values())


def test_the_outputs_name_the_resources_that_the_command_line_reads() -> None:
    for name in (
        "TokensTable", "ConsumersTable", "ModelsTable", "UsageTable", "PepperSecret", "InternalTokensSecret",
        "WebhooksTable", "WebhooksQueue", "WebhookSecret", "AccountsTable", "CreditsTable",
        "SessionSecret",
    ):  # fmt: skip
        assert TEMPLATE.document["Outputs"][name]["Value"] == {"Ref": name}

"""What every deployment of this template can rely on."""

import importlib
import itertools
import json
import os
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from imagineart.domain.errors import ImagineArtError
from imagineart.domain.repeatable_answers import KEPT_SECONDS
from imagineart.domain.uploads import UPLOAD_LIFE_SECONDS, Upload
from imagineart.settings import (
    AccessSettings,
    BackendSettings,
    ImageSettings,
    TokenReviewSettings,
    UploadSettings,
)
from imagineart.web.errors import STATUS_BY_CODE
from local.template import PROJECT, Function, load_template
from tests.permissions import (
    Permission,
    granted_to,
    listed,
    own_statements_of,
    resource_text,
    statements_of,
)
from tooling.package import artefacts
from tooling.package.rules import ARCHITECTURES

TEMPLATE = load_template()
FUNCTIONS = TEMPLATE.resources("AWS::Serverless::Function")
OPEN_FUNCTIONS = ("HealthFunction", "UnknownRequestFunction")
IMAGE_FUNCTIONS = ("GenerateImageFunction", "EditImageFunction")
ACCOUNTING_FUNCTIONS = (*IMAGE_FUNCTIONS, "RequestUploadFunction", "ListModelsFunction")
IMAGE_PATHS = ("/v1/images/generations", "/v1/images/edits")
CLIENTS_PATIENCE_SECONDS = 300
SETTINGS = {
    "GenerateImageFunction": (AccessSettings, BackendSettings, ImageSettings),
    "EditImageFunction": (AccessSettings, BackendSettings, ImageSettings, UploadSettings),
    "RequestUploadFunction": (AccessSettings, UploadSettings),
    "ListModelsFunction": (AccessSettings,),
    "ReviewTokensFunction": (TokenReviewSettings,),
    "HealthFunction": (),
    "UnknownRequestFunction": (),
}
every_function = pytest.mark.parametrize("function_id", FUNCTIONS)
ANSWERING_FUNCTIONS = sorted({route.function_id for route in TEMPLATE.routes})


def only_api() -> dict[str, Any]:
    (properties,) = TEMPLATE.resources("AWS::Serverless::Api").values()
    return properties


# Functions


@pytest.mark.parametrize("function_id", OPEN_FUNCTIONS)
def test_a_function_open_to_anybody_has_no_layer_no_permission_and_no_settings(function_id: str) -> None:
    assert not {"Layers", "Environment"} & FUNCTIONS[function_id].keys()
    assert statements_of(function_id) == []


def test_what_all_functions_share_adds_nothing_to_the_open_ones() -> None:
    shared = TEMPLATE.document["Globals"]["Function"]
    assert not {"Layers", "Policies", "Role", "Environment"} & shared.keys()


@every_function
def test_a_function_keeps_its_logs_for_a_set_time(function_id: str) -> None:
    groups = TEMPLATE.resources("AWS::Logs::LogGroup")
    group = groups[FUNCTIONS[function_id]["LoggingConfig"]["LogGroup"]["Ref"]]
    assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_every_log_group_has_a_retention_and_one_writer() -> None:
    groups = TEMPLATE.resources("AWS::Logs::LogGroup")
    writers = [function["LoggingConfig"]["LogGroup"]["Ref"] for function in FUNCTIONS.values()]
    (firewall,) = TEMPLATE.resources("AWS::WAFv2::LoggingConfiguration").values()
    writers += [
        each["Fn::Sub"].rpartition(":${")[2].rstrip("}") for each in firewall["LogDestinationConfigs"]
    ]
    destination = only_api()["AccessLogSetting"]["DestinationArn"]["Fn::GetAtt"].partition(".")[0]
    assert sorted([*writers, destination]) == sorted(groups)
    assert all("RetentionInDays" in group for group in groups.values())


@every_function
def test_a_function_names_a_handler_that_exists(function_id: str) -> None:
    function = TEMPLATE.functions[function_id]
    module, _, attribute = function.handler.rpartition(".")
    assert re.search(
        rf"^(def {attribute}\b|{attribute} = )", (function.code / f"{module}.py").read_text(), re.M
    )


@pytest.mark.parametrize("function_id", ANSWERING_FUNCTIONS)
def test_a_function_gives_up_before_the_gateway_does(function_id: str) -> None:
    patience = [
        route.integration_timeout_seconds for route in TEMPLATE.routes if route.function_id == function_id
    ]
    assert TEMPLATE.functions[function_id].timeout_seconds < min(patience)


@pytest.mark.parametrize("function_id", IMAGE_FUNCTIONS)
def test_who_waits_longer_waits_at_least_five_seconds_longer(function_id: str) -> None:
    (route,) = [route for route in TEMPLATE.routes if route.function_id == function_id]
    timeouts = [
        TEMPLATE.functions[function_id].timeout_seconds,
        route.integration_timeout_seconds,
        CLIENTS_PATIENCE_SECONDS,
    ]
    assert all(longer - shorter >= 5 for shorter, longer in itertools.pairwise(timeouts))


# Streaming


def test_the_pictures_are_streamed_and_nothing_else_is() -> None:
    modes = {
        (event["Properties"]["Path"], event["Properties"]["Method"]): event["Properties"][
            "ResponseTransferMode"
        ]
        for function in FUNCTIONS.values()
        for event in function["Events"].values()
        if "ResponseTransferMode" in event["Properties"]
    }
    # SAM takes anything but this literal for a buffered integration and says nothing.
    assert modes == {(path, "POST"): "RESPONSE_STREAM" for path in IMAGE_PATHS}


def test_a_function_has_the_streaming_layer_where_the_wrapper_is_set() -> None:
    """It streams pictures, and lets every function count a request when it is answered."""
    layered = {name for name, own in FUNCTIONS.items() if {"Ref": "StreamingLayer"} in own.get("Layers", [])}
    wrapped = {
        name
        for name, function in TEMPLATE.functions.items()
        if function.variables.get("AWS_LAMBDA_EXEC_WRAPPER") == "/opt/streaming-wrapper"
    }
    named = {name for name, each in TEMPLATE.functions.items() if "AWS_LAMBDA_EXEC_WRAPPER" in each.variables}
    streamed = {route.function_id for route in TEMPLATE.routes if route.is_streamed}
    assert layered == wrapped == named == set(ACCOUNTING_FUNCTIONS)
    assert streamed == set(IMAGE_FUNCTIONS)


def test_a_function_that_streams_answers_no_buffered_route() -> None:
    assert all(route.is_streamed for route in TEMPLATE.routes if route.function_id in IMAGE_FUNCTIONS)


def test_the_layer_puts_the_wrapper_where_the_functions_look_for_it() -> None:
    layer = PROJECT / TEMPLATE.resources("AWS::Serverless::LayerVersion")["StreamingLayer"]["ContentUri"]
    assert os.access(layer / "streaming-wrapper", os.X_OK)
    assert (layer / "python" / "lambda_response_streaming" / "__main__.py").is_file()
    built = artefacts.layer(layer).files
    assert {"streaming-wrapper", "python/lambda_response_streaming/__main__.py"} <= built.keys()


# Building


def test_everything_is_built_by_the_projects_own_rules() -> None:
    """SAM's own ways ship what is not used, compile nothing, and do not check what they download."""
    built = {
        name: resource.get("Metadata", {})
        for name, resource in TEMPLATE.document["Resources"].items()
        if resource["Type"] in ("AWS::Serverless::Function", "AWS::Serverless::LayerVersion")
    }
    assert {"GenerateImageFunction", "DependenciesLayer"} <= built.keys()
    for name, metadata in built.items():
        assert metadata["BuildMethod"] == "makefile", name
        context = metadata["ContextPath"]
        if name == "DependenciesLayer":
            assert context == {"Fn::Sub": "tooling/package/${Architecture}"}
        else:
            assert context == "tooling/package", name


def test_there_is_a_makefile_for_every_processor_that_can_be_chosen() -> None:
    for architecture in TEMPLATE.document["Parameters"]["Architecture"]["AllowedValues"]:
        makefile = (PROJECT / "tooling" / "package" / architecture / "Makefile").read_text()
        assert f"dependencies {architecture} " in makefile
    assert TEMPLATE.document["Parameters"]["Architecture"]["AllowedValues"] == list(ARCHITECTURES)


def test_sam_caches_nothing_that_it_cannot_know_to_be_stale() -> None:
    config = tomllib.loads((PROJECT / "samconfig.toml").read_text())
    assert not any(
        block.get("build", {}).get("parameters", {}).get("cached")
        for block in config.values()
        if isinstance(block, dict)
    )
    assert "build --no-cached" in (PROJECT / "Makefile").read_text()


Integration = dict[str, Any]


@pytest.fixture(scope="module")
def integrations() -> dict[tuple[str, str], Integration]:
    """What SAM makes of the template: the integration of every path and method."""
    document = yaml_parse((PROJECT / "template.yaml").read_text())
    for resource in document["Resources"].values():
        for name in {"CodeUri", "ContentUri"} & resource.get("Properties", {}).keys():
            resource["Properties"][name] = "s3://built/elsewhere"
    session = boto3.Session(region_name="us-east-1")
    translated = Translator({}, Parser(), boto_session=session).translate(document, {})
    (api,) = [
        resource["Properties"]["Body"]
        for resource in translated["Resources"].values()
        if resource["Type"] == "AWS::ApiGateway::RestApi"
    ]
    return {
        (path, method): operation["x-amazon-apigateway-integration"]
        for path, operations in api["paths"].items()
        for method, operation in operations.items()
    }


@pytest.mark.parametrize("path", IMAGE_PATHS)
def test_what_is_deployed_streams_a_picture(
    integrations: dict[tuple[str, str], Integration], path: str
) -> None:
    integration = integrations[path, "post"]
    assert integration["uri"]["Fn::Sub"].endswith("/response-streaming-invocations")
    assert "/2021-11-15/functions/" in integration["uri"]["Fn::Sub"]
    assert integration["responseTransferMode"] == "STREAM"
    assert integration["timeoutInMillis"] == 290_000


def test_what_is_deployed_buffers_everything_else(
    integrations: dict[tuple[str, str], Integration],
) -> None:
    buffered = {
        key: each for key, each in integrations.items() if key not in [(p, "post") for p in IMAGE_PATHS]
    }
    assert {("/v1/models", "get"), ("/v1/uploads", "post"), ("/health", "get")} <= buffered.keys()
    for integration in buffered.values():
        assert integration["uri"]["Fn::Sub"].endswith("FunctionAliaslive}/invocations")
        assert {"responseTransferMode", "timeoutInMillis"}.isdisjoint(integration)


# Settings


class RecordingMapping(dict[str, str]):
    """Has every variable, and remembers which were asked for."""

    def get(self, key: str, default: Any = None) -> Any:
        self[key] = "true" if key == "IMAGINEART_LOG_PROMPTS" else "bedrock us-west-2 a-model"
        return self[key]


def variables_read_by(*settings: Any) -> set[str]:
    environment = RecordingMapping()
    for kind in settings:
        kind.from_mapping(environment)
    return {name for name in environment if not name.startswith("AWS_")}


def own_variables(function: Function) -> set[str]:
    return {name for name in function.variables if not name.startswith(("POWERTOOLS_", "AWS_LAMBDA_"))}


@every_function
def test_a_function_is_given_exactly_the_settings_it_reads(function_id: str) -> None:
    assert own_variables(TEMPLATE.functions[function_id]) == variables_read_by(*SETTINGS[function_id])


def test_the_settings_that_functions_read_are_counted() -> None:
    kinds = (AccessSettings, BackendSettings, UploadSettings, ImageSettings)
    assert [len(variables_read_by(kind)) for kind in kinds] == [5, 2, 1, 3]


@pytest.mark.parametrize("function_id", [name for name in FUNCTIONS if name not in OPEN_FUNCTIONS])
def test_a_function_that_logs_has_a_service_name_of_its_own(function_id: str) -> None:
    variables = TEMPLATE.functions[function_id].variables
    assert variables["POWERTOOLS_SERVICE_NAME"] == TEMPLATE.functions[function_id].code.name
    assert variables["POWERTOOLS_LOG_LEVEL"] == {"Ref": "LogLevel"}


# Permissions


@every_function
def test_a_function_has_a_role_of_its_own_and_writes_to_its_own_logs_alone(function_id: str) -> None:
    users = [name for name in FUNCTIONS if FUNCTIONS[name]["Role"] == FUNCTIONS[function_id]["Role"]]
    assert users == [function_id]
    logs = FUNCTIONS[function_id]["LoggingConfig"]["LogGroup"]["Ref"]
    statement, *others = own_statements_of(function_id)
    assert statement["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert statement["Resource"] == {"Fn::GetAtt": f"{logs}.Arn"}
    queue = FUNCTIONS[function_id].get("DeadLetterQueue")
    kept = [(each["Action"], each["Resource"]) for each in others]
    assert kept == ([("sqs:SendMessage", queue["TargetArn"])] if queue else [])


WILDCARD_RESOURCES = {
    "${UploadsBucket.Arn}/uploads/*",
    "${AnswersBucket.Arn}/answers/*",
    "arn:${AWS::Partition}:bedrock:*::foundation-model/stability.*",
    "arn:${AWS::Partition}:bedrock:*:${AWS::AccountId}:inference-profile/us.stability.*",
}
STATEMENTS = [
    pytest.param(statement, id=f"{name}-{statement.get('Sid')}")
    for name, policy in TEMPLATE.resources("AWS::IAM::ManagedPolicy").items()
    for statement in policy["PolicyDocument"]["Statement"]
]
each_statement = pytest.mark.parametrize("statement", STATEMENTS)


@each_statement
def test_a_policy_allows_named_actions_alone(statement: dict[str, Any]) -> None:
    assert (statement["Effect"], {"NotAction", "NotResource"} & statement.keys()) == ("Allow", set())
    assert all(":" in action and "*" not in action for action in listed(statement["Action"]))


@each_statement
def test_a_policy_reaches_resources_of_the_template_alone(statement: dict[str, Any]) -> None:
    for resource in map(resource_text, listed(statement["Resource"])):
        named = re.match(r"\$\{(\w+)", resource)
        is_own = named is not None and named[1] in TEMPLATE.document["Resources"]
        assert is_own or resource in WILDCARD_RESOURCES


def test_uploads_are_kept_where_the_functions_may_reach_them() -> None:
    kept = Upload("upl_x", "acme", 0).key
    assert kept == "uploads/acme/upl_x"
    needed = Permission("s3:PutObject", f"${{UploadsBucket.Arn}}/{kept}")
    assert any(own.covers(needed) for own in granted_to("RequestUploadFunction"))


def test_a_request_may_change_nothing_of_a_token_but_its_marks() -> None:
    (statement,) = [
        each
        for each in statements_of("ListModelsFunction")
        if "dynamodb:UpdateItem" in listed(each["Action"])
        and each["Resource"] == {"Fn::GetAtt": "TokensTable.Arn"}
    ]
    assert statement["Condition"] == {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["token#*"]},
        "ForAllValues:StringEquals": {"dynamodb:Attributes": ["key", "revoked_at", "last_used_on"]},
    }


def test_only_the_image_functions_may_read_the_backends_credential() -> None:
    readers = {
        function_id
        for function_id in FUNCTIONS
        for statement in statements_of(function_id)
        if {"Ref": "BackendCredentialSecret"} in listed(statement["Resource"])
    }
    assert readers == set(IMAGE_FUNCTIONS)


# Routes


def test_the_404_answer_knows_every_route_of_the_template() -> None:
    methods: dict[str, set[str]] = defaultdict(set)
    for route in TEMPLATE.routes:
        if route.method != "ANY":
            methods[route.path].add(route.method)
    told = importlib.import_module("functions.unknown_request.handler").METHODS_BY_PATH
    assert {path: set(allowed.split(", ")) for path, allowed in told.items()} == methods


def test_no_request_is_left_to_the_gateways_own_404() -> None:
    caught = {
        route.path
        for route in TEMPLATE.routes
        if (route.method, route.function_id) == ("ANY", "UnknownRequestFunction")
    }
    assert caught == {route.path for route in TEMPLATE.routes} >= {"/", "/{proxy+}"}


def test_every_body_reaches_the_functions_as_bytes() -> None:
    assert only_api()["BinaryMediaTypes"] == ["*/*"]


def test_the_whole_api_is_throttled_and_leaves_access_logs() -> None:
    (settings,) = only_api()["MethodSettings"]
    assert (settings["ResourcePath"], settings["HttpMethod"]) == ("/*", "*")
    assert {"ThrottlingRateLimit", "ThrottlingBurstLimit"} <= settings.keys()
    line = json.loads(only_api()["AccessLogSetting"]["Format"])
    assert {"request_id", "status", "path", "error_type"} <= line.keys()
    assert not any("authorization" in value.lower() for value in line.values())


# Gateway responses

GATEWAY_FAILURES = {
    "MISSING_AUTHENTICATION_TOKEN": "unknown_request",
    "RESOURCE_NOT_FOUND": "unknown_request",
    "REQUEST_TOO_LARGE": "invalid_request",
    "UNSUPPORTED_MEDIA_TYPE": "invalid_request",
    "THROTTLED": "rate_limited",
    "QUOTA_EXCEEDED": "rate_limited",
    "WAF_FILTERED": "invalid_request",
    "INTEGRATION_TIMEOUT": "timeout",
    "DEFAULT_4XX": "invalid_request",
    "DEFAULT_5XX": "internal_error",
}


def test_the_gateways_own_failures_are_all_restyled() -> None:
    assert TEMPLATE.gateway_responses.keys() == GATEWAY_FAILURES.keys()


@pytest.mark.parametrize("kind", GATEWAY_FAILURES)
def test_a_failure_of_the_gateway_wears_the_envelope(kind: str) -> None:
    response = TEMPLATE.gateway_responses[kind]
    # API Gateway puts messageString in with its quotes, every other variable without.
    body = response.body.replace("$context.error.messageString", '"text"')
    error = json.loads(body)["error"]
    assert json.loads(body).keys() == {"error"}
    assert error.keys() == {"code", "message", "request_id"}
    assert error["code"] == GATEWAY_FAILURES[kind]
    assert response.status == STATUS_BY_CODE[error["code"]]
    assert error["request_id"] == "$context.requestId"
    assert response.headers["X-Request-Id"] == "context.requestId"
    assert response.headers["Content-Type"] == "'application/json'"
    retryable = any(each.retryable for each in coded_errors() if each.code == error["code"])
    assert response.headers["X-Should-Retry"] == ("'true'" if retryable else "'false'")


def coded_errors(error_class: type[ImagineArtError] = ImagineArtError) -> Iterator[type[ImagineArtError]]:
    """Every class of the tree that has a public code."""
    if hasattr(error_class, "code"):
        yield error_class
    for child in error_class.__subclasses__():
        yield from coded_errors(child)


def test_whoever_sends_too_much_is_told_where_to_send_it() -> None:
    assert "POST /v1/uploads" in TEMPLATE.gateway_responses["REQUEST_TOO_LARGE"].body


@pytest.mark.parametrize("kind", [kind for kind, code in GATEWAY_FAILURES.items() if code == "rate_limited"])
def test_a_throttled_caller_is_told_when_to_come_back(kind: str) -> None:
    assert int(TEMPLATE.gateway_responses[kind].headers["Retry-After"].strip("'")) >= 1


# Data


@pytest.mark.parametrize("table", TEMPLATE.resources("AWS::DynamoDB::Table"))
def test_a_table_is_encrypted_recoverable_and_paid_by_use(table: str) -> None:
    properties = TEMPLATE.resources("AWS::DynamoDB::Table")[table]
    own_key = {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": {"Fn::GetAtt": "DataKey.Arn"}}
    assert properties["SSESpecification"] == {"Fn::If": ["UsesOwnKey", own_key, {"SSEEnabled": True}]}
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["BillingMode"] == "PAY_PER_REQUEST"


@pytest.mark.parametrize(
    ("name", "attribute"),
    [("TokensTable", "purge_at"), ("UsageTable", "expires_at"), ("AnswersTable", "expiration")],
)
def test_what_is_over_is_swept(name: str, attribute: str) -> None:
    table = TEMPLATE.resources("AWS::DynamoDB::Table")[name]
    assert table["TimeToLiveSpecification"] == {"AttributeName": attribute, "Enabled": True}


@pytest.mark.parametrize(
    "name", ["TokensTable", "ConsumersTable", "UsageTable", "PepperSecret", "InternalTokensSecret"]
)
def test_deleting_the_stack_ends_no_token_and_loses_no_account(name: str) -> None:
    resource = TEMPLATE.document["Resources"][name]
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")


@pytest.mark.parametrize("name", TEMPLATE.resources("AWS::SecretsManager::Secret"))
def test_the_template_holds_no_secret_itself(name: str) -> None:
    properties = TEMPLATE.resources("AWS::SecretsManager::Secret")[name]
    if rule := properties.get("GenerateSecretString"):
        assert rule["PasswordLength"] >= 43, "256 bits of letters and digits"
    else:
        assert not any(json.loads(properties["SecretString"]).values())


def test_the_pepper_is_generated() -> None:
    pepper = TEMPLATE.resources("AWS::SecretsManager::Secret")["PepperSecret"]["GenerateSecretString"]
    assert json.loads(pepper["SecretStringTemplate"])["current"] == pepper["GenerateStringKey"]


each_bucket = pytest.mark.parametrize("name", TEMPLATE.resources("AWS::S3::Bucket"))


def bucket(name: str) -> dict[str, Any]:
    properties: dict[str, Any] = TEMPLATE.resources("AWS::S3::Bucket")[name]
    return properties


@each_bucket
def test_a_bucket_is_private(name: str) -> None:
    assert bucket(name)["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    }
    assert bucket(name)["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert not {"AccessControl", "CorsConfiguration", "WebsiteConfiguration"} & bucket(name).keys()


@each_bucket
def test_a_bucket_is_encrypted(name: str) -> None:
    (rule,) = bucket(name)["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    own_key = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": {"Fn::GetAtt": "DataKey.Arn"}}
    assert rule["ServerSideEncryptionByDefault"] == {
        "Fn::If": ["UsesOwnKey", own_key, {"SSEAlgorithm": "AES256"}]
    }


@pytest.mark.parametrize(
    ("name", "days", "life_seconds"),
    [("UploadsBucket", 1, UPLOAD_LIFE_SECONDS), ("AnswersBucket", 2, KEPT_SECONDS)],
)
def test_a_bucket_forgets_what_is_over_and_nothing_before(name: str, days: int, life_seconds: int) -> None:
    (rule,) = bucket(name)["LifecycleConfiguration"]["Rules"]
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", days)
    assert not {"Prefix", "Filter", "TagFilters"} & rule.keys()
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert "VersioningConfiguration" not in bucket(name), "a version would outlive the day"
    assert life_seconds < days * 86_400


@each_bucket
def test_a_bucket_is_spoken_to_over_tls_only(name: str) -> None:
    policy = TEMPLATE.resources("AWS::S3::BucketPolicy")[f"{name}Policy"]
    assert policy["Bucket"] == {"Ref": name}
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == [{"Fn::GetAtt": f"{name}.Arn"}, {"Fn::Sub": f"${{{name}.Arn}}/*"}]


# What the operator sees


def test_every_parameter_is_described_and_in_a_group() -> None:
    parameters = TEMPLATE.document["Parameters"]
    assert [name for name, parameter in parameters.items() if not parameter.get("Description")] == []
    groups = TEMPLATE.document["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(parameters)


def test_the_outputs_tell_the_base_url_and_the_next_steps_in_order() -> None:
    outputs = TEMPLATE.document["Outputs"]
    assert all(output["Description"] for output in outputs.values())
    steps = [
        str(outputs[name]["Value"]["Fn::Sub"]) for name in sorted(outputs) if name.startswith("NextStep")
    ]
    assert [words for words, step in zip(NEXT_STEPS, steps, strict=True) if words not in step] == []
    condition, own, aws = outputs["BaseUrl"]["Value"]["Fn::If"]
    assert (condition, own) == ("HasDomain", {"Fn::Sub": "https://${DomainName}"})
    assert aws["Fn::Sub"].endswith("/${StageName}")


NEXT_STEPS = ("put-secret-value", "token create", "/v1/images/generations")


def test_the_outputs_name_what_the_command_line_looks_for() -> None:
    outputs = TEMPLATE.document["Outputs"]
    for name in ("TokensTable", "ConsumersTable", "UsageTable", "PepperSecret", "InternalTokensSecret"):
        assert outputs[name]["Value"] == {"Ref": name}


def test_everything_that_is_shipped_lies_in_the_project() -> None:
    layers = TEMPLATE.resources("AWS::Serverless::LayerVersion").values()
    folders = [PROJECT / layer["ContentUri"] for layer in layers]
    folders += [function.code for function in TEMPLATE.functions.values()]
    assert [folder for folder in folders if not folder.is_dir()] == []

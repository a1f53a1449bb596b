"""What an operator can choose, and that the choice reaches what is deployed."""

import logging
import re
import tomllib
from typing import Any

import boto3
import pytest
import yaml
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from local.template import PROJECT, load_template

TEMPLATE = load_template()
PARAMETERS = TEMPLATE.document["Parameters"]
CONDITIONS = TEMPLATE.document["Conditions"]
MAX_DESCRIPTION_CHARACTERS = 256
VERSION_DIMENSION = {True: "ExecutedVersion", False: "version"}
IMAGE_FUNCTIONS = ("GenerateImageFunction", "EditImageFunction")
FUNCTIONS = TEMPLATE.resources("AWS::Serverless::Function")


def transformed(code: str = "s3://built/code", **parameters: str) -> dict[str, Any]:
    """The resources that SAM makes of the template with these parameters, and built as `code`."""
    document = yaml_parse((PROJECT / "template.yaml").read_text())
    for resource in document["Resources"].values():
        for name in {"CodeUri", "ContentUri"} & resource.get("Properties", {}).keys():
            resource["Properties"][name] = code
    session = boto3.Session(region_name="us-east-1")
    given = TEMPLATE.default_parameters() | parameters
    logging.disable(logging.CRITICAL)
    try:
        return Translator({}, Parser(), boto_session=session).translate(document, given)["Resources"]
    finally:
        logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def deployed() -> dict[str, Any]:
    return transformed()


@pytest.fixture(scope="module")
def deployed_as_canary() -> dict[str, Any]:
    return transformed(CanaryDeployments="true")


def of_kind(resources: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: each for name, each in resources.items() if each["Type"] == kind}


# Versions


def test_every_function_is_called_by_an_alias_of_a_published_version(deployed: dict[str, Any]) -> None:
    versions = {
        each["Properties"]["FunctionName"]["Ref"]
        for each in of_kind(deployed, "AWS::Lambda::Version").values()
    }
    aliases = of_kind(deployed, "AWS::Lambda::Alias").values()
    assert versions == {each["Properties"]["FunctionName"]["Ref"] for each in aliases} == FUNCTIONS.keys()
    assert {each["Properties"]["Name"] for each in aliases} == {"live"}


def test_new_code_and_new_layers_are_published(deployed: dict[str, Any]) -> None:
    versions = of_kind(deployed, "AWS::Lambda::Version").keys()
    assert not versions & of_kind(transformed("s3://built/later"), "AWS::Lambda::Version").keys()
    assert versions == of_kind(transformed(), "AWS::Lambda::Version").keys()


def test_a_version_is_never_deleted_with_requests_under_way(deployed: dict[str, Any]) -> None:
    for version in of_kind(deployed, "AWS::Lambda::Version").values():
        assert (version["DeletionPolicy"], version["UpdateReplacePolicy"]) == ("Retain", "Retain")


@pytest.mark.parametrize("function_id", FUNCTIONS)
def test_the_longest_parameters_fit_into_a_versions_description(function_id: str) -> None:
    description = FUNCTIONS[function_id]["VersionDescription"]["Fn::Sub"]
    for name in re.findall(r"\$\{(\w+)\}", description):
        longest = max(
            PARAMETERS[name].get("AllowedValues", ["x" * PARAMETERS[name].get("MaxLength", 999)]), key=len
        )
        description = description.replace(f"${{{name}}}", longest)
    assert len(description) <= MAX_DESCRIPTION_CHARACTERS


# Canaries


def test_without_canaries_nothing_of_codedeploy_is_made(deployed: dict[str, Any]) -> None:
    assert not [each for each in deployed.values() if each["Type"].startswith("AWS::CodeDeploy")]


@pytest.mark.parametrize("function_id", FUNCTIONS)
def test_a_canary_is_taken_back_when_its_functions_alarm_goes_off(
    deployed_as_canary: dict[str, Any], function_id: str
) -> None:
    group = deployed_as_canary[f"{function_id}DeploymentGroup"]["Properties"]
    condition, configuration, _ = group["AlarmConfiguration"]["Fn::If"]
    (alarm,) = configuration["Alarms"]
    assert function_id in str(deployed_as_canary[alarm["Name"]["Ref"]])
    assert (condition, configuration["Enabled"]) == ("HasCanaries", True)
    reads = deployed_as_canary[alarm["Name"]["Ref"]]["Properties"]
    version = next(name for name in deployed_as_canary if name.startswith(f"{function_id}Version"))
    for metric in [
        each["MetricStat"]["Metric"] for each in reads.get("Metrics", []) if "MetricStat" in each
    ] or [reads]:
        dimensions = {each["Name"]: each["Value"] for each in metric["Dimensions"]}
        # Else the old version's failures would stop the deployment that mends them.
        assert dimensions[VERSION_DIMENSION[metric["Namespace"] == "AWS/Lambda"]] == {
            "Fn::GetAtt": [version, "Version"]
        }
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    alias = deployed_as_canary[f"{function_id}Aliaslive"]
    deployment_group = alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]["DeploymentGroupName"]
    assert deployment_group == {"Ref": f"{function_id}DeploymentGroup"}


@pytest.mark.parametrize("kind", PARAMETERS["CanaryType"]["AllowedValues"])
def test_every_kind_of_canary_is_one_of_codedeploys(kind: str) -> None:
    # https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html
    group = transformed(CanaryDeployments="true", CanaryType=kind)["HealthFunctionDeploymentGroup"]
    assert group["Properties"]["DeploymentConfigName"]["Fn::Sub"][1] == {"ConfigName": kind}
    assert re.fullmatch(
        r"Canary10Percent(5|10|15|30)Minutes|Linear10PercentEvery(1Minute|(2|3|10)Minutes)", kind
    )


# Concurrency and starts


@pytest.mark.parametrize("function_id", IMAGE_FUNCTIONS)
def test_concurrency_is_reserved_and_provisioned_where_it_is_chosen(
    deployed: dict[str, Any], function_id: str
) -> None:
    nothing = {"Ref": "AWS::NoValue"}
    reserved = deployed[function_id]["Properties"]["ReservedConcurrentExecutions"]
    assert reserved == {"Fn::If": ["ReservesConcurrency", {"Ref": "ReservedConcurrency"}, nothing]}
    provisioned = deployed[f"{function_id}Aliaslive"]["Properties"]["ProvisionedConcurrencyConfig"]
    chosen = {"ProvisionedConcurrentExecutions": {"Ref": "ProvisionedConcurrency"}}
    assert provisioned == {"Fn::If": ["ProvisionsConcurrency", chosen, nothing]}


@pytest.mark.parametrize("function_id", FUNCTIONS)
def test_every_function_can_start_from_a_snapshot_on_either_processor(
    deployed: dict[str, Any], function_id: str
) -> None:
    properties = deployed[function_id]["Properties"]
    assert properties["SnapStart"] == {"ApplyOn": {"Ref": "SnapStart"}}
    assert properties["Architectures"] == [{"Ref": "Architecture"}]
    assert properties.get("EphemeralStorage", {"Size": 512}) == {"Size": 512}, "a snapshot holds no more"


def test_layers_are_built_for_the_processor_that_was_chosen() -> None:
    for name, layer in TEMPLATE.resources("AWS::Serverless::LayerVersion").items():
        assert layer["CompatibleArchitectures"] == [{"Ref": "Architecture"}]
        metadata = TEMPLATE.document["Resources"][name].get("Metadata", {})
        assert metadata.get("BuildArchitecture", {"Ref": "Architecture"}) == {"Ref": "Architecture"}


# What does not go together


def evaluate(expression: Any, parameters: dict[str, str]) -> Any:
    """The value of CloudFormation's functions of conditions."""
    match expression:
        case {"Ref": name}:
            return parameters[name]
        case {"Fn::Equals": [left, right]}:
            return str(evaluate(left, parameters)) == str(evaluate(right, parameters))
        case {"Fn::Not": [each]}:
            return not evaluate(each, parameters)
        case {"Fn::Or": each}:
            return any(evaluate(one, parameters) for one in each)
    return expression


def refused(**parameters: str) -> list[str]:
    given = TEMPLATE.default_parameters() | parameters
    return [
        assertion["AssertDescription"]
        for rule in TEMPLATE.document["Rules"].values()
        if evaluate(rule["RuleCondition"], given)
        for assertion in rule["Assertions"]
        if not evaluate(assertion["Assert"], given)
    ]


CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/0a1b"


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"DomainName": "api.example.com", "CertificateArn": CERTIFICATE},
        {"DomainName": "api.example.com", "CertificateArn": CERTIFICATE, "HostedZoneId": "Z0123"},
        {"SnapStart": "PublishedVersions"},
        {"ProvisionedConcurrency": "5", "ReservedConcurrency": "50"},
    ],
)
def test_what_goes_together_is_taken(parameters: dict[str, str]) -> None:
    assert refused(**parameters) == []


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"DomainName": "api.example.com"}, "CertificateArn"),
        ({"CertificateArn": CERTIFICATE}, "DomainName"),
        ({"HostedZoneId": "Z0123"}, "DomainName"),
        ({"SnapStart": "PublishedVersions", "ProvisionedConcurrency": "5"}, "ProvisionedConcurrency"),
    ],
)
def test_what_does_not_go_together_is_refused_before_anything_is_made(
    parameters: dict[str, str], named: str
) -> None:
    (message,) = refused(**parameters)
    assert message.startswith(f"{named}: ")


def test_with_the_defaults_there_are_alarms_and_logs_and_nothing_else_that_is_chosen() -> None:
    defaults = TEMPLATE.default_parameters()
    assert {name for name, each in CONDITIONS.items() if evaluate(each, defaults)} == {
        "ManagesApiGatewayAccount",
        "HasAlarms",
    }


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        (
            "DomainName",
            ["", "api.example.com", "a.b.c.example.co.uk"],
            ["https://a.example.com", "A.example.com", "x"],
        ),
        ("CertificateArn", ["", CERTIFICATE], ["arn:aws:iam::1:server-certificate/x"]),
        ("HostedZoneId", ["", "Z0123456789ABC"], ["/hostedzone/Z0", "example.com"]),
        ("AlarmEmail", ["", "on-call@example.com"], ["on-call", "a@b", "a b@example.com"]),
    ],
)
def test_a_parameter_takes_what_can_be_right_and_nothing_else(
    name: str, good: list[str], bad: list[str]
) -> None:
    pattern = PARAMETERS[name]["AllowedPattern"]
    assert [text for text in good if not re.search(pattern, text)] == []
    assert [text for text in bad if re.search(pattern, text)] == []
    assert PARAMETERS[name]["ConstraintDescription"]


# A name of its own


def test_with_a_name_of_its_own_the_api_answers_under_no_other(deployed: dict[str, Any]) -> None:
    (server,) = deployed["Api"]["Properties"]["Body"]["servers"]
    disabled = server["x-amazon-apigateway-endpoint-configuration"]["disableExecuteApiEndpoint"]
    assert disabled == {"Fn::If": ["HasDomain", True, False]}
    assert deployed["ApiDomain"]["Properties"]["SecurityPolicy"] == "TLS_1_2"
    mapping = deployed["ApiDomainMapping"]["Properties"]
    assert (mapping["RestApiId"], mapping["Stage"]) == ({"Ref": "Api"}, {"Ref": "ApiStage"})
    assert "BasePath" not in mapping, "paths begin with /v1"


# The firewall


def firewall_rules() -> dict[str, dict[str, Any]]:
    (acl,) = TEMPLATE.resources("AWS::WAFv2::WebACL").values()
    return {rule["Name"]: rule for rule in acl["Rules"]}


def test_the_firewall_bounds_each_address() -> None:
    rule = firewall_rules()["RequestsPerAddress"]
    statement = rule["Statement"]["RateBasedStatement"]
    assert (statement["Limit"], statement["AggregateKeyType"]) == (
        {"Ref": "FirewallRequestsPerAddress"},
        "IP",
    )
    refusal = rule["Action"]["Block"]["CustomResponse"]
    headers = {each["Name"]: each["Value"] for each in refusal["ResponseHeaders"]}
    assert refusal["ResponseCode"] == 429
    assert int(headers["Retry-After"]) >= 1
    (acl,) = TEMPLATE.resources("AWS::WAFv2::WebACL").values()
    body = yaml.safe_load(acl["CustomResponseBodies"][refusal["CustomResponseBodyKey"]]["Content"])
    assert body["error"].keys() == {"code", "message", "request_id"}
    assert body["error"]["code"] == "rate_limited"


def test_no_common_rule_of_the_firewall_blocks_a_photograph_or_a_prompt_for_what_is_in_it() -> None:
    group = firewall_rules()["CommonAttacks"]["Statement"]["ManagedRuleGroupStatement"]
    counted = {each["Name"] for each in group["RuleActionOverrides"] if each["ActionToUse"] == {"Count": {}}}
    # https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html
    assert {
        "SizeRestrictions_BODY", "CrossSiteScripting_BODY", "GenericLFI_BODY", "GenericRFI_BODY",
        "EC2MetaDataSSRF_BODY",
    } <= counted  # fmt: skip


def test_managed_rules_are_used_as_aws_keeps_them() -> None:
    groups = {
        rule["Statement"]["ManagedRuleGroupStatement"]["Name"]
        for rule in firewall_rules().values()
        if "ManagedRuleGroupStatement" in rule["Statement"]
    }
    assert groups == {
        "AWSManagedRulesAmazonIpReputationList",
        "AWSManagedRulesKnownBadInputsRuleSet",
        "AWSManagedRulesCommonRuleSet",
    }


def test_the_firewall_stands_before_the_stage_and_logs_no_token() -> None:
    (association,) = TEMPLATE.resources("AWS::WAFv2::WebACLAssociation").values()
    assert association["ResourceArn"]["Fn::Sub"].endswith("/restapis/${Api}/stages/${Api.Stage}")
    (logging_configuration,) = TEMPLATE.resources("AWS::WAFv2::LoggingConfiguration").values()
    assert logging_configuration["RedactedFields"] == [{"SingleHeader": {"Name": "authorization"}}]


def test_what_costs_or_binds_is_made_only_where_it_is_chosen() -> None:
    optional = {
        "AWS::WAFv2": "HasFirewall",
        "AWS::KMS": "UsesOwnKey",
        "AWS::ApiGateway::DomainName": "HasDomain",
        "AWS::ApiGateway::BasePathMapping": "HasDomain",
        "AWS::Route53": "WritesDns",
        "AWS::SNS::Subscription": "SendsAlarms",
        "AWS::CloudWatch::Dashboard": "HasAlarms",
    }
    for name, resource in TEMPLATE.document["Resources"].items():
        for kind, condition in optional.items():
            if resource["Type"].startswith(kind):
                assert resource["Condition"] == condition, name
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            wanted = "HasCanaries" if name.endswith("CanaryAlarm") else "HasAlarms"
            assert resource["Condition"] == wanted, name


# The key


def test_whoever_may_use_the_key_may_use_it_through_the_services_that_hold_the_data() -> None:
    key = TEMPLATE.resources("AWS::KMS::Key")["DataKey"]
    assert key["EnableKeyRotation"] is True
    for statement in key["KeyPolicy"]["Statement"]:
        if statement["Sid"] not in ("AdministerThroughIam", "KeepFailedReviews"):
            assert statement["Condition"], statement["Sid"]
    (everybody,) = [each for each in key["KeyPolicy"]["Statement"] if each["Principal"] == {"AWS": "*"}]
    conditions = everybody["Condition"]["StringEquals"]
    assert conditions["kms:CallerAccount"] == {"Ref": "AWS::AccountId"}
    assert all(
        each["Fn::Sub"].endswith(".${AWS::Region}.amazonaws.com") for each in conditions["kms:ViaService"]
    )


# What nobody waits for


def test_whatever_is_called_without_a_caller_has_a_queue_for_what_failed() -> None:
    for name, function in FUNCTIONS.items():
        kinds = {event["Type"] for event in function["Events"].values()}
        assert ("DeadLetterQueue" in function) == (kinds != {"Api"}), name
        for event in function["Events"].values():
            assert event["Type"] == "Api" or "DeadLetterConfig" in event["Properties"]


# What ships


def settings() -> dict[str, Any]:
    return tomllib.loads((PROJECT / "samconfig.toml").read_text())


def overrides(environment: str) -> dict[str, str]:
    text = settings()[environment]["deploy"]["parameters"].get("parameter_overrides", "")
    return dict(word.split("=", 1) for word in text.split())


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_an_environment_sets_parameters_that_exist_to_what_they_allow(environment: str) -> None:
    for name, value in overrides(environment).items():
        allowed = PARAMETERS[name].get("AllowedValues")
        assert allowed is None or value in map(str, allowed), name
    assert refused(**overrides(environment)) == []


def test_production_turns_on_what_protects() -> None:
    chosen = {"Firewall": "true", "CanaryDeployments": "true", "DeletionProtection": "true"}
    assert chosen.items() <= overrides("production").items()


@pytest.mark.parametrize("environment", ["default", "staging", "production"])
def test_everything_that_is_deployed_is_tagged(environment: str) -> None:
    assert "application=imagineart-api" in settings()[environment]["deploy"]["parameters"]["tags"]

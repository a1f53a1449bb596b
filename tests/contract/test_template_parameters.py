"""What an operator can choose, and that the choice reaches the deployment."""

import re
import tomllib
from typing import Any

import boto3
import pytest

from local.template import PROJECT, load_template
from tests.contract.test_template import FUNCTIONS, IMAGE_FUNCTIONS, transformed

DOCUMENT = load_template().document
PARAMETERS = DOCUMENT["Parameters"]
CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/0a1b"


def test_every_parameter_is_described_and_in_one_group() -> None:
    groups = DOCUMENT["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(PARAMETERS)
    assert all(parameter["Description"] for parameter in PARAMETERS.values())


@pytest.mark.parametrize("function_id", IMAGE_FUNCTIONS)
def test_the_longest_parameters_fit_into_a_versions_description(function_id: str) -> None:
    description = FUNCTIONS[function_id]["VersionDescription"]["Fn::Sub"]
    for name in re.findall(r"\$\{(\w+)\}", description):
        values = PARAMETERS[name].get("AllowedValues", ["x" * PARAMETERS[name].get("MaxLength", 999)])
        description = description.replace(f"${{{name}}}", max(values, key=len))
    assert len(description) <= 256


# Canaries


def test_without_canaries_codedeploy_is_not_used() -> None:
    assert not [each for each in transformed().values() if each["Type"].startswith("AWS::CodeDeploy")]


def test_a_canary_is_rolled_back_for_errors_of_the_new_versions_alone() -> None:
    dimensions = {
        "CanaryAlarm": "ExecutedVersion",
        "CanaryWorkersAlarm": "ExecutedVersion",
        "CanaryInternalErrorsAlarm": "version",
        "CanaryWorkerInternalErrorsAlarm": "version",
    }
    resources = transformed(CanaryDeployments="true")
    for function_id in FUNCTIONS:
        group = resources[f"{function_id}DeploymentGroup"]["Properties"]
        condition, configuration, _ = group["AlarmConfiguration"]["Fn::If"]
        alarms = [alarm["Name"]["Ref"] for alarm in configuration["Alarms"]]
        assert (condition, alarms) == ("HasCanaries", [*dimensions])
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    versions = {name for name, each in resources.items() if each["Type"] == "AWS::Lambda::Version"}
    judged = set()
    for alarm, dimension in dimensions.items():
        queries = resources[alarm]["Properties"]["Metrics"]
        metrics = [query["MetricStat"]["Metric"] for query in queries if "MetricStat" in query]
        read = {
            each["Value"]["Fn::GetAtt"][0]
            for metric in metrics
            for each in metric["Dimensions"]
            if each["Name"] == dimension
        }
        assert len(read) == len(metrics)
        judged |= read
    assert judged == versions


# Values and their combinations


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
        case {"Fn::And": each}:
            return all(evaluate(one, parameters) for one in each)
        case {"Fn::Contains": [values, each]}:
            return evaluate(each, parameters) in values
    return expression


def messages(region: str = "eu-west-1", **parameters: str) -> list[str]:
    """The messages of the template's rules for these parameters."""
    given = load_template().default_parameters() | parameters | {"AWS::Region": region}
    return [
        assertion["AssertDescription"]
        for rule in DOCUMENT["Rules"].values()
        if evaluate(rule.get("RuleCondition", True), given)
        for assertion in rule["Assertions"]
        if not evaluate(assertion["Assert"], given)
    ]


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({}, []),
        ({"DomainName": "api.example.com", "CertificateArn": CERTIFICATE, "HostedZoneId": "Z0123"}, []),
        ({"ProvisionedConcurrency": "5", "ReservedConcurrency": "50"}, []),
        ({"DomainName": "api.example.com"}, ["CertificateArn"]),
        ({"CertificateArn": CERTIFICATE}, ["DomainName"]),
        ({"HostedZoneId": "Z0123"}, ["DomainName"]),
        ({"WebSocketDomainName": "ws.example.com"}, ["DomainName"]),
        (
            {
                "WebSocketDomainName": "a.example.com",
                "DomainName": "a.example.com",
                "CertificateArn": CERTIFICATE,
            },
            ["DomainName"],
        ),
        ({"SnapStart": "PublishedVersions", "ProvisionedConcurrency": "5"}, ["ProvisionedConcurrency"]),
    ],
)
def test_an_impossible_combination_is_rejected_by_name(parameters: dict[str, str], named: list[str]) -> None:
    assert [message.partition(":")[0] for message in messages(**parameters)] == named


def test_commercial_regions_alone_are_accepted() -> None:
    session = boto3.Session()
    for partition in session.get_available_partitions():
        expected = [] if partition == "aws" else ["Region"]
        for region in session.get_available_regions("cloudformation", partition):
            assert [message.partition(":")[0] for message in messages(region)] == expected, region


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        (
            "BedrockModels",
            ["stability.*", "*", "stability.sd3-5-large-v1:0"],
            ["", "arn:aws:bedrock/x", "a, b"],
        ),
        ("DomainName", ["", "api.example.com"], ["https://a.example.com", "A.example.com", "x"]),
        (
            "CertificateArn",
            ["", CERTIFICATE],
            ["arn:aws:iam::1:server-certificate/x", CERTIFICATE.replace("arn:aws:", "arn:aws-cn:")],
        ),
        ("HostedZoneId", ["", "Z0123456789ABC"], ["/hostedzone/Z0", "example.com"]),
        ("AlarmEmail", ["", "on-call@example.com"], ["on-call", "a@b", "a b@example.com"]),
    ],
)
def test_a_parameter_accepts_its_form_and_no_other(name: str, good: list[str], bad: list[str]) -> None:
    assert [text for text in [*good, *bad] if re.search(PARAMETERS[name]["AllowedPattern"], text)] == good


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_an_environment_of_samconfig_sets_allowed_values(environment: str) -> None:
    config = tomllib.loads((PROJECT / "samconfig.toml").read_text())
    text = config[environment]["deploy"]["parameters"]["parameter_overrides"]
    chosen = dict(word.split("=", 1) for word in text.split())
    for name, value in chosen.items():
        assert value in map(str, PARAMETERS[name].get("AllowedValues", [value])), name
    assert messages(**chosen) == []
    protections = {"Firewall": "true", "CanaryDeployments": "true", "SnapStart": "PublishedVersions"}
    assert environment != "production" or protections.items() <= chosen.items()

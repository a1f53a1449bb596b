"""Rules for cfn-lint, about faults that neither cfn-lint nor checkov reports.

cfn-lint 1.58 applies rules to the template before SAM's transform.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from cfnlint.rules import CloudFormationLintRule, RuleMatch

REASONS: Final = "WildcardReasons"
"""In a policy's Metadata: for each statement with a wildcard in Resource, by its Sid, the reason."""

_POLICIES: Final = ("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::Role")
_NOT_IN_A_VERSION: Final = frozenset(
    {"DeploymentPreference", "Events", "ProvisionedConcurrencyConfig", "ReservedConcurrentExecutions"}
)
_OBJECTS_BELOW_A_PREFIX: Final = re.compile(r"\$\{\w+\.Arn\}/[^*]*\*")


class FunctionLogs(CloudFormationLintRule):  # type: ignore[misc]
    """Without a log group in the template, Lambda creates one that keeps its events forever."""

    id = "E9101"
    shortdesc = description = "A function writes to a log group of the template with a retention"

    def match(self, cfn: Any) -> list[RuleMatch]:
        """A match for every function without such a group."""
        groups = _properties(cfn, "AWS::Logs::LogGroup")
        kept = {name for name, group in groups.items() if group.get("RetentionInDays")}
        return [
            RuleMatch(["Resources", name], f"{name}: LoggingConfig names no log group with a retention")
            for name, function in _properties(cfn, "AWS::Serverless::Function").items()
            if not kept & set(_names_in(function.get("LoggingConfig")))
        ]


class LeastPrivilege(CloudFormationLintRule):  # type: ignore[misc]
    """A wildcard also grants what nobody intended."""

    id = "E9103"
    shortdesc = description = "Policies name actions, and resources or the reason for a wildcard"

    def match(self, cfn: Any) -> list[RuleMatch]:
        """A match for every wildcard in an action, and every one in a resource without a reason."""
        matches = []
        for kind in _POLICIES:
            for name, properties in _properties(cfn, kind).items():
                reasons = cfn.template["Resources"][name].get("Metadata", {}).get(REASONS, {})
                for statement in _statements(properties):
                    sid = statement.get("Sid")
                    if "*" in str(statement.get("Action", "*")):
                        message = f"{name}: {sid}: Action has a wildcard; name the actions"
                        matches.append(RuleMatch(["Resources", name], message))
                    if sid not in reasons and any(map(_is_wide, _texts_in(statement.get("Resource", "*")))):
                        message = f"{name}: {sid}: Resource has a wildcard without a reason in {REASONS}"
                        matches.append(RuleMatch(["Resources", name], message))
        return matches


class FunctionAlarms(CloudFormationLintRule):  # type: ignore[misc]
    """Callers are the first to notice a failing function that has no alarm."""

    id = "E9104"
    shortdesc = description = "Every function has an alarm on its errors"

    def match(self, cfn: Any) -> list[RuleMatch]:
        """A match for every function whose errors, of all versions, no alarm reads."""
        watched = {
            name
            for alarm in _properties(cfn, "AWS::CloudWatch::Alarm").values()
            for query in alarm.get("Metrics", [])
            for metric in [query.get("MetricStat", {}).get("Metric", {})]
            if (metric.get("MetricName"), len(metric.get("Dimensions", []))) == ("Errors", 1)
            for name in _names_in(metric["Dimensions"])
        }
        return [
            RuleMatch(["Resources", name], f"{name}: no alarm reads its errors")
            for name in _properties(cfn, "AWS::Serverless::Function")
            if name not in watched
        ]


class PublishedVersions(CloudFormationLintRule):  # type: ignore[misc]
    """SAM publishes no version for a parameter's changed value: docs/decisions/0011."""

    id = "E9109"
    shortdesc = description = "A version's description contains every parameter that its function reads"

    def match(self, cfn: Any) -> list[RuleMatch]:
        """A match for every parameter that a function reads and its VersionDescription lacks."""
        parameters = cfn.template.get("Parameters", {}).keys()
        matches = []
        for name, function in _properties(cfn, "AWS::Serverless::Function").items():
            versioned = {key: value for key, value in function.items() if key not in _NOT_IN_A_VERSION}
            described = set(_names_in(versioned.pop("VersionDescription", None)))
            missing = sorted((set(_names_in(versioned)) & parameters) - described)
            if missing:
                message = f"{name}: VersionDescription lacks the parameters {', '.join(missing)}"
                matches.append(RuleMatch(["Resources", name], message))
        return matches


def _properties(cfn: Any, kind: str) -> dict[str, dict[str, Any]]:
    resources = cfn.template.get("Resources", {})
    return {name: each.get("Properties", {}) for name, each in resources.items() if each.get("Type") == kind}


def _statements(properties: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for policy in [properties, *properties.get("Policies", [])]:
        yield from policy.get("PolicyDocument", {}).get("Statement", [])


def _is_wide(text: str) -> bool:
    return "*" in text and not _OBJECTS_BELOW_A_PREFIX.fullmatch(text)


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts_in(each)


def _names_in(value: Any) -> Iterator[str]:
    """The names in Ref, GetAtt and Sub, without attributes."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            yield name
        case {"Fn::Sub": str(text)}:
            yield from re.findall(r"\$\{(\w+)", text)
        case dict():
            for each in value.values():
                yield from _names_in(each)
        case list():
            for each in value:
                yield from _names_in(each)

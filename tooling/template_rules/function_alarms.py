"""E9104 and E9105: somebody is told when a function fails, and what to do then."""

import re
from pathlib import Path
from typing import Any, Final

from cfnlint.rules import CloudFormationLintRule, RuleMatch

from tooling.template_reading import listed, names_in, properties_of, resources_of

_RUNBOOK: Final = re.compile(r"(docs/[a-z]+\.md)#([a-z0-9-]+)$")
_PROJECT: Final = Path(__file__).parent.parent.parent


class FunctionAlarms(CloudFormationLintRule):  # type: ignore[misc]
    """A function that fails without anybody knowing is found by its callers."""

    id = "E9104"
    shortdesc = "Every function has an alarm on its errors"
    description = "An alarm that reads Errors of AWS/Lambda under the function's name"
    source_url = "https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html"
    tags = ("resources", "lambda", "cloudwatch")

    def match(self, cfn: Any) -> list[RuleMatch]:
        """A match for every function without one."""
        alarms = resources_of(cfn.template, "AWS::CloudWatch::Alarm").values()
        watched = {
            name
            for alarm in alarms
            for metric in _metrics(properties_of(alarm))
            for name in _function(metric)
        }
        return [
            RuleMatch(["Resources", name], f"{name}: no alarm reads its errors")
            for name in resources_of(cfn.template, "AWS::Lambda::Function")
            if name not in watched
        ]


class AlarmRunbooks(CloudFormationLintRule):  # type: ignore[misc]
    """Whoever is woken by an alarm knows nothing but its description."""

    id = "E9105"
    shortdesc = "Every alarm tells somebody, and names its runbook"
    description = "AlarmActions, and a description that ends with the heading of a document"
    source_url = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Best_Practice_Recommended_Alarms_AWS_Services.html"
    tags = ("resources", "cloudwatch")

    def match(self, cfn: Any) -> list[RuleMatch]:
        """A match for every alarm that is mute or leads nowhere."""
        matches = []
        for name, alarm in resources_of(cfn.template, "AWS::CloudWatch::Alarm").items():
            properties = properties_of(alarm)
            if not properties.get("AlarmActions") or properties.get("ActionsEnabled", True) is not True:
                matches.append(RuleMatch(["Resources", name], f"{name}: the alarm tells nobody"))
            if "TreatMissingData" not in properties:
                message = f"{name}: TreatMissingData does not say what silence means"
                matches.append(RuleMatch(["Resources", name], message))
            if not _leads_to_a_runbook(str(properties.get("AlarmDescription", ""))):
                message = f"{name}: the description does not end with a runbook's heading"
                matches.append(RuleMatch(["Resources", name], message))
        return matches


def _metrics(properties: dict[str, Any]) -> list[dict[str, Any]]:
    """The metrics that an alarm reads, each as CloudWatch's Metric."""
    queries = [query.get("MetricStat", {}).get("Metric", {}) for query in listed(properties.get("Metrics"))]
    return [properties, *queries]


def _function(metric: dict[str, Any]) -> list[str]:
    if (metric.get("Namespace"), metric.get("MetricName")) != ("AWS/Lambda", "Errors"):
        return []
    return [
        name
        for dimension in listed(metric.get("Dimensions"))
        if dimension.get("Name") == "FunctionName"
        for name in names_in(dimension.get("Value"))
    ]


def _leads_to_a_runbook(description: str) -> bool:
    found = _RUNBOOK.search(description)
    if not found:
        return False
    document = _PROJECT / found[1]
    if not document.is_file():
        return False
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return found[2] in {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}

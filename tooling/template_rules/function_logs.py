"""E9101: what a function logs is kept for a set time."""

from typing import Any

from cfnlint.rules import CloudFormationLintRule, RuleMatch

from tooling.template_reading import names_in, properties_of, resources_of


class FunctionLogs(CloudFormationLintRule):  # type: ignore[misc]
    """Lambda makes a log group by itself where none is named, and keeps it for ever."""

    id = "E9101"
    shortdesc = "A function writes to a log group of the template, with a retention"
    description = "Without it Lambda makes a group that is never emptied"
    source_url = "https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html"
    tags = ("resources", "lambda", "logs")

    def match(self, cfn: Any) -> list[RuleMatch]:
        """A match for every function without one, and for every group without a retention."""
        groups = resources_of(cfn.template, "AWS::Logs::LogGroup")
        matches = [
            RuleMatch(["Resources", name], f"{name}: the log group has no RetentionInDays")
            for name, group in groups.items()
            if not properties_of(group).get("RetentionInDays")
        ]
        for name, function in resources_of(cfn.template, "AWS::Lambda::Function").items():
            named = properties_of(function).get("LoggingConfig", {}).get("LogGroup")
            if not set(names_in(named)) & groups.keys():
                message = f"{name}: LoggingConfig names no log group of this template"
                matches.append(RuleMatch(["Resources", name], message))
        return matches

"""E9109: a changed parameter reaches the version that requests go to."""

from typing import Any, Final

from cfnlint.rules import CloudFormationLintRule, RuleMatch

from tooling.template_reading import names_in, properties_of, resources_of

_NOT_OF_A_VERSION: Final = ("ReservedConcurrentExecutions", "Tags")


class PublishedVersions(CloudFormationLintRule):  # type: ignore[misc]
    """SAM makes a version where code or properties change, but looks at no parameter's value.

    CloudFormation makes a version anew where its description changes.
    """

    id = "E9109"
    shortdesc = "A version's description holds every parameter that its function reads"
    description = "Else the alias stays at a version with the parameter's old value"
    source_url = "https://github.com/aws/serverless-application-model/issues/3820"
    tags = ("resources", "lambda")

    def match(self, cfn: Any) -> list[RuleMatch]:
        """A match for every function without a version, and parameter that its description lacks."""
        parameters = cfn.template.get("Parameters", {}).keys()
        described = {
            name: set(names_in(properties_of(version).get("Description")))
            for version in resources_of(cfn.template, "AWS::Lambda::Version").values()
            for name in names_in(properties_of(version)["FunctionName"])
        }
        matches = []
        for name, function in resources_of(cfn.template, "AWS::Lambda::Function").items():
            if name not in described:
                matches.append(RuleMatch(["Resources", name], f"{name}: no version is published"))
                continue
            versioned = {
                key: value for key, value in properties_of(function).items() if key not in _NOT_OF_A_VERSION
            }
            for missing in sorted((set(names_in(versioned)) & parameters) - described[name]):
                message = f"{name}: VersionDescription lacks the parameter {missing}"
                matches.append(RuleMatch(["Resources", name], message))
        return matches

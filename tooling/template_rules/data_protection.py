"""E9106 to E9108: data outlives mistakes, is encrypted as the operator chose, and travels over TLS."""

from typing import Any, Final

from cfnlint.rules import CloudFormationLintRule, RuleMatch

from tooling.template_reading import listed, names_in, properties_of, resources_of

_KEEPS_DATA: Final = (
    "AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SecretsManager::Secret", "AWS::KMS::Key",
    "AWS::SQS::Queue", "AWS::Logs::LogGroup",
)  # fmt: skip
_CAN_TAKE_A_KEY: Final = (*(each for each in _KEEPS_DATA if each != "AWS::KMS::Key"), "AWS::SNS::Topic")
_POLICY_OF: Final = {
    "AWS::S3::Bucket": ("AWS::S3::BucketPolicy", "Bucket"),
    "AWS::SQS::Queue": ("AWS::SQS::QueuePolicy", "Queues"),
    "AWS::SNS::Topic": ("AWS::SNS::TopicPolicy", "Topics"),
}


class DeletionPolicies(CloudFormationLintRule):  # type: ignore[misc]
    """CloudFormation deletes by default, and replaces what a changed line cannot change in place."""

    id = "E9106"
    shortdesc = "Whatever keeps data says what becomes of it"
    description = "DeletionPolicy and UpdateReplacePolicy, the same in both; tables can go back in time"
    source_url = (
        "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html"
    )
    tags = ("resources", "deletionpolicy")

    def match(self, cfn: Any) -> list[RuleMatch]:
        """A match for every resource that leaves it open, and table that cannot go back."""
        matches = []
        for kind in _KEEPS_DATA:
            for name, resource in resources_of(cfn.template, kind).items():
                policies = resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy")
                if None in policies or policies[0] != policies[1]:
                    message = (
                        f"{name}: DeletionPolicy and UpdateReplacePolicy do not say the same: {policies}"
                    )
                    matches.append(RuleMatch(["Resources", name], message))
        for name, table in resources_of(cfn.template, "AWS::DynamoDB::Table").items():
            recovery = properties_of(table).get("PointInTimeRecoverySpecification", {})
            if recovery.get("PointInTimeRecoveryEnabled") is not True:
                matches.append(RuleMatch(["Resources", name], f"{name}: no point-in-time recovery"))
        return matches


class EncryptionKeys(CloudFormationLintRule):  # type: ignore[misc]
    """An operator who must hold the key must hold all of them."""

    id = "E9107"
    shortdesc = "Whatever keeps data can be encrypted with the stack's own key"
    description = "The properties name the template's KMS key, under its condition"
    source_url = "https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#customer-cmk"
    tags = ("resources", "kms")

    def match(self, cfn: Any) -> list[RuleMatch]:
        """A match for every resource that does not."""
        keys = resources_of(cfn.template, "AWS::KMS::Key").keys()
        return [
            RuleMatch(["Resources", name], f"{name}: the properties name no KMS key of this template")
            for kind in _CAN_TAKE_A_KEY
            for name, resource in resources_of(cfn.template, kind).items()
            if not set(names_in(properties_of(resource))) & keys
        ]


class TlsOnly(CloudFormationLintRule):  # type: ignore[misc]
    """AWS answers over plain HTTP too where nobody forbids it."""

    id = "E9108"
    shortdesc = "Buckets, queues and topics are spoken to over TLS only"
    description = "A policy that denies everybody whatever comes without aws:SecureTransport"
    source_url = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-securetransport"
    tags = ("resources", "tls")

    def match(self, cfn: Any) -> list[RuleMatch]:
        """A match for every one that is not."""
        matches = []
        for kind, (policy_kind, names) in _POLICY_OF.items():
            policies = resources_of(cfn.template, policy_kind).values()
            shielded = {
                name
                for policy in policies
                if any(map(_denies_plain_http, listed(properties_of(policy)["PolicyDocument"]["Statement"])))
                for name in names_in(properties_of(policy)[names])
            }
            matches += [
                RuleMatch(["Resources", name], f"{name}: no policy denies plain HTTP")
                for name in resources_of(cfn.template, kind)
                if name not in shielded
            ]
        return matches


def _denies_plain_http(statement: dict[str, Any]) -> bool:
    return (
        statement["Effect"] == "Deny"
        and statement.get("Principal") == "*"
        and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
    )

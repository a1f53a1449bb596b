"""Each of the project's own rules for the template finds what it is for, and passes what is right."""

import importlib
import pkgutil
from types import SimpleNamespace
from typing import Any

import pytest
from cfnlint.rules import CloudFormationLintRule

import tooling.template_rules

MODULES = [
    importlib.import_module(f"tooling.template_rules.{each.name}")
    for each in pkgutil.iter_modules(tooling.template_rules.__path__)
]
RULES = {
    rule.id: rule()
    for module in MODULES
    for rule in vars(module).values()
    if isinstance(rule, type)
    and issubclass(rule, CloudFormationLintRule)
    and rule is not CloudFormationLintRule
}
TLS = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": "*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
FUNCTION = {
    "Type": "AWS::Lambda::Function",
    "Properties": {"LoggingConfig": {"LogGroup": {"Ref": "Logs"}}},
}
LOGS = {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 7}}


def found(rule_id: str, resources: dict[str, Any], **sections: Any) -> list[str]:
    """What a rule says of a template with these resources."""
    template = {"Resources": resources, **sections}
    return [match.message for match in RULES[rule_id].match(SimpleNamespace(template=template))]


def test_every_rule_has_a_number_of_its_own_that_no_other_tool_uses() -> None:
    assert sorted(RULES) == [f"E910{number}" for number in range(1, 10)]


# E9101


def test_a_function_without_a_log_group_of_the_template_is_found() -> None:
    assert found("E9101", {"F": FUNCTION, "Logs": LOGS}) == []
    assert found("E9101", {"F": {"Type": "AWS::Lambda::Function"}, "Logs": LOGS})
    assert found("E9101", {"F": FUNCTION})


def test_a_log_group_without_a_retention_is_found() -> None:
    assert found("E9101", {"Logs": {"Type": "AWS::Logs::LogGroup"}}) == [
        "Logs: the log group has no RetentionInDays"
    ]


# E9102


@pytest.mark.parametrize("text", ['{"key": "hunter2"}', "hunter2", {"Ref": "Password"}])
def test_a_secret_with_a_value_is_found(text: Any) -> None:
    secret = {"Type": "AWS::SecretsManager::Secret", "Properties": {"SecretString": text}}
    assert found("E9102", {"S": secret}) == ["S: SecretString holds a value"]


@pytest.mark.parametrize("properties", [{"SecretString": "{}"}, {"SecretString": '{"consumers": {}}'}, {}])
def test_a_secret_that_is_filled_later_is_none(properties: dict[str, Any]) -> None:
    assert found("E9102", {"S": {"Type": "AWS::SecretsManager::Secret", "Properties": properties}}) == []


@pytest.mark.parametrize("value", ["hunter2", {"Ref": "AParameter"}, {"Fn::Sub": "x${AParameter}"}])
def test_a_variable_that_holds_a_secret_itself_is_found(value: Any) -> None:
    function = {
        "Type": "AWS::Lambda::Function",
        "Properties": {"Environment": {"Variables": {"BACKEND_API_KEY": value}}},
    }
    assert found("E9102", {"F": function}) == [
        "F: the variable BACKEND_API_KEY is no reference to a resource"
    ]


def test_a_variable_that_names_a_secret_is_none() -> None:
    function = {
        "Type": "AWS::Lambda::Function",
        "Properties": {"Environment": {"Variables": {"PEPPER_SECRET": {"Ref": "S"}, "LEVEL": "INFO"}}},
    }
    assert found("E9102", {"F": function, "S": {"Type": "AWS::SecretsManager::Secret"}}) == []


def test_a_parameter_for_a_secret_is_found() -> None:
    assert found("E9102", {}, Parameters={"ApiKey": {"Type": "String", "NoEcho": True}})


@pytest.mark.parametrize("text", ["AKIA" + "Z" * 16, "-----BEGIN RSA PRIVATE KEY-----", "sk-" + "a" * 24])
def test_text_that_looks_like_a_secret_is_found_wherever_it_stands(text: str) -> None:
    resource = {"Type": "AWS::SNS::Topic", "Properties": {"Tags": [{"Key": "a", "Value": f"see {text}"}]}}
    assert found("E9102", {"T": resource}) == ["T: a text looks like a secret"]


# E9103


def policy(statement: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    document = {"Statement": [{"Sid": "Do", "Effect": "Allow", **statement}]}
    return {
        "Type": "AWS::IAM::ManagedPolicy",
        "Metadata": metadata,
        "Properties": {"Description": "For doing", "PolicyDocument": document},
    }


OWN = {"Fn::GetAtt": ["Table", "Arn"]}
REASON = {"Do": "Nobody knows beforehand which of them it will be."}


def test_actions_and_resources_by_name_are_right() -> None:
    objects = {"Fn::Sub": "${Bucket.Arn}/uploads/*"}
    assert found("E9103", {"P": policy({"Action": "dynamodb:GetItem", "Resource": [OWN, objects]})}) == []


@pytest.mark.parametrize("action", ["*", "dynamodb:*", ["s3:GetObject", "s3:Get*"]])
def test_an_action_with_a_wildcard_is_found(action: Any) -> None:
    assert found("E9103", {"P": policy({"Action": action, "Resource": OWN})}) == [
        "P: Do: an action has a wildcard"
    ]


@pytest.mark.parametrize(
    "resource", ["*", "arn:aws:s3:::*", {"Fn::Sub": "arn:aws:logs:*:${AWS::AccountId}:x"}]
)
def test_a_wildcard_resource_needs_a_reason(resource: Any) -> None:
    statement = {"Action": "s3:GetObject", "Resource": resource}
    assert found("E9103", {"P": policy(statement)}) == ["P: Do: the wildcard in Resource has no reason"]
    assert found("E9103", {"P": policy(statement, WildcardReasons={"Do": "so"})}), "too short to be one"
    assert found("E9103", {"P": policy(statement, WildcardReasons=REASON)}) == []


def test_a_reason_for_nothing_is_found() -> None:
    statement = {"Action": "s3:GetObject", "Resource": OWN}
    assert found("E9103", {"P": policy(statement, WildcardReasons=REASON)}) == [
        "P: Do: a reason for no wildcard"
    ]


def test_what_is_allowed_by_leaving_out_is_found() -> None:
    assert found("E9103", {"P": policy({"NotAction": "iam:CreateUser", "Resource": OWN})})


def test_a_roles_own_policies_are_looked_at_too() -> None:
    role = {
        "Type": "AWS::IAM::Role",
        "Properties": {"Policies": [policy({"Action": "s3:*", "Resource": OWN})["Properties"]]},
    }
    assert found("E9103", {"R": role}) == ["R: Do: an action has a wildcard"]


# E9104 and E9105


def alarm(**properties: Any) -> dict[str, Any]:
    told = {"AlarmActions": [{"Ref": "Topic"}], "TreatMissingData": "notBreaching"}
    description = {"AlarmDescription": "It fails. docs/operating.md#alarm-failures"}
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": {**told, **description, **properties}}


ERRORS = {
    "Namespace": "AWS/Lambda",
    "MetricName": "Errors",
    "Dimensions": [{"Name": "FunctionName", "Value": {"Ref": "F"}}],
}


@pytest.mark.parametrize("reads", [ERRORS, {"Metrics": [{"MetricStat": {"Metric": ERRORS}}]}])
def test_an_alarm_on_a_functions_errors_is_one_however_it_reads_them(reads: dict[str, Any]) -> None:
    assert found("E9104", {"F": FUNCTION, "A": alarm(**reads)}) == []


@pytest.mark.parametrize(
    "change", [{"MetricName": "Throttles"}, {"Dimensions": [{"Name": "FunctionName", "Value": {"Ref": "G"}}]}]
)
def test_an_alarm_on_something_else_is_none(change: dict[str, Any]) -> None:
    assert found("E9104", {"F": FUNCTION, "A": alarm(**(ERRORS | change))}) == [
        "F: no alarm reads its errors"
    ]


def test_an_alarm_with_a_runbook_is_right() -> None:
    assert found("E9105", {"A": alarm()}) == []


@pytest.mark.parametrize(
    "change",
    [
        {"AlarmActions": []},
        {"ActionsEnabled": False},
        {"AlarmDescription": "It fails."},
        {"AlarmDescription": "It fails. docs/operating.md#no-such-heading"},
        {"AlarmDescription": "It fails. docs/nowhere.md#alarm-failures"},
    ],
)
def test_an_alarm_that_is_mute_or_leads_nowhere_is_found(change: dict[str, Any]) -> None:
    assert len(found("E9105", {"A": alarm(**change)})) == 1


# E9106, E9107 and E9108


def table(**attributes: Any) -> dict[str, Any]:
    kept = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
    recovery = {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}}
    return {"Type": "AWS::DynamoDB::Table", "Properties": recovery, **kept, **attributes}


def test_a_table_that_says_what_becomes_of_it_is_right() -> None:
    assert found("E9106", {"T": table()}) == []


@pytest.mark.parametrize(
    "change", [{"DeletionPolicy": None}, {"UpdateReplacePolicy": "Delete"}, {"Properties": {}}]
)
def test_data_that_could_be_lost_is_found(change: dict[str, Any]) -> None:
    assert len(found("E9106", {"T": table(**change)})) == 1


def test_what_cannot_be_encrypted_with_the_stacks_own_key_is_found() -> None:
    key = {"Type": "AWS::KMS::Key"}
    own = {"SSESpecification": {"Fn::If": ["Own", {"KMSMasterKeyId": {"Fn::GetAtt": ["Key", "Arn"]}}, {}]}}
    assert found("E9107", {"Key": key, "T": table(Properties=own)}) == []
    assert found("E9107", {"Key": key, "T": table()}) == [
        "T: the properties name no KMS key of this template"
    ]


@pytest.mark.parametrize(
    "change",
    [{"Effect": "Allow"}, {"Principal": {"AWS": "x"}}, {"Condition": {}}],
    ids=lambda each: next(iter(each)),
)
def test_a_bucket_that_answers_over_plain_http_is_found(change: dict[str, Any]) -> None:
    bucket = {"Type": "AWS::S3::Bucket"}

    def guarded(statement: dict[str, Any]) -> dict[str, Any]:
        properties = {"Bucket": {"Ref": "B"}, "PolicyDocument": {"Statement": [statement]}}
        return {"B": bucket, "P": {"Type": "AWS::S3::BucketPolicy", "Properties": properties}}

    assert found("E9108", guarded(TLS)) == []
    assert found("E9108", guarded(TLS | change)) == ["B: no policy denies plain HTTP"]
    assert found("E9108", {"B": bucket}) == ["B: no policy denies plain HTTP"]


# E9109


def versioned(description: Any) -> dict[str, Any]:
    function = {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Environment": {
                "Variables": {"BACKENDS": {"Fn::Sub": "${Backends} and more"}, "TABLE": {"Ref": "T"}}
            },
            "ReservedConcurrentExecutions": {"Ref": "Reserved"},
        },
    }
    version = {
        "Type": "AWS::Lambda::Version",
        "Properties": {"FunctionName": {"Ref": "F"}, "Description": description},
    }
    return {"F": function, "V": version}


PARAMETERS = {"Backends": {"Type": "String"}, "Reserved": {"Type": "Number"}}


def test_a_version_that_is_made_anew_for_another_parameter_is_right() -> None:
    assert found("E9109", versioned({"Fn::Sub": "${Backends}"}), Parameters=PARAMETERS) == []


def test_a_parameter_that_would_not_reach_the_alias_is_found() -> None:
    told = ["F: VersionDescription lacks the parameter Backends"]
    assert found("E9109", versioned("as always"), Parameters=PARAMETERS) == told


def test_a_function_without_a_version_is_found() -> None:
    resources = versioned("")
    del resources["V"]
    assert found("E9109", resources, Parameters=PARAMETERS) == ["F: no version is published"]

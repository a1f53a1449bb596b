"""The project built, deployed and deleted by SAM as an operator does it, on the emulator."""

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3

from local.rehearsal.emulator import Emulator, environment_without_aws
from local.rehearsal.mended_api import mend
from local.rehearsal.steps import Step, StepError
from local.template import PROJECT, load_template

STACK: Final = "imagineart-rehearsal"
STAGE: Final = "rehearsal"
SAM: Final = PROJECT / ".venv-sam" / "bin" / "sam"
_STEP_SECONDS: Final = 180.0

TEMPLATE_PARAMETERS: Final[Mapping[str, str]] = {
    "StageName": STAGE,
    # So that the end-to-end suite reaches the limits of its consumers before those of the whole API.
    "ThrottlingRateLimit": "1000",
    "ThrottlingBurstLimit": "2000",
    # Ministack supports no alarm on several metrics.
    "Alarms": "false",
}
"""The template's parameters in the rehearsal, but for the backends; they turn off what the emulator lacks."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """The stack on the emulator."""

    base_url: str
    outputs: Mapping[str, str]


def build_step(build: Path, emulator: Emulator) -> Step:
    """`sam build` into `build`, with wheels for this machine, which runs the functions."""
    command = [
        str(SAM), "build", "--template-file", str(PROJECT / "template.yaml"), "--base-dir", str(PROJECT),
        "--config-file", str(PROJECT / "samconfig.toml"), "--build-dir", str(build),
    ]  # fmt: skip
    platform_variable = {"PLATFORM": f"manylinux2014_{platform.machine()}"}
    return Step("sam-build", command, _sam_environment(emulator) | platform_variable, _STEP_SECONDS)


def deploy_step(build: Path, emulator: Emulator, backends: Mapping[str, str]) -> Step:
    """`sam deploy` of the build; `backends` are the template's parameters of that kind."""
    parameters = {**TEMPLATE_PARAMETERS, **backends}
    command = [
        str(SAM), "deploy", "--template-file", str(build / "template.yaml"), "--stack-name", STACK,
        "--config-file", str(PROJECT / "samconfig.toml"), "--no-confirm-changeset",
        "--parameter-overrides", *(f'{name}="{value}"' for name, value in parameters.items()),
    ]  # fmt: skip
    return Step("sam-deploy", command, _sam_environment(emulator), _STEP_SECONDS)


def delete_step(emulator: Emulator) -> Step:
    """`sam delete` of the stack."""
    command = [str(SAM), "delete", "--stack-name", STACK, "--no-prompts"]
    return Step("sam-delete", command, _sam_environment(emulator), _STEP_SECONDS)


def mend_deployment(emulator: Emulator) -> Deployed:
    """Put in what the emulator left out of the API, and say where it answers."""
    cloudformation = _client("cloudformation", emulator)
    stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
    resources = cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
    ids = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in resources}
    kinds = {each["LogicalResourceId"]: each["ResourceType"] for each in resources}
    functions = _client("lambda", emulator)
    arns = {
        f"{each['LogicalResourceId']}.Arn": functions.get_function(FunctionName=each["PhysicalResourceId"])[
            "Configuration"
        ]["FunctionArn"]
        for each in resources
        if each["ResourceType"] == "AWS::Lambda::Function"
    }
    # Ref of an alias is its ARN.
    arns |= {name: ids[name] for name, kind in kinds.items() if kind == "AWS::Lambda::Alias"}
    processed = cloudformation.get_template(StackName=STACK, TemplateStage="Processed")["TemplateBody"]
    document = processed["Resources"]["Api"]["Properties"]["Body"]
    mend(_client("apigateway", emulator), ids["Api"], STAGE, document, arns)
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    return Deployed(f"{emulator.url}/_aws/execute-api/{ids['Api']}/{STAGE}", outputs)


def check_deleted(emulator: Emulator) -> None:
    """Raises StepError unless what is left is no function, no API, and as many tables as are retained."""
    left = {
        "functions": len(_client("lambda", emulator).list_functions()["Functions"]),
        "APIs": len(_client("apigateway", emulator).get_rest_apis()["items"]),
        "tables": len(_client("dynamodb", emulator).list_tables()["TableNames"]),
    }
    tables = load_template().resources("AWS::DynamoDB::Table")
    resources = load_template().document["Resources"]
    retained = [name for name in tables if resources[name].get("DeletionPolicy") == "Retain"]
    if left != {"functions": 0, "APIs": 0, "tables": len(retained)}:
        raise StepError(f"the stack was deleted and left {left}; retained are the tables {retained}")


def write_function_logs(emulator: Emulator, file: Path) -> None:
    """What the functions have logged so far."""
    logs = _client("logs", emulator)
    with file.open("w") as written:
        for group in logs.describe_log_groups()["logGroups"]:
            name = group["logGroupName"]
            for page in logs.get_paginator("filter_log_events").paginate(logGroupName=name):
                written.writelines(f"{name}: {event['message'].rstrip()}\n" for event in page["events"])


def _client(service: str, emulator: Emulator) -> Any:
    variables = emulator.client_variables
    return boto3.client(
        service,
        region_name=variables["AWS_DEFAULT_REGION"],
        endpoint_url=emulator.url,
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
    )


def _sam_environment(emulator: Emulator) -> dict[str, str]:
    own = environment_without_aws()
    return {
        **own,
        **emulator.client_variables,
        # SAM looks for the functions' Python there.
        "PATH": f"{SAM.parent}{os.pathsep}{own.get('PATH', '')}",
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.2",
    }

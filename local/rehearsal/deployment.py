"""The project built, deployed and deleted by SAM as an operator does it, on the emulator."""

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from local.cloud import MAIL_SENDER, RESET_PAGE
from local.rehearsal.api_corrections import correct
from local.rehearsal.emulator import Emulator, environment_without_aws
from local.rehearsal.steps import Step, StepError
from local.template import PROJECT, load_template

STACK: Final = "imagineart-rehearsal"
STAGE: Final = "rehearsal"
_SAM: Final = PROJECT / ".venv-sam" / "bin" / "sam"
_STEP_SECONDS: Final = 900.0

TEMPLATE_PARAMETERS: Final[Mapping[str, str]] = {
    "StageName": STAGE,
    # So that the end-to-end suite reaches the limits of its consumers before those of the whole API.
    "ThrottlingRateLimit": "1000",
    "ThrottlingBurstLimit": "2000",
    "Signup": "true",
    "MailSender": MAIL_SENDER,
    "PasswordResetPage": RESET_PAGE,
    # Ministack supports no alarm on several metrics.
    "Alarms": "false",
}
"""The template's parameters in the rehearsal."""


def build_step(build: Path, emulator: Emulator) -> Step:
    """`sam build` into `build`, with wheels for this machine, which runs the functions."""
    command = [
        str(_SAM), "build", "--template-file", str(PROJECT / "template.yaml"), "--base-dir", str(PROJECT),
        "--config-file", str(PROJECT / "samconfig.toml"), "--build-dir", str(build),
    ]  # fmt: skip
    platform_variable = {"PLATFORM": f"manylinux2014_{platform.machine()}"}
    return Step("sam-build", command, _sam_environment(emulator) | platform_variable, _STEP_SECONDS)


def deploy_step(build: Path, emulator: Emulator) -> Step:
    """`sam deploy` of the build."""
    command = [
        str(_SAM), "deploy", "--template-file", str(build / "template.yaml"), "--stack-name", STACK,
        "--config-file", str(PROJECT / "samconfig.toml"), "--no-confirm-changeset",
        "--parameter-overrides", *(f'{name}="{value}"' for name, value in TEMPLATE_PARAMETERS.items()),
    ]  # fmt: skip
    return Step("sam-deploy", command, _sam_environment(emulator), _STEP_SECONDS)


def delete_step(emulator: Emulator) -> Step:
    """`sam delete` of the stack."""
    command = [str(_SAM), "delete", "--stack-name", STACK, "--no-prompts"]
    return Step("sam-delete", command, _sam_environment(emulator), _STEP_SECONDS)


def correct_deployment(emulator: Emulator) -> str:
    """Add to the deployed API what the emulator left out; return its base URL."""
    cloudformation, functions = emulator.client("cloudformation"), emulator.client("lambda")
    resources = cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
    ids = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in resources}
    # By what the document's Subs name: a function's attribute, or an alias, whose id is its ARN.
    arns = dict(ids)
    for each in resources:
        if each["ResourceType"] == "AWS::Lambda::Function":
            function = functions.get_function_configuration(FunctionName=each["PhysicalResourceId"])
            arns[f"{each['LogicalResourceId']}.Arn"] = function["FunctionArn"]
    processed = cloudformation.get_template(StackName=STACK, TemplateStage="Processed")["TemplateBody"]
    document = processed["Resources"]["Api"]["Properties"]["Body"]
    correct(emulator.client("apigateway"), ids["Api"], STAGE, document, arns)
    return f"{emulator.url}/_aws/execute-api/{ids['Api']}/{STAGE}"


def check_deleted(emulator: Emulator) -> None:
    """Raises StepError unless no function and no API is left, and as many tables as are retained."""
    left = {
        "functions": len(emulator.client("lambda").list_functions()["Functions"]),
        "APIs": len(emulator.client("apigateway").get_rest_apis()["items"]),
        "tables": len(emulator.client("dynamodb").list_tables()["TableNames"]),
    }
    resources = load_template().document["Resources"].values()
    tables = [each for each in resources if each["Type"] == "AWS::DynamoDB::Table"]
    retained = [each for each in tables if each.get("DeletionPolicy", "").startswith("Retain")]
    if left != {"functions": 0, "APIs": 0, "tables": len(retained)}:
        raise StepError(f"the stack was deleted and left {left}; {len(retained)} tables are retained")


def write_function_logs(emulator: Emulator, file: Path) -> None:
    """What the functions have logged so far."""
    logs = emulator.client("logs")
    with file.open("w") as output:
        for group in logs.describe_log_groups()["logGroups"]:
            name = group["logGroupName"]
            for page in logs.get_paginator("filter_log_events").paginate(logGroupName=name):
                output.writelines(f"{name}: {event['message'].rstrip()}\n" for event in page["events"])


def _sam_environment(emulator: Emulator) -> dict[str, str]:
    own = environment_without_aws()
    return {
        **own,
        **emulator.client_variables,
        # SAM looks for the functions' Python there.
        "PATH": f"{_SAM.parent}{os.pathsep}{own.get('PATH', '')}",
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.2",
    }

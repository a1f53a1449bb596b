"""Which deployment a command works on: the stack of `make run`, or a CloudFormation stack on AWS."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError

from cli.services import OperatorServices
from imagineart.aws import AwsClients
from imagineart.settings import AccessSettings, WebhookSettings

PROJECT: Final = Path(__file__).parent.parent


class DeploymentError(Exception):
    """The deployment cannot be found or reached; the text says what to do."""


@dataclass(frozen=True)
class Deployment:
    """What a command works on. It is found at its first use: help and bad options need none."""

    stack: str | None
    region: str | None
    profile: str | None

    def find_services(self) -> OperatorServices:
        """The services of the stack on AWS, or of the local one. Raises DeploymentError, SettingsError."""
        if self.stack:
            return aws_services(self.stack, region=self.region, profile=self.profile)
        return local_services()


def services_of(context: typer.Context) -> OperatorServices:
    """The services of the chosen deployment. Raises DeploymentError, SettingsError."""
    deployment: Deployment = context.find_root().obj
    return deployment.find_services()


def local_services(environment: Mapping[str, str] = os.environ) -> OperatorServices:
    """The services of the running local stack.

    The stack is described in `.local/stack.json`, or in the folder that IMAGINEART_LOCAL_STATE names. Raises
    DeploymentError where none runs.
    """
    stack_file = Path(environment.get("IMAGINEART_LOCAL_STATE") or PROJECT / ".local") / "stack.json"
    try:
        stack = json.loads(stack_file.read_text())
        return services_of_stack(stack)
    except OSError as error:
        raise DeploymentError(
            "no local stack is running; start one with 'make run', or name one with --stack"
        ) from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DeploymentError(
            f"{stack_file} does not describe a stack of this version; restart 'make run'"
        ) from error


def services_of_stack(variables: Mapping[str, str]) -> OperatorServices:
    """The services of a local stack. Raises KeyError, SettingsError."""
    return OperatorServices(
        AccessSettings.from_mapping(variables),
        AwsClients(variables),
        base_url=variables["IMAGINEART_BASE_URL"],
        credential_secret=variables["IMAGINEART_BACKEND_CREDENTIAL_SECRET"],
        bedrock_models=variables["IMAGINEART_BEDROCK_MODELS"],
    )


def aws_services(
    stack_name: str,
    *,
    region: str | None,
    profile: str | None,
    environment: Mapping[str, str] = os.environ,
) -> OperatorServices:
    """The services of a CloudFormation stack, found by its outputs. Raises DeploymentError.

    AWS_ENDPOINT_URL in `environment` replaces AWS's own addresses, as it does for AWS's tools.
    """
    try:
        session = boto3.Session(region_name=region, profile_name=profile)
        if not session.region_name:
            raise DeploymentError("no AWS region is set; pass --region")
        stacks = session.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"]
    except (BotoCoreError, ClientError) as error:
        raise DeploymentError(f"the stack '{stack_name}' cannot be read: {error}") from error
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stacks[0].get("Outputs", [])}
    given = {each["ParameterKey"]: each["ParameterValue"] for each in stacks[0].get("Parameters", [])}
    try:
        settings = AccessSettings(
            tokens_table=outputs["TokensTable"],
            consumers_table=outputs["ConsumersTable"],
            models_table=outputs["ModelsTable"],
            usage_table=outputs["UsageTable"],
            pepper_secret=outputs["PepperSecret"],
            internal_tokens_secret=outputs["InternalTokensSecret"],
            accounts_table=outputs["AccountsTable"],
            credits_table=outputs["CreditsTable"],
            session_secret=outputs["SessionSecret"],
            webhooks=WebhookSettings(
                table=outputs["WebhooksTable"],
                queue_url=outputs["WebhooksQueue"],
                key_secret=outputs["WebhookSecret"],
                reaches_loopback=False,
            ),
        )
        return OperatorServices(
            settings,
            AwsClients(environment, session=session),
            base_url=outputs["BaseUrl"],
            credential_secret=outputs["BackendCredentialSecret"],
            bedrock_models=f"{given['BedrockModels']},{given['BedrockTextModels']}",
        )
    except KeyError as error:
        raise DeploymentError(
            f"the stack '{stack_name}' has no {error}; is it this API's stack, and of this version?"
        ) from error

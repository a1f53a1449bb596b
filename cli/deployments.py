"""Which deployment a command works on: the stack of `make run`, or a CloudFormation stack on AWS."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError

from imagineart.adapters.aws_signature import Credentials
from imagineart.bootstrap import OperatorServices
from imagineart.domain.catalogue import EDIT_MODEL, GENERATION_MODEL
from imagineart.settings import AccessSettings, BackendSettings, parse_routes

PROJECT: Final = Path(__file__).parent.parent
_BACKENDS_VARIABLES: Final = {
    GENERATION_MODEL.id: "IMAGINEART_GENERATION_BACKENDS",
    EDIT_MODEL.id: "IMAGINEART_EDIT_BACKENDS",
}


class DeploymentError(Exception):
    """The deployment cannot be found or reached; the text says what to do."""


@dataclass(frozen=True)
class Deployment:
    """What a command works on, looked for when it is first needed: help and bad options need none."""

    stack: str | None
    region: str | None
    profile: str | None

    def find_services(self) -> OperatorServices:
        """The services of the stack on AWS, or of the local one. Raises DeploymentError, SettingsError."""
        if self.stack:
            return aws_services(self.stack, region=self.region, profile=self.profile)
        return local_services()


def services_of(context: typer.Context) -> OperatorServices:
    """The services of the deployment that was chosen. Raises DeploymentError, SettingsError."""
    deployment: Deployment = context.find_root().obj
    return deployment.find_services()


def local_services(environment: Mapping[str, str] = os.environ) -> OperatorServices:
    """The services of the running local stack, which tells of itself in `.local/stack.json`, or in the
    folder that IMAGINEART_LOCAL_STATE names. Raises DeploymentError where none runs.
    """
    stack_file = Path(environment.get("IMAGINEART_LOCAL_STATE") or PROJECT / ".local") / "stack.json"
    try:
        stack = json.loads(stack_file.read_text())
        credentials = Credentials(stack["AWS_ACCESS_KEY_ID"], stack["AWS_SECRET_ACCESS_KEY"])
        backends = {
            model_id: {**stack, "IMAGINEART_BACKENDS": stack[variable]}
            for model_id, variable in _BACKENDS_VARIABLES.items()
        }
    except OSError as error:
        raise DeploymentError(
            "no local stack is running; start one with 'make run', or name one with --stack"
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise DeploymentError(
            f"{stack_file} is of no stack that this command knows; start it anew"
        ) from error
    return OperatorServices(
        AccessSettings.from_mapping(stack),
        lambda: credentials,
        {model_id: BackendSettings.from_mapping(variables) for model_id, variables in backends.items()},
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
        held = session.get_credentials()
    except (BotoCoreError, ClientError) as error:
        raise DeploymentError(f"the stack '{stack_name}' cannot be read: {error}") from error
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stacks[0].get("Outputs", [])}
    given = {each["ParameterKey"]: each["ParameterValue"] for each in stacks[0].get("Parameters", [])}
    return OperatorServices(
        _settings_from_outputs(
            outputs, session.region_name, stack_name, environment.get("AWS_ENDPOINT_URL") or None
        ),
        lambda: _frozen(held),
        _backends_from_parameters(given, outputs, stack_name),
    )


def _backends_from_parameters(
    given: Mapping[str, str], outputs: Mapping[str, str], stack_name: str
) -> dict[str, BackendSettings]:
    try:
        secret = outputs["BackendCredentialSecret"]
        return {
            GENERATION_MODEL.id: BackendSettings(parse_routes(given["GenerationBackends"]), secret),
            EDIT_MODEL.id: BackendSettings(parse_routes(given["EditBackends"]), secret),
        }
    except KeyError as error:
        raise DeploymentError(
            f"the stack '{stack_name}' has no {error}; is it this API's stack, and as new as this command?"
        ) from error


def _settings_from_outputs(
    outputs: dict[str, str], region: str, stack_name: str, endpoint_url: str | None
) -> AccessSettings:
    try:
        return AccessSettings(
            region=region,
            aws_endpoint_url=endpoint_url,
            tokens_table=outputs["TokensTable"],
            consumers_table=outputs["ConsumersTable"],
            usage_table=outputs["UsageTable"],
            pepper_secret=outputs["PepperSecret"],
            internal_tokens_secret=outputs["InternalTokensSecret"],
        )
    except KeyError as error:
        raise DeploymentError(
            f"the stack '{stack_name}' has no output {error}; is it this API's stack?"
        ) from error


def _frozen(held: Any) -> Credentials:
    try:
        frozen = held.get_frozen_credentials()
    except BotoCoreError as error:
        raise DeploymentError(f"no AWS credentials: {error}") from error
    return Credentials(frozen.access_key, frozen.secret_key, frozen.token)

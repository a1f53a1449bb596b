"""The account of the rehearsal, as its administrator sees it and breaks things in it."""

import contextlib
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3

from tests.e2e.target import Target
from tests.permissions import listed

Document = dict[str, Any]
ALIAS = "live"


@dataclass(frozen=True)
class AwsAccount:
    """The deployed stack's resources by the template's names."""

    target: Target
    _ids: dict[str, str] = field(default_factory=dict)
    _changes: Iterator[int] = field(default_factory=itertools.count)

    def client(self, service: str) -> Any:
        """A boto3 client with the administrator's credentials."""
        variables = self.target.cli_variables
        return boto3.client(
            service,
            region_name=variables["AWS_DEFAULT_REGION"],
            endpoint_url=variables["AWS_ENDPOINT_URL"],
            aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        )

    def id_of(self, name: str) -> str:
        """The physical id of a resource."""
        if not self._ids:
            stack = self.target.cli_options[1]
            resources = self.client("cloudformation").describe_stack_resources(StackName=stack)
            self._ids.update(
                {
                    each["LogicalResourceId"]: each["PhysicalResourceId"]
                    for each in resources["StackResources"]
                }
            )
        return self._ids[name]

    def change(self, function: str, **configuration: Any) -> None:
        """Give the function another configuration, and requests to the version that has it."""
        functions = self.client("lambda")
        name = self.id_of(function)
        functions.update_function_configuration(FunctionName=name, **configuration)
        version = functions.publish_version(FunctionName=name)["Version"]
        functions.update_alias(FunctionName=name, Name=ALIAS, FunctionVersion=version)

    def restart(self, function: str, **variables: str) -> None:
        """Let the function's next environment be a new one, whose caches are empty, with other variables."""
        own = self.client("lambda").get_function_configuration(FunctionName=self.id_of(function))
        change = {"REHEARSAL_CHANGE": str(next(self._changes))}
        self.change(function, Environment={"Variables": own["Environment"]["Variables"] | change | variables})

    @contextlib.contextmanager
    def with_variables(self, function: str, **variables: str) -> Iterator[None]:
        """A function whose variables are others for a while."""
        name = self.id_of(function)
        own = self.client("lambda").get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        self.restart(function, **variables)
        try:
            yield
        finally:
            self.restart(function, **{key: own[key] for key in variables})

    @contextlib.contextmanager
    def without_layer(self, function: str, layer: str) -> Iterator[None]:
        """A function that lacks one of its layers for a while."""
        functions = self.client("lambda")
        name = self.id_of(function)
        layers = [each["Arn"] for each in functions.get_function_configuration(FunctionName=name)["Layers"]]
        left = [arn for arn in layers if arn.split(":")[6] != layer]
        assert len(left) == len(layers) - 1, layers
        self.change(function, Layers=left)
        try:
            yield
        finally:
            self.change(function, Layers=layers)

    @contextlib.contextmanager
    def without(self, policy: str, sid: str, action: str) -> Iterator[None]:
        """The policy lacks an action of a statement for a while."""
        before = self._replace(policy, lambda document: _lessened(document, sid, action))
        try:
            yield
        finally:
            self._replace(policy, lambda _: before)

    def _replace(self, policy: str, change: Callable[[Document], Document]) -> Document:
        """Let the policy say something else from now on; return what it said."""
        iam = self.client("iam")
        arn = self.id_of(policy)
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        before = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(change(before)), SetAsDefault=True)
        # A policy has five versions at most.
        iam.delete_policy_version(PolicyArn=arn, VersionId=version)
        return before


def _lessened(document: Document, sid: str, action: str) -> Document:
    """The policy document with an action of one statement replaced by one that everybody may take anyway."""
    statements = []
    for statement in document["Statement"]:
        if statement["Sid"] == sid:
            actions = listed(statement["Action"])
            assert action in actions, f"{sid} does not allow {action}"
            others = [each for each in actions if each != action]
            statement = {**statement, "Action": [*others, "sts:GetCallerIdentity"]}
        statements.append(statement)
    return {**document, "Statement": statements}

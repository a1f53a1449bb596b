"""The account of the rehearsal, as its administrator sees it and breaks things in it."""

import contextlib
import itertools
import json
import tempfile
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
    """The resources of the deployed stack, by their names in the template."""

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
            for each in resources["StackResources"]:
                self._ids[each["LogicalResourceId"]] = each["PhysicalResourceId"]
        return self._ids[name]

    def configuration(self, function: str) -> Document:
        """A function's configuration."""
        configuration: Document = self.client("lambda").get_function_configuration(
            FunctionName=self.id_of(function)
        )
        return configuration

    def configure(self, function: str, **configuration: Any) -> None:
        """Change a function's configuration, and let requests reach the version that has it."""
        functions, name = self.client("lambda"), self.id_of(function)
        functions.update_function_configuration(FunctionName=name, **configuration)
        version = functions.publish_version(FunctionName=name)["Version"]
        functions.update_alias(FunctionName=name, Name=ALIAS, FunctionVersion=version)

    def restart(self, function: str, **variables: str) -> None:
        """Start the function's next environment with empty caches, and with other variables if any."""
        own = self.configuration(function)["Environment"]["Variables"]
        changed = own | variables | {"REHEARSAL_CHANGE": str(next(self._changes))}
        self.configure(function, Environment={"Variables": changed})

    @contextlib.contextmanager
    def with_variables(self, function: str, **variables: str) -> Iterator[None]:
        """A function with some other variables for a while."""
        own = self.configuration(function)["Environment"]["Variables"]
        self.restart(function, **variables)
        try:
            yield
        finally:
            self.restart(function, **{name: own[name] for name in variables})

    @contextlib.contextmanager
    def with_models(self, document: str) -> Iterator[None]:
        """Other models for generations for a while."""
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write(document)
            file.flush()
            self.target.succeed(f"models apply {file.name}")
        self.restart("GenerateImageFunction")
        try:
            yield
        finally:
            self.target.succeed("models rollback 1")
            self.restart("GenerateImageFunction")

    @contextlib.contextmanager
    def without_layer(self, function: str, layer: str) -> Iterator[None]:
        """A function that lacks one of its layers for a while."""
        layers = [each["Arn"] for each in self.configuration(function)["Layers"]]
        left = [arn for arn in layers if arn.split(":")[6] != layer]
        assert len(left) == len(layers) - 1, layers
        self.configure(function, Layers=left)
        try:
            yield
        finally:
            self.configure(function, Layers=layers)

    @contextlib.contextmanager
    def without(self, policy: str, sid: str, action: str) -> Iterator[None]:
        """A policy that lacks an action of a statement for a while."""
        before = self._replace(policy, lambda document: _without(document, sid, action))
        try:
            yield
        finally:
            self._replace(policy, lambda _: before)

    def _replace(self, policy: str, change: Callable[[Document], Document]) -> Document:
        """Replace the policy's document; return the old one."""
        iam, arn = self.client("iam"), self.id_of(policy)
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        held = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
        before: Document = held["Document"]
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(change(before)), SetAsDefault=True)
        # A policy has five versions at most.
        iam.delete_policy_version(PolicyArn=arn, VersionId=version)
        return before


def _without(document: Document, sid: str, action: str) -> Document:
    """The document with an action of one statement replaced by one that needs no permission."""
    (statement,) = (each for each in document["Statement"] if each["Sid"] == sid)
    others = [each for each in listed(statement["Action"]) if each != action]
    changed = {**statement, "Action": [*others, "sts:GetCallerIdentity"]}
    kept = [each for each in document["Statement"] if each is not statement]
    return {**document, "Statement": [*kept, changed]}

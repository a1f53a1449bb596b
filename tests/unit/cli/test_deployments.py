"""Commands find their deployment: the local stack by its file, one on AWS by its outputs."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from cli.__main__ import app
from cli.deployments import DeploymentError, aws_services, local_services
from cli.services import OperatorServices
from imagineart.access.manage_consumers import ConsumerChange
from imagineart.models.read_document import PACKAGED_FILE, InvalidModelsError
from local.cloud import create_resources
from local.moto_server import serving_moto
from local.template import load_template
from tests.stores.tables import variables_of

RealSession = boto3.Session
BASE_URL = "https://api.example.com"
OUTPUTS = (
    "TokensTable", "ConsumersTable", "ModelsTable", "UsageTable", "PepperSecret", "InternalTokensSecret",
    "WebhooksTable", "WebhooksQueue", "WebhookSecret", "BackendCredentialSecret", "BaseUrl",
    "AccountsTable", "CreditsTable", "SessionSecret",
)  # fmt: skip


@pytest.fixture(scope="module")
def variables() -> Iterator[dict[str, str]]:
    """Of a cloud that has what the template declares."""
    with serving_moto() as url:
        yield create_resources(load_template(), url, {}) | variables_of(url) | {"BaseUrl": BASE_URL}


def assert_works(services: OperatorServices, variables: dict[str, str], consumer_id: str) -> None:
    assert services.manage_consumers.create(consumer_id, ConsumerChange()).id == consumer_id
    assert services.manage_consumers.find(consumer_id)
    assert [each.version for each in services.rotate_peppers.list()] == ["1"]
    assert services.rotate_session_keys.list() == {"1": True}
    assert services.rotate_secrets.create(consumer_id).startswith("whsec_")
    assert services.manage_webhooks.send_test(consumer_id, "https://hooks.example.com/").startswith(
        "wh_test_"
    )
    assert services.report_usage.rows(consumer_id=None, first_day=None, last_day=None) == []
    assert services.base_url == BASE_URL
    assert services.credential_secret == variables["BackendCredentialSecret"]
    assert services.manage_models.current().version == 0
    with pytest.raises(InvalidModelsError, match=r"allowed: stability\.sta"):
        services.manage_models.check(PACKAGED_FILE.read_text())


def test_the_local_stack_is_found_by_its_file(variables: dict[str, str], tmp_path: Path) -> None:
    stack = variables | {
        "IMAGINEART_TOKENS_TABLE": variables["TokensTable"],
        "IMAGINEART_CONSUMERS_TABLE": variables["ConsumersTable"],
        "IMAGINEART_USAGE_TABLE": variables["UsageTable"],
        "IMAGINEART_PEPPER_SECRET": variables["PepperSecret"],
        "IMAGINEART_INTERNAL_TOKENS_SECRET": variables["InternalTokensSecret"],
        "IMAGINEART_WEBHOOKS_TABLE": variables["WebhooksTable"],
        "IMAGINEART_WEBHOOKS_QUEUE": variables["WebhooksQueue"],
        "IMAGINEART_ACCOUNTS_TABLE": variables["AccountsTable"],
        "IMAGINEART_CREDITS_TABLE": variables["CreditsTable"],
        "IMAGINEART_SESSION_SECRET": variables["SessionSecret"],
        "IMAGINEART_WEBHOOK_SECRET": variables["WebhookSecret"],
        "IMAGINEART_BACKEND_CREDENTIAL_SECRET": variables["BackendCredentialSecret"],
        "IMAGINEART_MODELS_TABLE": variables["ModelsTable"],
        "IMAGINEART_BEDROCK_MODELS": "stability.sta*,amazon.*",
        "IMAGINEART_BASE_URL": BASE_URL,
    }
    (tmp_path / "stack.json").write_text(json.dumps(stack))
    assert_works(local_services({"IMAGINEART_LOCAL_STATE": str(tmp_path)}), variables, "local")


@dataclass
class Account:
    """An AWS account with one stack, whose outputs some may lack."""

    variables: dict[str, str]
    outputs: tuple[str, ...] = OUTPUTS

    def session(self, region_name: str | None, profile_name: str | None) -> boto3.Session:
        session = RealSession("local", "local", region_name=region_name)
        session.client = lambda service, **options: (  # type: ignore[method-assign]
            self if service == "cloudformation" else RealSession.client(session, service, **options)
        )
        return session

    def describe_stacks(self, *, StackName: str) -> dict:  # noqa: N803
        if StackName != "ours":
            raise ClientError(
                {"Error": {"Code": "ValidationError", "Message": "no such stack"}}, "DescribeStacks"
            )
        parameters = {"BedrockModels": "stability.sta*", "BedrockTextModels": "amazon.*"}
        return {
            "Stacks": [
                {
                    "Outputs": [
                        {"OutputKey": each, "OutputValue": self.variables[each]} for each in self.outputs
                    ],
                    "Parameters": [
                        {"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()
                    ],
                }
            ]
        }


@pytest.fixture
def account(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Account:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    account = Account(variables)
    monkeypatch.setattr("cli.deployments.boto3.Session", account.session)
    return account


def find(account: Account, stack_name: str, region: str | None) -> OperatorServices:
    environment = {"AWS_ENDPOINT_URL": account.variables["AWS_ENDPOINT_URL"]}
    return aws_services(stack_name, region=region, profile=None, environment=environment)


def test_a_stack_on_aws_is_found_by_its_outputs_and_parameters(account: Account) -> None:
    assert_works(find(account, "ours", "us-east-1"), account.variables, "on-aws")


@pytest.mark.parametrize(
    ("stack_name", "region", "message"),
    [
        ("absent", "us-east-1", "the stack 'absent' cannot be read"),
        ("ours", "us-east-1", "the stack 'ours' has no 'ModelsTable'; is it this API's stack"),
        ("ours", None, "no AWS region is set; pass --region"),
    ],
)
def test_a_stack_that_cannot_be_used_is_reported(
    account: Account, stack_name: str, region: str | None, message: str
) -> None:
    account.outputs = ("TokensTable", "ConsumersTable")
    with pytest.raises(DeploymentError, match=message):
        find(account, stack_name, region)


def test_without_a_stack_a_command_says_how_to_start_one_and_examples_need_none(tmp_path: Path) -> None:
    environment = {"IMAGINEART_LOCAL_STATE": str(tmp_path)}
    result = CliRunner().invoke(app, ["token", "list"], env=environment)
    assert (result.exit_code, "make run" in result.output) == (1, True)
    result = CliRunner().invoke(app, ["examples"], env=environment)
    for path in ("images/generations", "images/edits", "uploads"):
        assert f"$IMAGINEART_BASE_URL/v1/{path}" in result.output

"""Commands find their deployment: the local stack by its file, one on AWS by its outputs."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.deployments import DeploymentError, aws_services, local_services
from cli.services import OperatorServices
from imagineart.access.manage_consumers import ConsumerChange
from imagineart.aws import AwsClients
from imagineart.settings import BackendSettings
from local.cloud import create_resources
from local.moto_server import serving_moto
from local.template import load_template
from tests.stores.tables import variables_of

ROUTES = {
    "text-to-image": "openai https://a.example.com/v1 model-a",
    "image-edit": "openai https://b.example.com/v1 model-b",
}
OUTPUTS = ("TokensTable", "ConsumersTable", "UsageTable", "PepperSecret", "InternalTokensSecret")


@pytest.fixture(scope="module")
def variables() -> Iterator[dict[str, str]]:
    """Of a cloud that has what the template declares."""
    with serving_moto() as url:
        parameters = {"GenerationBackends": "none", "EditBackends": "none"}
        yield create_resources(load_template(), url, parameters) | variables_of(url)


def assert_works(services: OperatorServices, variables: dict[str, str], consumer_id: str) -> None:
    assert services.manage_consumers.create(consumer_id, ConsumerChange()).id == consumer_id
    assert services.manage_consumers.find(consumer_id)
    assert [each.version for each in services.rotate_peppers.list()] == ["1"]
    assert services.report_usage.rows(consumer_id=None, first_day=None, last_day=None) == []
    assert dict(services.backends) == {
        model_id: BackendSettings(routes, variables["BackendCredentialSecret"])
        for model_id, routes in ROUTES.items()
    }


def test_the_local_stack_is_found_by_its_file(variables: dict[str, str], tmp_path: Path) -> None:
    stack = variables | {
        "IMAGINEART_TOKENS_TABLE": variables["TokensTable"],
        "IMAGINEART_CONSUMERS_TABLE": variables["ConsumersTable"],
        "IMAGINEART_USAGE_TABLE": variables["UsageTable"],
        "IMAGINEART_PEPPER_SECRET": variables["PepperSecret"],
        "IMAGINEART_INTERNAL_TOKENS_SECRET": variables["InternalTokensSecret"],
        "IMAGINEART_BACKEND_CREDENTIAL_SECRET": variables["BackendCredentialSecret"],
        "IMAGINEART_GENERATION_BACKENDS": ROUTES["text-to-image"],
        "IMAGINEART_EDIT_BACKENDS": ROUTES["image-edit"],
    }
    (tmp_path / "stack.json").write_text(json.dumps(stack))
    assert_works(local_services({"IMAGINEART_LOCAL_STATE": str(tmp_path)}), variables, "local")


@pytest.mark.parametrize("text", ["{}", "[]", "no json"])
def test_a_file_of_another_version_is_reported(tmp_path: Path, text: str) -> None:
    (tmp_path / "stack.json").write_text(text)
    with pytest.raises(DeploymentError, match="does not describe a stack of this version"):
        local_services({"IMAGINEART_LOCAL_STATE": str(tmp_path)})


@pytest.fixture
def on_aws(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The variables of an operator's process."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, variables[name])
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return variables


def create_stack(variables: dict[str, str], name: str, *outputs: str) -> None:
    template = {
        "Parameters": {each: {"Type": "String"} for each in ("GenerationBackends", "EditBackends")},
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
        "Outputs": {each: {"Value": variables.get(each, each)} for each in outputs},
    }
    parameters = {"GenerationBackends": ROUTES["text-to-image"], "EditBackends": ROUTES["image-edit"]}
    AwsClients(variables).client("cloudformation").create_stack(
        StackName=name,
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )


def test_a_stack_on_aws_is_found_by_its_outputs_and_parameters(on_aws: dict[str, str]) -> None:
    create_stack(on_aws, "ours", *OUTPUTS, "BackendCredentialSecret")
    services = aws_services("ours", region="us-east-1", profile=None, environment=on_aws)
    assert_works(services, on_aws, "on-aws")


@pytest.mark.parametrize(
    ("stack_name", "region", "message"),
    [
        ("absent", "us-east-1", "the stack 'absent' cannot be read"),
        ("theirs", "us-east-1", "the stack 'theirs' has no 'InternalTokensSecret'; is it this API's stack"),
        ("ours", None, "no AWS region is set; pass --region"),
    ],
)
def test_a_stack_that_cannot_be_used_is_reported(
    on_aws: dict[str, str], stack_name: str, region: str | None, message: str
) -> None:
    if stack_name == "theirs":
        create_stack(on_aws, "theirs", *OUTPUTS[:-1], "BackendCredentialSecret")
    with pytest.raises(DeploymentError, match=message):
        aws_services(stack_name, region=region, profile=None, environment=on_aws)

"""What of the template shows neither over HTTP nor in a permission."""

import httpx
import pytest

from tests.e2e.deployed_stack.aws_account import AwsAccount


def test_an_upload_over_plain_http_is_refused(account: AwsAccount) -> None:
    with account.target.client() as client:
        form = {"content_type": "image/png", "size": "1"}
        granted = client.post("/v1/uploads", data=form).raise_for_status().json()
    statuses = [
        httpx.put(granted["url"], content=b"a", headers=granted["headers"] | scheme, timeout=300).status_code
        for scheme in ({"X-Forwarded-Proto": "http"}, {"X-Forwarded-Proto": "https"})
    ]
    assert statuses == [403, 200]


@pytest.mark.parametrize("layer", ["SharedLayer", "DependenciesLayer"])
def test_a_function_has_its_packages_from_its_layers_alone(account: AwsAccount, layer: str) -> None:
    with account.without_layer("ListModelsFunction", layer):
        assert account.target.list_models("unknown").status_code == 502
    assert account.target.list_models("unknown").status_code == 401


@pytest.mark.parametrize("function", ["HealthFunction", "UnknownRequestFunction"])
def test_a_function_without_authentication_may_only_log(account: AwsAccount, function: str) -> None:
    iam, role = account.client("iam"), account.id_of(f"{function}Role")
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    (statement,) = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]
    assert statement["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]

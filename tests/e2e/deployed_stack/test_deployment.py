"""What of the template shows neither over HTTP nor in a permission."""

import httpx
import pytest

from tests.e2e.deployed_stack.aws_account import AwsAccount
from tests.e2e.target import WAIT_SECONDS, bearer


def test_an_upload_over_plain_http_is_refused(account: AwsAccount) -> None:
    form = {"content_type": "image/png", "size": "1"}
    with httpx.Client(headers=bearer(account.target.token), timeout=WAIT_SECONDS) as client:
        granted = client.post(f"{account.target.base_url}/v1/uploads", data=form).raise_for_status().json()
    statuses = [
        httpx.put(
            granted["url"], content=b"a", headers=granted["headers"] | over, timeout=WAIT_SECONDS
        ).status_code
        for over in ({"X-Forwarded-Proto": "http"}, {"X-Forwarded-Proto": "https"})
    ]
    assert statuses == [403, 200]


@pytest.mark.parametrize("layer", ["SharedLayer", "DependenciesLayer"])
def test_a_function_has_its_packages_from_its_layers_alone(account: AwsAccount, layer: str) -> None:
    url = f"{account.target.base_url}/v1/models"
    with account.without_layer("ListModelsFunction", layer):
        assert httpx.get(url, timeout=WAIT_SECONDS).status_code == 502
    assert httpx.get(url, timeout=WAIT_SECONDS).status_code == 401


@pytest.mark.parametrize("function", ["HealthFunction", "UnknownRequestFunction"])
def test_a_function_open_to_anybody_may_do_nothing_but_write_its_logs(
    account: AwsAccount, function: str
) -> None:
    iam = account.client("iam")
    role = account.id_of(f"{function}Role")
    attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert attached == []
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    (statement,) = document["Statement"]
    assert statement["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]

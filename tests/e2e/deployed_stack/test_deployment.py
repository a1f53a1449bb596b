"""What of the template shows neither over HTTP nor in a permission."""

import httpx
import pytest

from tests.e2e.deployed_stack.aws_account import AwsAccount
from tests.e2e.target import WAIT_SECONDS


@pytest.mark.parametrize("name", ["UploadsBucket", "AnswersBucket"])
def test_a_bucket_is_spoken_to_over_tls_only(account: AwsAccount, name: str) -> None:
    bucket = account.id_of(name)
    put = account.client("s3").generate_presigned_url("put_object", {"Bucket": bucket, "Key": "uploads/a"})
    assert httpx.put(put, content=b"a", timeout=WAIT_SECONDS).status_code == 200
    plain = {"X-Forwarded-Proto": "http"}
    assert httpx.put(put, content=b"a", headers=plain, timeout=WAIT_SECONDS).status_code == 403


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
    assert [policy["PolicyName"] for policy in attached] == ["AWSLambdaBasicExecutionRole"]
    assert iam.list_role_policies(RoleName=role)["PolicyNames"] == []

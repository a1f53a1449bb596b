import pytest

from tests.e2e.deployed_stack.aws_account import AwsAccount
from tests.e2e.target import Target


@pytest.fixture(scope="session")
def account(target: Target) -> AwsAccount:
    return AwsAccount(target)

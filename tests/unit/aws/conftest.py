"""AWS on loopback, in this process."""

from collections.abc import Iterator
from itertools import count

import pytest

from imagineart.aws import AwsClients
from local.moto_server import serving_moto
from tests.fakes.lossy_aws import LossyAws
from tests.stores.tables import variables_of

numbers = count(1)


@pytest.fixture(scope="session")
def endpoint_url() -> Iterator[str]:
    with serving_moto() as url:
        yield url


@pytest.fixture(scope="session")
def aws(endpoint_url: str) -> AwsClients:
    return AwsClients(variables_of(endpoint_url))


@pytest.fixture
def lossy_aws(aws: AwsClients, endpoint_url: str) -> LossyAws:
    return LossyAws(variables_of(endpoint_url), aws.session)


@pytest.fixture
def secret_id(aws: AwsClients) -> str:
    """A new secret, an empty object."""
    created = aws.client("secretsmanager").create_secret(Name=f"secret-{next(numbers)}", SecretString="{}")
    return created["ARN"]


@pytest.fixture
def bucket_name(aws: AwsClients) -> str:
    """A new bucket."""
    name = f"bucket-{next(numbers)}"
    aws.client("s3").create_bucket(Bucket=name)
    return name

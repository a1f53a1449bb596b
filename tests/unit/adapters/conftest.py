"""AWS on loopback, in this process."""

from collections.abc import Iterator
from itertools import count

import boto3
import pytest

from imagineart.adapters.aws_client import AwsClient
from imagineart.adapters.aws_signature import Credentials
from local.moto_server import serving_moto

REGION = "us-east-1"
names = count(1)


@pytest.fixture(scope="session")
def aws_endpoint() -> Iterator[str]:
    with serving_moto() as url:
        yield url


@pytest.fixture(scope="session")
def aws(aws_endpoint: str) -> AwsClient:
    return AwsClient(REGION, lambda: Credentials("local", "local"), aws_endpoint)


def boto3_client(service: str, endpoint_url: str):
    return boto3.client(
        service,
        region_name=REGION,
        endpoint_url=endpoint_url,
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )


@pytest.fixture
def secret_id(aws_endpoint: str) -> str:
    """A new secret that holds an empty object."""
    return boto3_client("secretsmanager", aws_endpoint).create_secret(
        Name=f"secret-{next(names)}", SecretString="{}"
    )["ARN"]


@pytest.fixture
def bucket(aws_endpoint: str) -> str:
    """A new bucket."""
    name = f"bucket-{next(names)}"
    boto3_client("s3", aws_endpoint).create_bucket(Bucket=name)
    return name

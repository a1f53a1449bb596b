"""AWS on loopback, in this process."""

import logging
from collections.abc import Callable, Iterator
from itertools import count
from threading import Lock, Thread
from typing import Any

import boto3
import pytest
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

from imagineart.adapters.aws_client import AwsClient
from imagineart.adapters.aws_signature import Credentials

REGION = "us-east-1"
names = count(1)


class OneAtATime:
    """Moto's application, one call after another: DynamoDB's updates are atomic, and moto's own are not."""

    def __init__(self) -> None:
        self._application = DomainDispatcherApplication(create_backend_app)
        self._turn = Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        with self._turn:
            return list(self._application(environ, start_response))


@pytest.fixture(scope="session")
def aws_endpoint() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, OneAtATime(), threaded=True, request_handler=MotoRequestHandler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


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
def table_name(aws_endpoint: str) -> str:
    """A new table with the key of both of the system's tables."""
    name = f"table-{next(names)}"
    boto3_client("dynamodb", aws_endpoint).create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


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

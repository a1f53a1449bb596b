"""Contract tests run against the store in memory and against every implementation of DynamoDB."""

import os
from collections.abc import Iterator

import pytest

from imagineart.aws import AwsClients
from local.moto_server import serving_moto
from tests.stores.dynalite_server import NodeMissingError, serving_dynalite
from tests.stores.tables import variables_of

IMPLEMENTATIONS = ["moto", "dynalite"]


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[str]:
    with serving_moto() as url:
        yield url


@pytest.fixture(scope="session")
def dynalite_endpoint() -> Iterator[str]:
    try:
        with serving_dynalite() as url:
            yield url
    except NodeMissingError as missing:
        if os.environ.get("REQUIRE_NODE"):
            pytest.fail(f"{missing} (REQUIRE_NODE is set)", pytrace=False)
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def moto(moto_endpoint: str) -> AwsClients:
    return AwsClients(variables_of(moto_endpoint))


@pytest.fixture(scope="session")
def dynalite(dynalite_endpoint: str) -> AwsClients:
    return AwsClients(variables_of(dynalite_endpoint))


@pytest.fixture(scope="session", params=IMPLEMENTATIONS)
def aws(request: pytest.FixtureRequest) -> AwsClients:
    return request.getfixturevalue(request.param)

"""Each test that takes `store_endpoint` runs against every implementation of DynamoDB."""

import os
from collections.abc import Iterator

import pytest

from local.moto_server import serving_moto
from tests.stores.dynalite_server import NodeMissingError, serving_dynalite


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


@pytest.fixture(scope="session", params=["moto", "dynalite"])
def store_endpoint(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue(f"{request.param}_endpoint")

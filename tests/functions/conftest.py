from collections.abc import Iterator

import httpx
import pytest

from local.moto_server import serving_moto
from tests.functions.deployment import Deployer, Deployment
from tests.functions.generating_backend import GeneratingBackend


@pytest.fixture(scope="session")
def cloud_server() -> Iterator[str]:
    with serving_moto() as url:
        yield url


@pytest.fixture
def empty_cloud(cloud_server: str) -> str:
    httpx.post(f"{cloud_server}/moto-api/reset").raise_for_status()
    return cloud_server


@pytest.fixture
def backend() -> Iterator[GeneratingBackend]:
    with GeneratingBackend() as running:
        yield running


@pytest.fixture
def deploy(empty_cloud: str, backend: GeneratingBackend) -> Iterator[Deployer]:
    """Builds a deployment from the template, altered or not."""
    deployer = Deployer(empty_cloud, backend.base_url)
    yield deployer
    deployer.close()


@pytest.fixture
def api(deploy: Deployer) -> Deployment:
    return deploy()


@pytest.fixture
def client(api: Deployment) -> Iterator[httpx.Client]:
    """A client whose consumer has a limit no test reaches."""
    with api.client(api.issue_token()) as authenticated:
        yield authenticated

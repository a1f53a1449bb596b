import logging
from collections.abc import Iterator

import httpx
import pytest
from moto.server import ThreadedMotoServer

from tests.functions.deployment import Deployer, Deployment
from tests.functions.painting_backend import PaintingBackend


@pytest.fixture(scope="session")
def cloud_server() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def empty_cloud(cloud_server: str) -> str:
    httpx.post(f"{cloud_server}/moto-api/reset").raise_for_status()
    return cloud_server


@pytest.fixture
def backend() -> Iterator[PaintingBackend]:
    with PaintingBackend() as running:
        yield running


@pytest.fixture
def deploy(empty_cloud: str, backend: PaintingBackend) -> Iterator[Deployer]:
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

import asyncio
import time
from collections.abc import Callable, Iterator
from functools import cache, partial

import botocore.session
import httpx
import pytest

from local.mailbox import ReceivedMail, with_mailbox
from local.moto_server import serving_moto
from tests.functions.deployment import Cloud, Deployment
from tests.functions.generating_backend import GeneratingBackend
from tests.functions.socket_clients import ManagementServer, serving_management

Deploy = Callable[..., Deployment]


class LoopClock:
    """The clock of every event loop, by which deadlines are kept. It stands still until it is advanced."""

    def __init__(self) -> None:
        self.seconds = time.monotonic()

    def advance(self, seconds: float) -> None:
        """Let time pass; a loop that waits notices when it gets data."""
        self.seconds += seconds


@pytest.fixture(scope="session", autouse=True)
def botocore_data_is_read_once() -> Iterator[None]:
    """Each environment has a session of its own, which would take most of a test's time to read the same."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(botocore.session, "create_loader", cache(botocore.session.create_loader))
        yield


@pytest.fixture(scope="session")
def management() -> Iterator[ManagementServer]:
    """Where the functions of every deployment send messages to WebSocket connections."""
    with serving_management() as server:
        yield server


@pytest.fixture(scope="session")
def cloud(management: ManagementServer) -> Iterator[Cloud]:
    mails: list[ReceivedMail] = []
    with serving_moto(partial(with_mailbox, keep=mails.append)) as url:
        cloud = Cloud(url, management.url, mails)
        yield cloud
        cloud.empty()


@pytest.fixture(scope="session")
def generating_server() -> Iterator[GeneratingBackend]:
    with GeneratingBackend() as running:
        yield running


@pytest.fixture
def backend(generating_server: GeneratingBackend) -> Iterator[GeneratingBackend]:
    """The backend of every deployment, as if it had just started."""
    generating_server.reset()
    yield generating_server
    generating_server.release()


@pytest.fixture
def deploy(cloud: Cloud, backend: GeneratingBackend) -> Deploy:
    """Builds a deployment of the test's own; see `Cloud.deploy`."""

    def deploy(*change: Callable[[dict], None], **options: str) -> Deployment:
        return cloud.deploy(backend.base_url, *change, **options)

    return deploy


@pytest.fixture
def api(cloud: Cloud, backend: GeneratingBackend) -> Deployment:
    """The deployment of the template as it is, which all tests share that only send requests."""
    return cloud.shared_deployment(backend.base_url)


@pytest.fixture
def own_api(deploy: Deploy) -> Deployment:
    """A deployment like `api` that is empty, and whose cloud the test may break."""
    return deploy()


@pytest.fixture
def client(api: Deployment) -> Iterator[httpx.Client]:
    """A client of a consumer of its own, with limits that no test reaches."""
    with api.client(api.issue_token()) as authenticated:
        yield authenticated


@pytest.fixture
def loop_clock(monkeypatch: pytest.MonkeyPatch) -> LoopClock:
    clock = LoopClock()
    monkeypatch.setattr(asyncio.BaseEventLoop, "time", lambda _: clock.seconds)
    return clock

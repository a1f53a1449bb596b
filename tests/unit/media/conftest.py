import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from botocore.validate import ParamValidator

from imagineart.aws import AwsClients
from imagineart.backends.http import HttpClient
from imagineart.backends.keys import BackendKeys
from imagineart.media.engine_builder import EngineBuilder
from imagineart.media.make_media import MediaBackends
from imagineart.media.model import MadeMedia, MediaRequest, Order
from imagineart.models.model import MODELS_BY_KIND
from tests.fakes.clock import FakeClock
from tests.fakes.image_making import Attempts
from tests.media_server import MediaServer

Make = Callable[..., MadeMedia | Order]
REGION = "eu-west-1"
LIMITS: dict[str, dict[str, Any]] = {
    "text": {}, "voice": {"voices": ["alloy"]}, "music": {}, "video": {"seconds": [4], "sizes": ["64x64"]},
}  # fmt: skip


@pytest.fixture
def server() -> Iterator[MediaServer]:
    with MediaServer() as running:
        yield running


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def attempts() -> Attempts:
    return Attempts()


@pytest.fixture
def http() -> HttpClient:
    return HttpClient()


@pytest.fixture
def builder(http: HttpClient) -> EngineBuilder:
    variables = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "a secret", "AWS_REGION": REGION}
    return EngineBuilder(ValidatingClients(variables), BackendKeys(lambda: {}), lambda: http)


def model_of(kind: str, routes: Sequence[dict[str, Any]]) -> Any:
    """A model of a kind with these backends."""
    fields = {"id": "m", "name": "M", "kind": kind, "typical_seconds": 1, "backends": routes}
    return MODELS_BY_KIND[kind].model_validate(fields | LIMITS[kind], strict=False)


@pytest.fixture
def make(http: HttpClient, builder: EngineBuilder, clock: FakeClock, attempts: Attempts) -> Iterator[Make]:
    """What the backends of a model make of a request, and of an order."""
    built = dict[str, MediaBackends]()

    def call(request: MediaRequest, *routes: dict[str, Any], order: Order | None = None) -> MadeMedia | Order:
        if str(routes) not in built:
            built[str(routes)] = MediaBackends(
                builder.build(model_of(request.kind, routes)),
                random_fraction=lambda: 0.0,
                attempt_finished=attempts.finished,
                report_failure=attempts.report,
                clock=clock,
            )
        return runner.run(built[str(routes)].make(request, order, deadline_seconds=30))

    with asyncio.Runner() as runner:
        yield call
        runner.run(http.close())


class ValidatingClients(AwsClients):
    """Clients that refuse what a service does not know, which those of a function leave to the service."""

    def client(self, service: str, **options: Any) -> Any:
        client = super().client(service, **options)
        client.meta.events.register("provide-client-params", assert_as_the_service_says, unique_id="check")
        return client


def assert_as_the_service_says(params: dict[str, Any], model: Any, **_: Any) -> None:
    report = ParamValidator().validate(params, model.input_shape)
    assert not report.has_errors(), report.generate_report()

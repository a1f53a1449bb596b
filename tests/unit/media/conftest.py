import asyncio
from collections.abc import Callable, Iterator
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
def make(clock: FakeClock, attempts: Attempts) -> Iterator[Make]:
    """What the backends of a model make of a request, and of an order."""
    http, built = HttpClient(), dict[str, MediaBackends]()
    variables = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "a secret", "AWS_REGION": REGION}
    builder = EngineBuilder(ValidatingClients(variables), BackendKeys(lambda: {}), lambda: http)

    def call(request: MediaRequest, *routes: dict[str, Any], order: Order | None = None) -> MadeMedia | Order:
        if str(routes) not in built:
            fields = {"id": "m", "name": "M", "kind": request.kind, "typical_seconds": 1, "backends": routes}
            model = MODELS_BY_KIND[request.kind].model_validate(fields | LIMITS[request.kind], strict=False)
            built[str(routes)] = MediaBackends(
                builder.build(model),
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

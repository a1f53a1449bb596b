from collections.abc import Iterator

import pytest

from imagineart.domain.ports import ImageBackend
from tests.conformance.contestant import Contestant
from tests.conformance.contestants import CONTESTANTS
from tests.conformance.orders import EDIT, GENERATION, Order
from tests.fault_backend import FaultBackend

CREDENTIAL = "the-credential"


@pytest.fixture(params=CONTESTANTS, ids=lambda contestant: contestant.name)
def contestant(request: pytest.FixtureRequest) -> Contestant:
    return request.param


@pytest.fixture(params=[GENERATION, EDIT], ids=["generation", "edit"])
def order(request: pytest.FixtureRequest) -> Order:
    return request.param


@pytest.fixture
def server(contestant: Contestant) -> Iterator[FaultBackend]:
    with contestant.serve() as running:
        yield running


@pytest.fixture
def backend(contestant: Contestant, server: FaultBackend) -> Iterator[ImageBackend]:
    with contestant.connect(server.origin, lambda: CREDENTIAL) as adapter:
        yield adapter

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from imagineart.backends.http import HttpClient
from imagineart.backends.model import ImageBackend
from imagineart.images.model import ImageRequest
from tests.conformance.requests import EDIT, GENERATION
from tests.conformance.subject import CREDENTIAL, Subject
from tests.conformance.subjects import SUBJECTS
from tests.fault_backend import FaultBackend

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(params=SUBJECTS, ids=lambda subject: subject.name)
def subject(request: pytest.FixtureRequest) -> Subject:
    return request.param


@pytest.fixture(params=[GENERATION, EDIT], ids=["generation", "edit"])
def request_(request: pytest.FixtureRequest) -> ImageRequest:
    return request.param


@pytest.fixture
def server(subject: Subject) -> Iterator[FaultBackend]:
    with subject.serve() as running:
        yield running


@pytest.fixture
def run(http: HttpClient) -> Iterator[Run]:
    """Runs coroutines in one event loop."""
    with asyncio.Runner() as runner:
        yield runner.run
        runner.run(http.close())


@pytest.fixture
def http() -> HttpClient:
    return HttpClient()


@pytest.fixture
def backend(subject: Subject, server: FaultBackend, http: HttpClient) -> ImageBackend:
    return subject.connect(http, server.origin, lambda: CREDENTIAL)

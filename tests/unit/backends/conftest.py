import asyncio
from collections.abc import Callable, Iterator

import pytest

from imagineart.backends.http import HttpClient
from imagineart.backends.model import GeneratedImage, ImageBackend
from imagineart.errors import ImagineArtError
from imagineart.images.model import ImageRequest
from tests.fault_backend import FaultBackend

Generate = Callable[[ImageBackend, ImageRequest], GeneratedImage]
Fail = Callable[[ImageBackend, ImageRequest], ImagineArtError]


@pytest.fixture
def server() -> Iterator[FaultBackend]:
    with FaultBackend() as running:
        yield running


@pytest.fixture
def http() -> HttpClient:
    return HttpClient()


@pytest.fixture
def generate(http: HttpClient) -> Iterator[Generate]:
    """What a backend makes of a request."""
    with asyncio.Runner() as runner:
        yield lambda backend, request: runner.run(backend.generate(request))
        runner.run(http.close())


@pytest.fixture
def failure(generate: Generate) -> Fail:
    """The error that a backend raises for a request."""

    def fail(backend: ImageBackend, request: ImageRequest) -> ImagineArtError:
        with pytest.raises(ImagineArtError) as caught:
            generate(backend, request)
        return caught.value

    return fail

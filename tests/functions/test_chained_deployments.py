"""A whole deployment of this API as the backend of another: forms, uploads, streamed images and errors."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from imagineart.backends.http import HttpClient
from imagineart.backends.imagineart_api import ImagineArtBackend
from imagineart.errors import RateLimitedError
from imagineart.images.kinds import PNG
from imagineart.images.model import ImageRequest, ReferenceImage
from imagineart.images.sizes import Size, output_size
from tests.functions.deployment import Deployment
from tests.functions.generating_backend import GeneratingBackend, colour_of, image_file, noise_file
from tests.functions.served_gateway import served
from tests.sample_images import decode

Chain = Callable[[ImageRequest, str], bytes]
SIZE = output_size("16:9", "1K")
GENERATION = ImageRequest("a fox at “night”", SIZE, seed=2**40, reasoning="high")


@pytest.fixture
def chain(api: Deployment) -> Iterator[Chain]:
    """Makes an image on the other deployment, with a token of it."""
    http = HttpClient()
    with served(api.gateway) as origin, asyncio.Runner() as runner:

        def generate(request: ImageRequest, token: str) -> bytes:
            return runner.run(
                ImagineArtBackend(http, f"{origin}/v1", lambda: token).generate(request)
            ).content

        yield generate
        runner.run(http.close())


def test_a_request_reaches_the_model_behind_the_other_deployment_unchanged(
    chain: Chain, api: Deployment, backend: GeneratingBackend
) -> None:
    image = decode(chain(GENERATION, api.issue_token().text))
    assert (image.size, image.getpixel((0, 0))) == ((SIZE.width, SIZE.height), colour_of(GENERATION.prompt))
    (request,) = backend.requests
    sent = {name: request.json[name] for name in ("prompt", "seed", "reasoning", "size")}
    assert sent == {"prompt": GENERATION.prompt, "seed": 2**40, "reasoning": "high", "size": str(SIZE)}


def test_references_too_large_for_a_request_arrive_by_upload_in_their_order(
    chain: Chain, api: Deployment, backend: GeneratingBackend
) -> None:
    large, small = noise_file(1280, 1280), image_file((64, 64))
    assert len(large) > 4_718_592
    references = tuple(
        ReferenceImage(content, PNG, Size(*decode(content).size)) for content in (small, large, small)
    )
    request = ImageRequest("at dusk", SIZE, 7, references)
    assert decode(chain(request, api.issue_token().text)).size == (SIZE.width, SIZE.height)
    (received,) = backend.requests
    assert [decode(file.content).size for file in received.files] == [(64, 64), (1280, 1280), (64, 64)]


def test_the_other_deployments_rate_limit_is_reported_with_its_time(chain: Chain, api: Deployment) -> None:
    token = api.issue_token(requests_per_minute=1).text

    def generate_three_times() -> None:
        """A minute may end between two of them, but not between all."""
        for _ in range(3):
            chain(GENERATION, token)

    with pytest.raises(RateLimitedError) as caught:
        generate_three_times()
    assert 1 <= caught.value.retry_after_seconds <= 60

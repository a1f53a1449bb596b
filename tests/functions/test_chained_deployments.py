"""A whole deployment of this API as another one's backend: forms, uploads, streamed images and refusals."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from imagineart.adapters.deadline_http import DeadlineHttpClient
from imagineart.adapters.images import PillowPictureFinisher
from imagineart.adapters.imagineart_api import ImagineArtApiBackend
from imagineart.domain.errors import InvalidRequestError, ModelAuthError, RateLimitedError
from imagineart.domain.orders import EditOrder, GenerationOrder

from imagineart.images.kinds import PNG, ReferenceImage
from imagineart.images.sizes import Size, output_size
from tests.fault_backend import refusal
from tests.functions.deployment import Deployment
from tests.functions.generating_backend import GeneratingBackend, colour_of, image_file, noise_file
from tests.functions.served_gateway import served
from tests.sample_images import decode

SECONDS = 60.0
SIZE = output_size("16:9", "1K")
GENERATION = GenerationOrder("a fox at “night”", SIZE, seed=2**40, reasoning="high")


@pytest.fixture
def base_url(api: Deployment) -> Iterator[str]:
    with served(api.gateway) as origin:
        yield f"{origin}/v1"


@pytest.fixture
def chained(api: Deployment, base_url: str) -> Iterator[ImagineArtApiBackend]:
    token = api.issue_token()
    with closing(DeadlineHttpClient(base_url)) as http:
        yield ImagineArtApiBackend(http, lambda: token.text)


def test_an_order_reaches_the_model_behind_the_other_deployment_unchanged(
    chained: ImagineArtApiBackend, backend: GeneratingBackend
) -> None:
    response = chained.generate(GENERATION, deadline_seconds=SECONDS)
    image = decode(b"".join(PillowPictureFinisher().finish(response, SIZE)))
    assert (image.size, image.getpixel((0, 0))) == (
        (SIZE.width, SIZE.height),
        colour_of(GENERATION.prompt),
    )
    (request,) = backend.requests
    asked = request.json
    assert (asked["prompt"], asked["seed"], asked["reasoning"], asked["size"]) == (
        GENERATION.prompt, 2**40, "high", str(SIZE),
    )  # fmt: skip


def test_references_too_large_for_a_request_arrive_by_upload_in_their_order(
    chained: ImagineArtApiBackend, backend: GeneratingBackend
) -> None:
    large, small = noise_file(1280, 1280), image_file((64, 64))
    assert len(large) > 4_718_592
    references = tuple(
        ReferenceImage(content, PNG, Size(*decode(content).size)) for content in (small, large, small)
    )
    order = EditOrder("at dusk", SIZE, 7, references)
    image = decode(b"".join(chained.edit(order, deadline_seconds=SECONDS)))
    assert image.size == (SIZE.width, SIZE.height)
    (request,) = backend.requests
    assert [decode(file.content).size for file in request.files] == [(64, 64), (1280, 1280), (64, 64)]


def test_a_refused_prompt_is_still_the_callers_to_mend(
    chained: ImagineArtApiBackend, backend: GeneratingBackend
) -> None:
    backend.reply = lambda _: refusal(400, "content_policy_violation")
    with pytest.raises(InvalidRequestError, match="content policy"):
        list(chained.generate(GENERATION, deadline_seconds=SECONDS))


def test_a_token_that_the_other_deployment_does_not_know_is_the_operators_to_mend(
    base_url: str, api: Deployment
) -> None:
    api.issue_token()
    with closing(DeadlineHttpClient(base_url)) as http, pytest.raises(ModelAuthError) as caught:
        list(ImagineArtApiBackend(http, lambda: "no token").generate(GENERATION, deadline_seconds=SECONDS))
    assert "invalid_token" in (caught.value.detail or "")


def test_the_other_deployments_rate_limit_is_told_with_its_time(base_url: str, api: Deployment) -> None:
    token = api.issue_token("slow", requests_per_minute=1)
    with closing(DeadlineHttpClient(base_url)) as http:
        chained = ImagineArtApiBackend(http, lambda: token.text)

        def ask_three_times() -> None:
            """A minute may end between two of them, but not between all."""
            for _ in range(3):
                list(chained.generate(GENERATION, deadline_seconds=SECONDS))

        with pytest.raises(RateLimitedError) as caught:
            ask_three_times()
    assert 1 <= caught.value.retry_after_seconds <= 60

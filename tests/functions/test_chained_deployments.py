"""A whole deployment of this API as another one's backend: forms, uploads, streamed images and refusals."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from imagineart.access.tokens import Token
from imagineart.backends.http import HttpClient
from imagineart.backends.imagineart_api import ImagineArtBackend
from imagineart.errors import InvalidRequestError, ModelAuthError, RateLimitedError
from imagineart.images.kinds import PNG
from imagineart.images.model import ImageRequest, ReferenceImage
from imagineart.images.sizes import Size, output_size
from tests.fault_backend import refusal
from tests.functions.deployment import Deployment, open_png
from tests.functions.generating_backend import (
    GeneratingBackend,
    always,
    colour_of,
    image_file,
    noise_file,
)
from tests.functions.served_gateway import served
from tests.functions.test_tokens import new_token
from tests.sample_images import decode

SIZE = output_size("16:9", "1K")
GENERATION = ImageRequest("a fox at “night”", SIZE, seed=2**40, reasoning="high")

Generate = Callable[..., bytes]


@pytest.fixture
def generate(api: Deployment) -> Iterator[Generate]:
    """The image that the deployment makes as a backend, by default for a token of its own."""
    with served(api.gateway) as origin:

        async def send(request: ImageRequest, token: Token) -> bytes:
            http = HttpClient()
            try:
                backend = ImagineArtBackend(http, f"{origin}/v1", lambda: token.text)
                return (await backend.generate(request)).content
            finally:
                await http.close()

        def generate(request: ImageRequest = GENERATION, token: Token | None = None) -> bytes:
            return asyncio.run(send(request, token or api.issue_token()))

        yield generate


def test_a_request_reaches_the_model_behind_the_other_deployment_unchanged(
    generate: Generate, backend: GeneratingBackend
) -> None:
    image = open_png(generate())
    assert image.size == (SIZE.width, SIZE.height)
    assert image.getpixel((0, 0)) == colour_of(GENERATION.prompt)
    (request,) = backend.requests
    sent = {name: request.json[name] for name in ("prompt", "seed", "reasoning", "size")}
    assert sent == {
        "prompt": GENERATION.prompt, "seed": 2**40, "reasoning": "high", "size": str(SIZE),
    }  # fmt: skip


def test_references_too_large_for_a_request_arrive_by_upload_in_their_order(
    generate: Generate, backend: GeneratingBackend
) -> None:
    large, small = noise_file(1280, 1280), image_file((64, 64))
    assert len(large) > 4_718_592
    references = tuple(
        ReferenceImage(content, PNG, Size(*decode(content).size)) for content in (small, large, small)
    )
    image = open_png(generate(ImageRequest("at dusk", SIZE, seed=7, references=references)))
    assert image.size == (SIZE.width, SIZE.height)
    (request,) = backend.requests
    assert [decode(file.content).size for file in request.files] == [(64, 64), (1280, 1280), (64, 64)]


def test_a_refused_prompt_is_still_the_callers_to_change(
    generate: Generate, backend: GeneratingBackend
) -> None:
    backend.reply = always(refusal(400, "content_policy_violation"))
    with pytest.raises(InvalidRequestError, match="content policy"):
        generate()


def test_a_token_that_the_other_deployment_does_not_know_is_the_operators_to_change(
    api: Deployment, generate: Generate
) -> None:
    api.issue_token()
    with pytest.raises(ModelAuthError) as caught:
        generate(token=new_token())
    assert "invalid_token" in (caught.value.detail or "")


def test_the_rate_limit_of_the_other_deployment_is_passed_on_with_its_time(
    api: Deployment, generate: Generate
) -> None:
    token = api.issue_token(requests_per_minute=1)

    def send_three() -> list[bytes]:
        """A minute may end between two of them, but not between all."""
        return [generate(token=token) for _ in range(3)]

    with pytest.raises(RateLimitedError) as caught:
        send_three()
    assert 1 <= caught.value.retry_after_seconds <= 60

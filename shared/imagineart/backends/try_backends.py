"""One image from every configured route, and what to do where none comes."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from imagineart.backends.model import Route
from imagineart.errors import (
    ImagineArtError,
    InternalError,
    InvalidRequestError,
    ModelAuthError,
    ModelNotAvailableError,
    ModelTimeoutError,
    ModelUnavailableError,
    RateLimitedError,
    RequestRefusedError,
)
from imagineart.images.finish import finish_image
from imagineart.images.model import ImageRequest, ReferenceImage
from imagineart.images.operations import ModelOperation
from imagineart.images.sizes import output_size
from imagineart.models.model import Model

if TYPE_CHECKING:
    from imagineart.backends.http import HttpClient

TRIAL_SECONDS: Final = 120.0
_PROMPT: Final = "A red lighthouse on a cliff at noon"

_ADVICE: Final[Sequence[tuple[type[ImagineArtError], str]]] = (
    (
        ModelAuthError,
        "The backend refused the credential, or the account cannot pay. Store its API key under its host in "
        "the secret of the output BackendCredentialSecret; for Bedrock, enable access to the model in the "
        "account and region.",
    ),
    (
        ModelNotAvailableError,
        "The backend does not serve this model at this place. Compare the route's URL, which ends in /v1 "
        "with most servers, its model, and for Bedrock its region, with docs/backends.md.",
    ),
    (
        ModelUnavailableError,
        "The backend cannot be reached, or is overloaded or starting. Check that it runs, and that its host "
        "and port can be reached from here.",
    ),
    (
        ModelTimeoutError,
        "Nothing came in time. Try again once the model is warm, or give the route more time or a faster "
        "model.",
    ),
    (
        RequestRefusedError,
        "The backend does not take such a request. Compare the route's kind, and its model, with what runs "
        "there.",
    ),
    (RateLimitedError, "The backend is at its limit. Try again later, or raise its quota."),
    (InvalidRequestError, "The backend's content policy refused a harmless prompt. Check its settings."),
    (InternalError, "The API key could not be read. Check that the secret exists and that you may read it."),
)
_OTHERWISE: Final = (
    "The backend returned something that cannot be used. Check that its URL ends as its kind needs."
)


@dataclass(frozen=True, slots=True)
class Trial:
    """The result of one route: a file of `file_bytes`, or what failed and what to do about it."""

    model_id: str
    route: str
    seconds: float
    file_bytes: int = 0
    failure: str | None = None
    advice: str | None = None


def try_backends(
    models: Sequence[tuple[Model, Sequence[Route]]], reference: ReferenceImage, http: "HttpClient"
) -> Iterator[Trial]:
    """Call each route of each model once, without retries, and give its result as it comes.

    `http` is what the routes share; it is closed at the end.
    """
    with asyncio.Runner() as runner:
        try:
            for model, routes in models:
                for route in routes:
                    for request in _requests(model, reference):
                        yield runner.run(_try(model.id, route, request))
        finally:
            runner.run(http.close())


def _requests(model: Model, reference: ReferenceImage) -> Iterator[ImageRequest]:
    """One for each way in which a backend may make the image.

    Edits have one and two references, since which model makes them may depend on that. The size is the API's
    default where it is offered, for which a backend may need more than its model.
    """
    size = output_size("1:1", "2K")
    request = ImageRequest(_PROMPT, size if model.sizes.admit(size) else output_size("1:1", "1K"), seed=7)
    if ModelOperation.GENERATE in model.operations:
        yield request
    if ModelOperation.EDIT in model.operations:
        for count in range(1, min(2, model.capabilities.references) + 1):
            yield replace(request, references=(reference,) * count)


async def _try(model_id: str, route: Route, request: ImageRequest) -> Trial:
    async def make() -> bytes:
        generated = await route.backend.generate(request)
        return await finish_image(generated.content, request)

    label = f"{model_id} of {len(request.references)}" if request.references else model_id
    return await run_trial(label, route, make, seconds=TRIAL_SECONDS)


async def run_trial(
    label: str, route: Route[Any], make: Callable[[], Awaitable[bytes]], *, seconds: float
) -> Trial:
    """What comes of `make` within `seconds`, or the time of the route, where that is less."""
    seconds = min(seconds, route.attempt_seconds or seconds)
    started = time.monotonic()
    try:
        async with asyncio.timeout(seconds):
            content = await make()
    except (ImagineArtError, TimeoutError) as raised:
        error = raised if isinstance(raised, ImagineArtError) else ModelTimeoutError(deadline_seconds=seconds)
        failure = error.detail or error.message
        return Trial(label, route.name, time.monotonic() - started, failure=failure, advice=_advise(error))
    return Trial(label, route.name, time.monotonic() - started, len(content))


def _advise(error: ImagineArtError) -> str:
    return next((advice for kind, advice in _ADVICE if isinstance(error, kind)), _OTHERWISE)

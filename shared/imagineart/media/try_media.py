"""One small file from every configured engine of other media than images, for the operator."""

import asyncio
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from imagineart.backends.model import Route
from imagineart.backends.try_backends import Trial, run_trial
from imagineart.images.sizes import Size
from imagineart.media.check_file import check_file
from imagineart.media.engine import AnyEngine, OrdersMedia
from imagineart.media.model import MediaRequest, MusicRequest, TextRequest, VideoRequest, VoiceRequest
from imagineart.models.model import MediaModel, MusicModel, TextModel, VoiceModel

if TYPE_CHECKING:
    from imagineart.backends.http import HttpClient

TRIAL_SECONDS: Final = 600.0
"""A video may wait in a queue of its backend."""

POLL_SECONDS: Final = 3.0


def try_media(
    models: Sequence[tuple[MediaModel, Sequence[Route[AnyEngine]]]], http: "HttpClient"
) -> Iterator[Trial]:
    """As `try_backends` does for images."""
    with asyncio.Runner() as runner:
        try:
            for model, routes in models:
                request = _request(model)
                for route in routes:
                    make = partial(_make, route.backend, request)
                    yield runner.run(run_trial(model.id, route, make, seconds=TRIAL_SECONDS))
        finally:
            runner.run(http.close())


def _request(model: MediaModel) -> MediaRequest:
    """The smallest that the model takes."""
    match model:
        case TextModel():
            return TextRequest("Say hello.", max_tokens=min(50, model.max_tokens))
        case VoiceModel():
            return VoiceRequest("Hello.", model.voices[0])
        case MusicModel():
            return MusicRequest("A calm melody on a piano", float(min(5, model.max_seconds)), seed=7)
    width, height = map(int, model.sizes[0].split("x"))
    return VideoRequest("A calm sea", min(model.seconds), Size(width, height), seed=7)


async def _make(engine: AnyEngine, request: MediaRequest) -> bytes:
    content: bytes | None = None
    if isinstance(engine, OrdersMedia):
        order_id = await engine.order(request)
        while (content := await engine.fetch(order_id)) is None:
            await asyncio.sleep(POLL_SECONDS)
    else:
        content = await engine.make(request)
    return check_file(content, request).content

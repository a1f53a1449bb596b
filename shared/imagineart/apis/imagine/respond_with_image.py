"""The image of a request: the file itself, or a URL that leads to it."""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from starlette.responses import Response

from imagineart.apis.common.accepted_types import prefers_json
from imagineart.apis.common.call import Call
from imagineart.apis.common.fields import JSON
from imagineart.apis.common.made_images import image_headers, keep_images, record_images
from imagineart.apis.common.respond_once import respond_once
from imagineart.apis.imagine.body import ImagineBody
from imagineart.apis.imagine.image_requests import Asked
from imagineart.idempotency.model import StoredResponse
from imagineart.images.in_thread import in_image_thread
from imagineart.images.model import Image, ImageRequest
from imagineart.images.seeds import choose_seed
from imagineart.images.sizes import smallest_covering
from imagineart.results.model import RESULT_LIFE_SECONDS

_MAX_BYTES_PER_PIXEL: Final = 4


async def respond_with_image(call: Call, body: ImagineBody, ask: Callable[[Asked], ImageRequest]) -> Response:
    """The response with the image that `ask` asks for; with a URL where Accept prefers JSON to an image.

    Raises what `ask`, `Backends.generate` and `respond_once` raise, and LimitReachedError.
    """
    wants_json = prefers_json(call.request.headers.get("accept", ""), otherwise=False)

    async def make() -> StoredResponse:
        call.reserve(images=1)
        images = await _make(call, body, ask)
        record_images(call, images, body.model.id)
        headers = image_headers(images, body.model.id)
        if not wants_json:
            return StoredResponse({"Content-Type": images[0].kind.media_type, **headers}, images[0].content)
        (url,) = await keep_images(call, images, life_seconds=RESULT_LIFE_SECONDS)
        return StoredResponse({"Content-Type": JSON, **headers}, _document(images[0], url))

    stored = await respond_once(
        call,
        {name: str(getattr(body.fields, name)) for name in body.fields.model_fields_set},
        make,
        files=[part for name, content in sorted(body.files.items()) for part in (name, content)],
        response_type="json" if wants_json else "image",
    )
    return Response(stored.content, headers=dict(stored.headers))


async def _make(call: Call, body: ImagineBody, ask: Callable[[Asked], ImageRequest]) -> Sequence[Image]:
    seed: int = getattr(body.fields, "seed", 0)
    asked = Asked(
        body.fields,
        body.operation,
        body.model,
        body.style,
        choose_seed(seed if seed > 0 else None, call.services.random_below),
        await _read_file(call, body, "image"),
        await _read_file(call, body, "mask"),
    )
    request = await in_image_thread(ask, asked)
    _, call.record.resolution = smallest_covering(request.delivered_size)
    response_bytes = request.delivered_size.pixels * _MAX_BYTES_PER_PIXEL
    return await call.backends(request, body.model).generate(
        request, deadline_seconds=call.deadline_seconds(response_bytes=response_bytes)
    )


async def _read_file(call: Call, body: ImagineBody, name: str) -> bytes:
    """The file of a field, or that of the upload that it names; empty where there is none."""
    file = body.files.get(name, b"")
    if isinstance(file, bytes):
        return file
    return await asyncio.to_thread(call.services.uploads.fetch, call.consumer_id, file, label=name)


def _document(image: Image, url: str) -> bytes:
    document: dict[str, Any] = {
        "status": "success",
        "url": url,
        "content_type": image.kind.media_type,
        "width": image.size.width,
        "height": image.size.height,
    }
    return json.dumps(document | ({} if image.seed is None else {"seed": image.seed})).encode()

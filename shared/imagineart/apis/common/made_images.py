"""What every API does with images that were made: headers say who made them, and URLs lead to them."""

import asyncio
from collections.abc import Sequence
from functools import partial

from imagineart.apis.common.call import Call
from imagineart.idempotency.model import KEPT_SECONDS
from imagineart.images.model import Image
from imagineart.usage.metrics import Stage


def image_headers(images: Sequence[Image], model_id: str) -> dict[str, str]:
    """What was made and by which backends; seed and size are the first image's."""
    first = images[0]
    seed = {"X-Seed-Supported": "false"} if first.seed is None else {"X-Seed": str(first.seed)}
    return seed | {
        "X-Model": model_id,
        "X-Backend": backend_names(images),
        "X-Image-Width": str(first.size.width),
        "X-Image-Height": str(first.size.height),
    }


def backend_names(images: Sequence[Image]) -> str:
    """Every backend that made one of the images, once each."""
    return ", ".join(dict.fromkeys(image.backend for image in images))


def record_images(call: Call, images: Sequence[Image], model_id: str) -> None:
    """Keep what was made for usage, the log and the metrics."""
    record = call.record
    record.images = len(images)
    record.seconds_by_stage[Stage.BACKEND] = max(image.backend_seconds for image in images)
    record.log_fields.update(
        model=model_id,
        seed=images[0].seed,
        size=str(images[0].size),
        images=len(images),
        image_bytes=sum(len(image.content) for image in images),
        backend=backend_names(images),
        backend_ms=round(record.seconds_by_stage[Stage.BACKEND] * 1000),
    )


async def keep_images(call: Call, images: Sequence[Image], *, life_seconds: int) -> list[str]:
    """A URL of each image, which needs no token.

    Where the response is kept for its Idempotency-Key, the URLs outlive it: what is sent again works for at
    least `life_seconds`. Raises AwsCallError.
    """
    life_seconds += KEPT_SECONDS if call.idempotency_key is not None else 0
    keep = partial(call.services.results.keep, life_seconds=life_seconds)
    kept = await asyncio.gather(
        *(asyncio.to_thread(keep, each.content, media_type=each.kind.media_type) for each in images)
    )
    return [call.base_url + result.path for result in kept]

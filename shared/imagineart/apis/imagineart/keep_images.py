"""Images at URLs, for ``response_format=url``."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final

from imagineart.apis.common.call import Call
from imagineart.apis.imagineart.parameters import ImageFields
from imagineart.idempotency.model import KEPT_SECONDS
from imagineart.images.model import Image

URL_LIFE_SECONDS: Final = 3600
"""OpenAI's URLs work for as long."""


def expects_urls(fields: ImageFields) -> bool:
    """Whether a program may read URLs without asking for them: OpenAI's oldest models respond with them.

    It gets the contents too, which other programs with these names read.
    """
    names_a_model = getattr(fields, "model").startswith("dall-e-")  # noqa: B009
    return names_a_model and not fields.stream and "response_format" not in fields.model_fields_set


async def keep_images(call: Call, images: Sequence[Image]) -> list[str]:
    """A URL of each image, which needs no token.

    Where the response is kept for its Idempotency-Key, the URLs outlive it: what is sent again works for at
    least an hour. Raises AwsCallError.
    """
    life_seconds = URL_LIFE_SECONDS + (KEPT_SECONDS if call.idempotency_key is not None else 0)
    keep = partial(call.services.results.keep, life_seconds=life_seconds)
    kept = await asyncio.gather(
        *(asyncio.to_thread(keep, each.content, media_type=each.kind.media_type) for each in images)
    )
    return [call.base_url + result.path for result in kept]

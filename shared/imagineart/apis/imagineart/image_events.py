"""Images as server-sent events, in OpenAI's names.

Of each image, ``partial_image`` comes as often as its backend shows it, and ``completed`` once.

Source: https://platform.openai.com/docs/api-reference/images-streaming
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pybase64

from imagineart.apis.common.events import HEADERS, encode_event
from imagineart.apis.imagineart.parameters import ImageFields
from imagineart.apis.imagineart.responses import check_size, describe_usage
from imagineart.idempotency.model import StoredResponse
from imagineart.images.model import Image, ImageRequest


@dataclass(frozen=True, slots=True)
class ImageEvents:
    """The events of a request; `prefix` is ``image_generation`` or ``image_edit``, `clock` in Unix seconds.

    Of several images, `image_index` says which one an event is about.
    """

    prefix: str
    fields: ImageFields
    clock: Callable[[], float]

    def partial(self, request: ImageRequest, position: int, index: int, content: bytes) -> bytes:
        """The event of an unfinished image, which is the `index`-th of its image."""
        about = {"partial_image_index": index, "image_index": position, "size": str(request.delivered_size)}
        return self._event("partial_image", about, _base64(content))

    def completed(self, images: Sequence[Image], urls: Sequence[str]) -> StoredResponse:
        """The events of all images, at `urls` where they are given.

        Raises InvalidRequestError for more than a response can have.
        """
        events = []
        for position, image in enumerate(images):
            about: dict[str, Any] = {"image_index": position, "size": str(image.size)}
            about |= {} if image.seed is None else {"seed": image.seed}
            about |= {} if image.usage is None else {"usage": describe_usage(image.usage)}
            about |= {"url": urls[position]} if urls else {}
            events.append(self._event("completed", about, b"" if urls else _base64(image.content)))
        content = b"".join(events)
        check_size(content, images)
        return StoredResponse(HEADERS, content)

    def _event(self, name: str, about: dict[str, Any], image: bytes) -> bytes:
        data = {
            "type": f"{self.prefix}.{name}",
            "created_at": int(self.clock()),
            "background": self.fields.background,
            "output_format": self.fields.output_format,
            "quality": getattr(self.fields, "quality"),  # noqa: B009
            **about,
        }
        # As in JSON, the image is joined as it is: an encoder would take its time.
        return encode_event(data["type"], json.dumps(data)[:-1].encode() + image + b"}")


def _base64(content: bytes) -> bytes:
    return b"".join([b', "b64_json": "', pybase64.b64encode(content), b'"'])

"""Responses with images: the file itself, or JSON in the shape that OpenAI's clients read.

Source: https://platform.openai.com/docs/api-reference/images/object
"""

import json
from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any, Final

import pybase64

from imagineart.apis.common.call import MAX_RESPONSE_BYTES
from imagineart.errors import InvalidRequestError
from imagineart.idempotency.model import StoredResponse
from imagineart.images.model import Image, TokenUsage
from imagineart.images.sizes import Size

_MAX_BYTES_PER_PIXEL: Final = 4


def largest_response_bytes(size: Size, count: int, *, as_json: bool) -> int:
    """An upper bound of the size of a response, from which the time for its delivery is reserved."""
    image_bytes = size.pixels * _MAX_BYTES_PER_PIXEL * count
    return min(MAX_RESPONSE_BYTES, image_bytes * 4 // 3 if as_json else image_bytes)


def image_response(
    images: Sequence[Image],
    *,
    model_id: str,
    as_json: bool,
    created: int,
    urls: Sequence[str] = (),
    has_contents: bool = True,
) -> StoredResponse:
    """The one image as a file, or all as JSON, with their contents, their `urls` or both; `created` is in
    Unix seconds.

    Raises InvalidRequestError for more than `MAX_RESPONSE_BYTES`.
    """
    content = _to_json(images, created, urls, has_contents=has_contents) if as_json else images[0].content
    check_size(content, images)
    media_type = "application/json" if as_json else images[0].kind.media_type
    return StoredResponse({"Content-Type": media_type, **_headers(images, model_id)}, content)


def check_size(content: bytes, images: Sequence[Image]) -> None:
    """Raises InvalidRequestError for a body that is larger than a response may be."""
    if len(content) > MAX_RESPONSE_BYTES:
        raise InvalidRequestError(
            "n",
            f"got {len(images)} images of {len(content) // 1024**2} MB together; allowed: up to "
            f"{MAX_RESPONSE_BYTES // 1024**2} MB in a response. Send response_format=url, or request fewer.",
        )


def _headers(images: Sequence[Image], model_id: str) -> dict[str, str]:
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


def _to_json(images: Sequence[Image], created: int, urls: Sequence[str], *, has_contents: bool) -> bytes:
    """``{"created", "output_format", "size", "data": [{"seed", "b64_json" or "url"}, ...], "usage"}``.

    An image whose model has no seed has none here. ``usage`` is there where the backends reported it for
    every image.
    """
    head = {"created": created, "output_format": images[0].kind.name.lower(), "size": str(images[0].size)}
    entries = b",".join(
        _entry(image, urls[at] if urls else None, has_content=has_contents) for at, image in enumerate(images)
    )
    usages = [image.usage for image in images if image.usage is not None]
    tail = {"usage": describe_usage(reduce(add, usages))} if len(usages) == len(images) else {}
    # The images are joined as they are: to write megabytes of base64 through a JSON encoder takes its time.
    return b"".join([
        json.dumps(head)[:-1].encode(), b', "data": [', entries, b"]",
        b"}" if not tail else b", " + json.dumps(tail)[1:].encode(),
    ])  # fmt: skip


def _entry(image: Image, url: str | None, *, has_content: bool) -> bytes:
    members = [] if image.seed is None else [f'"seed": {image.seed}'.encode()]
    members += [] if url is None else [b'"url": ' + json.dumps(url).encode()]
    members += [b'"b64_json": "' + pybase64.b64encode(image.content) + b'"'] if has_content else []
    return b"{" + b", ".join(members) + b"}"


def describe_usage(total: TokenUsage) -> dict[str, Any]:
    """Tokens in OpenAI's words."""
    return {
        "input_tokens": total.input_tokens,
        "input_tokens_details": {
            "image_tokens": total.input_image_tokens,
            "text_tokens": total.input_text_tokens,
        },
        "output_tokens": total.output_tokens,
        "total_tokens": total.total_tokens,
    }

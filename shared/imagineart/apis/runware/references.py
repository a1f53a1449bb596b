"""Images that a task names: by the UUID of one that is kept here, by a URL, or as they are, in base64."""

import asyncio
import re
from typing import Final
from uuid import UUID

import pybase64

from imagineart.apis.runware.context import TaskContext
from imagineart.errors import InvalidImageError
from imagineart.images.in_thread import in_image_thread
from imagineart.images.kinds import MAX_UPLOAD_BYTES
from imagineart.images.model import ReferenceImage
from imagineart.outbound.addresses import parse_url
from imagineart.outbound.http import OutboundError
from imagineart.results.model import nonce_of

FETCH_SECONDS: Final = 20.0

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_DATA_URI: Final = re.compile(r"data:[\w.+/-]*(;[\w.+-]+=[\w.+-]+)*;base64,", re.ASCII | re.IGNORECASE)
_ALLOWED: Final = (
    "allowed: the UUID of an image that was uploaded or made here, an https URL, a data URI in base64, base64"
)


async def read_references(
    context: TaskContext, images: list[str], *, name: str
) -> tuple[ReferenceImage, ...]:
    """The images, fetched and decoded one after another. Raises InvalidImageError, InvalidRequestError."""
    # Pillow is imported at the first reference only.
    from imagineart.images.references import read_reference

    references = []
    for position, image in enumerate(images):
        label = f"{name}[{position}]" if len(images) > 1 else name
        content = await fetch_image(context, image, label=label)
        references.append(await in_image_thread(read_reference, content, label=label))
    return tuple(references)


async def fetch_image(context: TaskContext, image: str, *, label: str) -> bytes:
    """The file that `image` names or is. Raises InvalidImageError, and InvalidRequestError for a bad URL."""
    if _UUID.fullmatch(image):
        return await asyncio.to_thread(_find, context, UUID(image), label)
    if image[:8].lower().startswith(("http://", "https://")):
        return await _download(context, image, label)
    prefix = _DATA_URI.match(image[:200])
    try:
        return pybase64.b64decode(image[prefix.end() :] if prefix else image, validate=True)
    except ValueError as error:
        raise InvalidImageError(label, f"got {len(image)} other characters; {_ALLOWED}.") from error


def _find(context: TaskContext, uuid: UUID, label: str) -> bytes:
    services = context.services
    content = services.media.find(context.consumer_id, uuid) or services.results.image_of(
        nonce_of(context.consumer_id, uuid.int)
    )
    if content is None:
        raise InvalidImageError(label, f"no image has the UUID '{uuid}'; {_ALLOWED}.")
    return content


async def _download(context: TaskContext, text: str, label: str) -> bytes:
    url = parse_url(label, text, allows_loopback=context.services.reaches_loopback)
    try:
        return await context.services.outbound.fetch(url, limit_bytes=MAX_UPLOAD_BYTES, seconds=FETCH_SECONDS)
    except OutboundError as error:
        limit = MAX_UPLOAD_BYTES // 1024**2
        raise InvalidImageError(
            label,
            f"the URL could not be fetched ({error.failure}); allowed: one that responds with 200, without a "
            f"redirect, within {FETCH_SECONDS:.0f} seconds and {limit} MB.",
        ) from error

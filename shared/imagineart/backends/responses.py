"""What adapters share: the bearer credential, images out of responses, Retry-After, and common errors."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import pybase64
from pydantic_core import from_json

from imagineart.backends.model import MAX_IMAGE_BYTES, BackendBusyError
from imagineart.errors import (
    InvalidRequestError,
    ModelAuthError,
    ModelError,
    ModelUnavailableError,
    RateLimitedError,
    RequestRefusedError,
)

_DEFAULT_RETRY_AFTER_SECONDS: Final = 5
_MAX_RETRY_AFTER_SECONDS: Final = 3600
_LOGGABLE: Final = re.compile(r"[A-Za-z0-9_./+-]{1,60}")


def bearer(api_key: str | None) -> dict[str, str]:
    """The Authorization header, if there is a key.

    Raises ModelAuthError, which does not contain the key, for one that no header can carry.
    """
    if not api_key:
        return {}
    if not (api_key.isascii() and api_key.isprintable()):
        raise ModelAuthError(detail="the backend's credential has characters that no header can carry")
    return {"Authorization": f"Bearer {api_key}"}


def read_document(content: bytes) -> Mapping[str, Any] | None:
    """The JSON object in `content`, or None where it is something else."""
    try:
        document = from_json(content)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def decode_image(text: str) -> bytes:
    """The image file in base64 `text`, which may be a data URI, have line breaks and lack padding.

    Raises ModelError and RequestRefusedError.
    """
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return checked_image(pybase64.b64decode(text, validate=True))
    except ValueError:
        text = "".join(text.split()).rstrip("=")
    try:
        return checked_image(pybase64.b64decode(text + "=" * (-len(text) % 4), validate=True))
    except ValueError as error:
        raise not_an_image("invalid base64") from error


def checked_image(content: bytes) -> bytes:
    """`content` itself. Raises ModelError where it is too large, RequestRefusedError where it is empty."""
    if not content:
        raise no_image()
    if len(content) > MAX_IMAGE_BYTES:
        raise ModelError(detail=f"the backend's image exceeds {MAX_IMAGE_BYTES} bytes")
    return content


def no_image(detail: str = "the backend succeeded without an image") -> RequestRefusedError:
    """The backend did its work and has no image to show: a retry would be the same, and it is healthy."""
    return RequestRefusedError(detail=detail)


def not_an_image(detail: str) -> ModelError:
    """The backend returned something else in place of an image."""
    return ModelError("The inference backend returned something that is not an image.", detail=detail)


def refused_content(field: str, detail: str) -> InvalidRequestError:
    """The content policy of the backend refuses the prompt, or a reference where `field` is ``images``."""
    subject = "a reference image" if field == "images" else "it"
    return InvalidRequestError(field, f"the model refused {subject} under its content policy.", detail=detail)


def at_its_limit(retry_after: str, detail: str) -> RateLimitedError:
    """The backend refuses more requests for now."""
    return RateLimitedError(
        "The inference backend is at its limit. Retry after the seconds in Retry-After.",
        retry_after_seconds=retry_after_seconds(retry_after) or _DEFAULT_RETRY_AFTER_SECONDS,
        detail=detail,
    )


def overloaded(retry_after: str, detail: str) -> ModelUnavailableError:
    """The backend did not begin to work."""
    message = "The inference backend is overloaded. Retry."
    seconds = retry_after_seconds(retry_after)
    if seconds is None:
        return ModelUnavailableError(message, detail=detail)
    return BackendBusyError(message, retry_after_seconds=seconds, detail=detail)


def retry_after_seconds(text: str) -> int | None:
    """The seconds that a Retry-After header asks for, from 1 to 3600; None where it says nothing.

    Source: RFC 9110, 10.2.3
    """
    if text.isascii() and text.isdigit():
        seconds = float(text[:9])
    else:
        try:
            seconds = (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None
    return round(min(max(1, seconds), _MAX_RETRY_AFTER_SECONDS))


def loggable(text: object) -> str:
    """`text` where it is a word such as a code or a media type: a backend can put the prompt anywhere."""
    return repr(text) if isinstance(text, str) and _LOGGABLE.fullmatch(text) else "none that can be logged"

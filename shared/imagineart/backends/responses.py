"""What adapters of inference backends share: the bearer credential, bounds on an answer, and Retry-After."""

import re
from collections.abc import Iterator
from typing import Final

from imagineart.adapters.deadline_http import HttpAnswer
from imagineart.errors import ModelAuthError, ModelError

MAX_ANSWER_BYTES: Final = 160 * 1024 * 1024
_MAX_BEGINNING_BYTES: Final = 64 * 1024
_WORD: Final = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_MEDIA_TYPE: Final = re.compile(r"[a-z]{1,20}/[a-z0-9.+-]{1,40}")
_DEFAULT_RETRY_AFTER_SECONDS: Final = 5
_MAX_RETRY_AFTER_SECONDS: Final = 3600


def bearer(api_key: str) -> str:
    """The value of an Authorization header.

    Raises ModelAuthError, which does not tell the key, for one that no header can carry.
    """
    if not (api_key.isascii() and api_key.isprintable()):
        raise ModelAuthError(detail="the backend's credential has characters that no header can carry")
    return f"Bearer {api_key}"


def bounded(answer: HttpAnswer) -> Iterator[bytes]:
    """The body as it arrives. Raises ModelError where it exceeds `MAX_ANSWER_BYTES`."""
    received = 0
    for piece in answer.pieces():
        received += len(piece)
        if received > MAX_ANSWER_BYTES:
            raise ModelError(detail=f"the backend's answer exceeds {MAX_ANSWER_BYTES} bytes")
        yield piece


def read_beginning(answer: HttpAnswer) -> bytes:
    """The body of an answer that is no picture, or the first 64 KiB of a longer one."""
    content = b""
    for piece in answer.pieces():
        content += piece
        if len(content) > _MAX_BEGINNING_BYTES:
            break
    return content[:_MAX_BEGINNING_BYTES]


def retry_after_seconds(text: str) -> int:
    """The seconds that a Retry-After header asks for, 1 to 3600; 5 where it says none, or a date."""
    if not (text.isascii() and text.isdigit()):
        return _DEFAULT_RETRY_AFTER_SECONDS
    return min(max(1, int(text[:9])), _MAX_RETRY_AFTER_SECONDS)


def loggable_code(code: str | None) -> str:
    """What the log may be told of an error code: a backend can put anything there, the prompt as well."""
    return repr(code) if code is None or _WORD.fullmatch(code) else "that is none"


def loggable_media_type(content_type: str) -> str:
    """What the log may be told of a Content-Type: its media type, where it is one."""
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type if _MEDIA_TYPE.fullmatch(media_type) else "none that is known"

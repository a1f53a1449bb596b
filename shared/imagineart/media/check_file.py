"""A file that a backend made is checked by its content before anybody gets it."""

from io import BytesIO
from typing import Final

from imagineart.errors import ModelError, RequestRefusedError
from imagineart.media.model import MAX_MEDIA_BYTES, MAX_TEXT_BYTES, MediaFile, MediaRequest, TextRequest

MAX_SECONDS: Final = 900.0
"""The longest that audio or video may play."""

_SPELLED: Final = {"audio/mpeg": "audio/mpeg", "audio/wav": "audio/wav", "video/mp4": "audio/mp4"}
"""What the reader of tags calls each media type; it tells MP4 files apart by nothing."""


def check_file(content: bytes, request: MediaRequest) -> MediaFile:
    """The file, of the media type that was asked for and within all bounds.

    Raises ModelError, and RequestRefusedError where there is nothing in it.
    """
    if not content.strip():
        raise RequestRefusedError(detail="the backend succeeded with an empty file")
    if isinstance(request, TextRequest):
        return _check_text(content)
    if len(content) > MAX_MEDIA_BYTES:
        raise _unusable(f"more than {MAX_MEDIA_BYTES} bytes")
    return MediaFile(content, request.media_type, _length_of(content, request.media_type))


def _check_text(content: bytes) -> MediaFile:
    if len(content) > MAX_TEXT_BYTES:
        raise _unusable(f"more than {MAX_TEXT_BYTES} bytes of text")
    try:
        content.decode()
    except UnicodeDecodeError as error:
        raise _unusable("text that is no UTF-8") from error
    return MediaFile(content, TextRequest.media_type, None)


def _length_of(content: bytes, media_type: str) -> float:
    """How many seconds it plays. Raises ModelError where it cannot be played, or is of another type."""
    # No function that makes nothing of the kind loads it.
    from tinytag import TinyTag, TinyTagException

    try:
        tag = TinyTag.get(file_obj=BytesIO(content))
    except TinyTagException as error:
        raise _unusable(f"a file that cannot be read: {type(error).__name__}") from error
    found = (tag.mime_type or "").partition(";")[0]
    if found != _SPELLED[media_type]:
        raise _unusable(f"{found or 'an unknown type'} in place of {media_type}")
    if not tag.duration or not 0 < tag.duration <= MAX_SECONDS:
        raise _unusable(f"{tag.duration} seconds; allowed: up to {MAX_SECONDS:.0f}")
    if media_type == "audio/wav" and tag.bitrate and tag.duration * tag.bitrate * 125 > len(content):
        raise _unusable("a WAV file that ends before its time")
    return tag.duration


def _unusable(detail: str) -> ModelError:
    return ModelError("The inference backend returned a file that cannot be used.", detail=detail)

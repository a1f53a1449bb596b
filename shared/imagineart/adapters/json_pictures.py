"""The picture in a JSON answer, decoded from base64 while the answer arrives.

Source of the form: https://platform.openai.com/docs/api-reference/images/object
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any, Final

import pybase64

_MAX_BEGINNING_BYTES: Final = 64 * 1024
_MAX_END_BYTES: Final = 1024 * 1024
_LONGEST_ESCAPE_BYTES: Final = len(rb"\u002b")
_SCALAR: Final = rb'(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"|[-+.\w]++)'
_SCALARS: Final = rb'(?:\s*+"(?!b64_json")[^"\\]*+"\s*+:\s*+' + _SCALAR + rb"\s*+,)*+\s*+"
_BEGINNING: Final = re.compile(
    rb"\s*+\{" + _SCALARS + rb'"data"\s*+:\s*+\[\s*+\{' + _SCALARS + rb'"b64_json"\s*+:\s*+"'
)
"""An answer up to its picture, where nothing but plain values precedes it."""


class NoPictureError(ValueError):
    """The answer is no JSON with a picture."""


def decode_picture(
    answer: Iterator[bytes], note: Callable[[Mapping[str, Any]], None] = lambda _: None
) -> Iterator[bytes]:
    """The bytes of ``data[0].b64_json``, as they become known; `note` is given the document around them.

    Raises NoPictureError, at the latest before the last of them: an answer in one piece is whole or none. An
    answer in which a list or an object precedes the picture is held whole.
    """
    beginning, match = b"", None
    for piece in answer:
        beginning += piece
        match = _BEGINNING.match(beginning)
        if match or len(beginning) > _MAX_BEGINNING_BYTES:
            break
    if match is None:
        document = _load(b"".join((beginning, *answer)))
        picture = _decode_whole(document)
        note(document)
        yield picture
        return
    base64 = _Base64Decoder()
    for piece in chain([beginning[match.end() :]], answer):
        end = piece.find(b'"')
        if end < 0:
            yield base64.feed(piece)
        else:
            last = base64.feed(piece[:end]) + base64.finish()
            note(_load_around(beginning[: match.end()] + piece[end:], answer))
            yield last
            return
    raise NoPictureError("the answer ends within the picture")


class _Base64Decoder:
    """Base64 as it stands in a JSON string, in pieces that break anywhere."""

    def __init__(self) -> None:
        self._held = b""
        self._padded = False

    def feed(self, text: bytes) -> bytes:
        """What is certain now. Raises NoPictureError."""
        text = self._held + text
        escape = text.rfind(b"\\")
        is_open = escape >= 0 and len(text) - escape < _LONGEST_ESCAPE_BYTES
        ready, rest = (text[:escape], text[escape:]) if is_open else (text, b"")
        if b"\\" in ready:
            ready = _unescape(ready)
        usable = len(ready) - len(ready) % 4
        self._held = ready[usable:] + rest
        return self._decode(ready[:usable])

    def finish(self) -> bytes:
        """The rest. Raises NoPictureError."""
        return self._decode(_unescape(self._held) if b"\\" in self._held else self._held)

    def _decode(self, text: bytes) -> bytes:
        if not text:
            return b""
        if self._padded:
            raise NoPictureError("base64 goes on after its end")
        self._padded = text.endswith(b"=")
        try:
            return pybase64.b64decode(text, validate=True)
        except ValueError as error:
            raise NoPictureError(f"no base64: {error}") from error


def _unescape(text: bytes) -> bytes:
    try:
        plain = str(json.loads(b'"' + text + b'"')).encode("ascii")
    except ValueError as error:
        raise NoPictureError(f"no base64: {error}") from error
    if b"\\" in plain:
        raise NoPictureError("no base64: a backslash")
    return plain


def _load_around(around: bytes, answer: Iterator[bytes]) -> Mapping[str, Any]:
    """What surrounds the picture, the rest of the answer included. Raises NoPictureError."""
    for piece in answer:
        around += piece
        if len(around) > _MAX_BEGINNING_BYTES + _MAX_END_BYTES:
            raise NoPictureError("too much follows the picture")
    return _load(around)


def _load(content: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise NoPictureError(f"{type(error).__name__} in {len(content)} bytes") from error
    if not isinstance(document, dict):
        raise NoPictureError("no JSON object")
    return document


def _decode_whole(document: Mapping[str, Any]) -> bytes:
    try:
        return pybase64.b64decode(document["data"][0]["b64_json"], validate=True)
    except (ValueError, LookupError, TypeError) as error:
        raise NoPictureError(f"{type(error).__name__} where the picture should be") from error

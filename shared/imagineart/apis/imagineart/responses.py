"""Pictures inside JSON, in the shape that OpenAI's clients read, written while the last of them arrives.

Source: https://platform.openai.com/docs/api-reference/images/object
"""

import json
from collections.abc import Generator, Iterator, Sequence
from functools import reduce
from operator import add
from typing import Any, Final

import pybase64

from imagineart.images.model import Picture
from imagineart.domain.pieces import Piece
from imagineart.images.model import Usage
from imagineart.web.picture_stream import CountedPng, PieceStream, picture_headers

_ENCODED_AT_ONCE_BYTES: Final = 3 * 64 * 1024


class SeriesStream(PieceStream):
    """The JSON answer of one or more pictures."""

    def __init__(self, pictures: Sequence[Picture], created: int) -> None:
        super().__init__(SeriesJson(pictures, created), "application/json", series_headers(pictures))


def series_headers(pictures: Sequence[Picture]) -> dict[str, str]:
    """What `picture_headers` says of the first picture, with every backend that had a part."""
    backends = ", ".join(dict.fromkeys(picture.backend for picture in pictures))
    return picture_headers(pictures[0]) | {"X-Backend": backends}


class SeriesJson(Iterator[Piece]):
    """``{"created", "output_format", "size", "data": [{"seed", "b64_json"}, ...]}`` in pieces.

    `created` is in Unix seconds. A picture whose model has no seed has none here either. ``usage``,
    which comes last, is there where the backends told it of every picture.
    """

    def __init__(self, pictures: Sequence[Picture], created: int) -> None:
        self._pngs = [CountedPng(picture.png) for picture in pictures]
        self._text = self._write(pictures, created)

    @property
    def image_bytes(self) -> int:
        """How many bytes of the PNGs have been read."""
        return sum(png.image_bytes for png in self._pngs)

    def __next__(self) -> Piece:
        return next(self._text)

    def close(self) -> None:
        """Let the pictures' sources go."""
        self._text.close()
        for png in self._pngs:
            png.close()

    def _write(self, pictures: Sequence[Picture], created: int) -> Generator[bytes, None, None]:
        head = {"created": created, "output_format": "png", "size": str(pictures[0].size)}
        yield _opened(head, "data", "[")
        for position, (picture, png) in enumerate(zip(pictures, self._pngs, strict=True)):
            known = {} if picture.seed is None else {"seed": picture.seed}
            yield (b"," if position else b"") + _opened(known, "b64_json", '"')
            yield from encode_base64(png)
            yield b'"}'
        usages = [usage for picture in pictures if (usage := picture.usage()) is not None]
        yield b"]" + (_usage_member(usages) if len(usages) == len(pictures) else b"") + b"}"


def _usage_member(usages: Sequence[Usage]) -> bytes:
    total = reduce(add, usages)
    told = {
        "input_tokens": total.input_tokens,
        "input_tokens_details": {
            "image_tokens": total.input_image_tokens,
            "text_tokens": total.input_text_tokens,
        },
        "output_tokens": total.output_tokens,
        "total_tokens": total.total_tokens,
    }
    return f', "usage": {json.dumps(told)}'.encode()


def _opened(members: dict[str, Any], name: str, bracket: str) -> bytes:
    """A JSON object that is open at the value of its member `name`, whose first character is `bracket`."""
    written = json.dumps(members)[:-1]
    return f'{written}{", " if members else ""}"{name}": {bracket}'.encode()


def encode_base64(pieces: Iterator[Piece]) -> Iterator[bytes]:
    """`pieces` in base64; what does not fill three bytes waits for the next piece. Source: RFC 4648, 4."""
    waiting = b""
    for piece in pieces:
        view = memoryview(piece)
        if waiting:
            missing = 3 - len(waiting)
            waiting += view[:missing]
            if len(waiting) < 3:
                continue
            yield pybase64.b64encode(waiting)
            view = view[missing:]
        whole = len(view) - len(view) % 3
        for start in range(0, whole, _ENCODED_AT_ONCE_BYTES):
            yield pybase64.b64encode(view[start : min(whole, start + _ENCODED_AT_ONCE_BYTES)])
        waiting = bytes(view[whole:])
    if waiting:
        yield pybase64.b64encode(waiting)

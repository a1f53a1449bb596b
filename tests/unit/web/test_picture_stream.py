"""A picture is handed over in pieces, and how its delivery ended is told once."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from starlette.types import Message

from imagineart.domain.errors import ModelError
from imagineart.domain.orders import Picture
from imagineart.domain.pieces import BegunPieces, Piece
from imagineart.domain.sizes import Size
from imagineart.web.picture_stream import PIECES_EXTENSION, PictureStream, picture_headers
from tests.fakes.image_making import PieceSource

CONTENTS = (b"one", memoryview(b"two."), b"", b"three")


@dataclass(slots=True)
class Ends:
    """What was told of deliveries."""

    told: list[tuple[int, bool, Exception | None]] = field(default_factory=list)

    def __call__(self, *, image_bytes: int, complete: bool, failure: Exception | None) -> None:
        self.told.append((image_bytes, complete, failure))


@pytest.fixture
def ends() -> Ends:
    return Ends()


def picture(source: PieceSource) -> Picture:
    return Picture(BegunPieces(source.pieces()), Size(2816, 1584), 2**63 - 1, "text-to-image", "gpu", 1.5)


def sent(source: PieceSource, ends: Ends) -> list[Message]:
    """The messages of the answer."""
    messages: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("a picture needs nothing more of the request")

    async def send(message: Message) -> None:
        messages.append(message)

    stream = PictureStream(picture(source))
    stream.on_end = ends
    asyncio.run(stream({"type": "http"}, receive, send))
    return messages


def delivered(source: PieceSource, ends: Ends) -> Iterator[Piece]:
    return sent(source, ends)[1]["pieces"]


def test_the_head_says_what_was_made_and_no_length() -> None:
    start, _ = sent(PieceSource(CONTENTS), Ends())
    assert (start["type"], start["status"]) == ("http.response.start", 200)
    assert dict(start["headers"]) == {
        b"content-type": b"image/png",
        b"x-seed": b"9223372036854775807",
        b"x-model": b"text-to-image",
        b"x-backend": b"gpu",
        b"x-image-width": b"2816",
        b"x-image-height": b"1584",
    }


def test_headers_that_are_added_to_the_answer_are_sent() -> None:
    stream = PictureStream(picture(PieceSource(CONTENTS)))
    stream.headers["X-Request-Id"] = "req-1"
    assert (b"x-request-id", b"req-1") in stream.raw_headers


def test_what_was_made_is_told_in_text() -> None:
    assert picture_headers(picture(PieceSource(CONTENTS))) == {
        "X-Seed": "9223372036854775807", "X-Model": "text-to-image", "X-Backend": "gpu",
        "X-Image-Width": "2816", "X-Image-Height": "1584",
    }  # fmt: skip


def test_the_body_is_handed_over_and_not_read(ends: Ends) -> None:
    source = PieceSource(CONTENTS)
    _, body = sent(source, ends)
    assert body["type"] == PIECES_EXTENSION
    assert (source.read, ends.told) == (1, [])
    assert b"".join(body["pieces"]) == b"onetwo.three"


def test_a_delivery_to_the_end_is_complete(ends: Ends) -> None:
    pieces = delivered(PieceSource(CONTENTS), ends)
    for piece in CONTENTS:
        assert next(pieces) == piece
        assert ends.told == []
    assert next(pieces, "the end") == "the end"
    assert ends.told == [(12, True, None)]
    assert next(pieces, "the end") == "the end"
    pieces.close()
    pieces.close()
    assert ends.told == [(12, True, None)]


@pytest.mark.parametrize(("read", "image_bytes"), [(0, 0), (1, 3), (2, 7), (4, 12)])
def test_a_delivery_that_is_closed_before_its_end_is_incomplete_and_lets_the_source_go(
    ends: Ends, read: int, image_bytes: int
) -> None:
    source = PieceSource(CONTENTS)
    pieces = delivered(source, ends)
    for _ in range(read):
        next(pieces)
    pieces.close()
    pieces.close()
    assert list(pieces) == []
    assert source.closed
    assert ends.told == [(image_bytes, False, None)]


@pytest.mark.parametrize("failure", [ModelError(), OSError(), KeyboardInterrupt()], ids=repr)
def test_a_delivery_that_fails_is_incomplete_and_its_failure_passed_on(
    ends: Ends, failure: BaseException
) -> None:
    pieces = delivered(PieceSource(CONTENTS, failure), ends)
    with pytest.raises(type(failure)) as caught:
        list(pieces)
    assert caught.value is failure
    pieces.close()
    assert ends.told == [(12, False, failure if isinstance(failure, Exception) else None)]

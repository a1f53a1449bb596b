"""Answers that hand pictures over in pieces, as an extension of ASGI."""

from collections.abc import Iterator
from typing import Any, Final, Protocol

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from imagineart.domain.orders import Picture
from imagineart.domain.pieces import BegunPieces, Piece

PIECES_EXTENSION: Final = "imagineart.response.pieces"
"""Where a server offers it, one message of this type hands over ``pieces``, the body as an iterator."""


class OnEnd(Protocol):
    """Is told once how a delivery ended, and what failed if anything did."""

    def __call__(self, *, image_bytes: int, complete: bool, failure: Exception | None) -> None: ...


class PictureBody(Iterator[Piece], Protocol):
    """A body made of pictures; `image_bytes` is how many bytes of theirs have been read for it."""

    @property
    def image_bytes(self) -> int: ...

    def close(self) -> None:
        """Let the sources go."""


def picture_headers(picture: Picture) -> dict[str, str]:
    """What was made, and what made it."""
    seed = {"X-Seed-Supported": "false"} if picture.seed is None else {"X-Seed": str(picture.seed)}
    return seed | {
        "X-Model": picture.model_id,
        "X-Backend": picture.backend,
        "X-Image-Width": str(picture.size.width),
        "X-Image-Height": str(picture.size.height),
    }


class PieceStream(Response):
    """A body that is read from its sources while it is sent; `on_end` is set by whoever wants to know."""

    on_end: OnEnd

    def __init__(self, body: PictureBody, media_type: str, headers: dict[str, str]) -> None:
        super().__init__(media_type=media_type, headers=headers)
        del self.headers["content-length"]
        self.body_pieces = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": PIECES_EXTENSION, "pieces": _WatchedBody(self.body_pieces, self.on_end)})


class PictureStream(PieceStream):
    """A PNG that is read from its source while it is sent."""

    def __init__(self, picture: Picture) -> None:
        super().__init__(CountedPng(picture.png), "image/png", picture_headers(picture))


class CountedPng(Iterator[Piece]):
    """The pieces of a PNG, counted as they are read."""

    def __init__(self, pieces: BegunPieces) -> None:
        self._pieces = pieces
        self.image_bytes = 0

    def __next__(self) -> Piece:
        piece = next(self._pieces)
        self.image_bytes += len(piece)
        return piece

    def close(self) -> None:
        """Let the source go."""
        self._pieces.close()


class _WatchedBody(Iterator[Piece]):
    """A body that tells, once, how its delivery ended."""

    def __init__(self, body: PictureBody, on_end: OnEnd) -> None:
        self._body = body
        self._on_end = on_end
        self._told = False

    def __next__(self) -> Piece:
        try:
            return next(self._body)
        except StopIteration:
            self._tell(complete=True, failure=None)
            raise
        except Exception as failure:
            self._tell(complete=False, failure=failure)
            raise

    def close(self) -> None:
        """Let the sources go; before the end, the delivery is incomplete."""
        self._body.close()
        self._tell(complete=False, failure=None)

    def _tell(self, **how: Any) -> None:
        if not self._told:
            self._told = True
            self._on_end(image_bytes=self._body.image_bytes, **how)

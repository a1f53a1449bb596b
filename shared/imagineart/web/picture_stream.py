"""The answer that hands a picture over in pieces, as an extension of ASGI."""

from collections.abc import Iterator
from typing import Any, Final, Protocol

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from imagineart.domain.orders import Picture
from imagineart.domain.pieces import BegunPieces, Piece

PIECES_EXTENSION: Final = "imagineart.response.pieces"
"""Where a server offers it, one message of this type hands over ``pieces``, the body as an iterator."""


class OnEnd(Protocol):
    """Is told once how a delivery ended."""

    def __call__(self, *, image_bytes: int, complete: bool) -> None: ...


def picture_headers(picture: Picture) -> dict[str, str]:
    """What was made, and what made it."""
    seed = {"X-Seed-Supported": "false"} if picture.seed is None else {"X-Seed": str(picture.seed)}
    return seed | {
        "X-Model": picture.model_id,
        "X-Backend": picture.backend,
        "X-Image-Width": str(picture.size.width),
        "X-Image-Height": str(picture.size.height),
    }


class PictureStream(Response):
    """A PNG that is read from its source while it is sent; `on_end` is set by whoever wants to know."""

    on_end: OnEnd

    def __init__(self, picture: Picture) -> None:
        super().__init__(media_type="image/png", headers=picture_headers(picture))
        del self.headers["content-length"]
        self._png = picture.png

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": PIECES_EXTENSION, "pieces": _WatchedPieces(self._png, self.on_end)})


class _WatchedPieces(Iterator[Piece]):
    """Pieces that tell, once, how their delivery ended."""

    def __init__(self, pieces: BegunPieces, on_end: OnEnd) -> None:
        self._pieces = pieces
        self._on_end = on_end
        self._sent_bytes = 0
        self._told = False

    def __next__(self) -> Piece:
        try:
            piece = next(self._pieces)
        except BaseException as end:
            self._tell(complete=isinstance(end, StopIteration))
            raise
        self._sent_bytes += len(piece)
        return piece

    def close(self) -> None:
        """Let the source go; before its end, the delivery is incomplete."""
        self._pieces.close()
        self._tell(complete=False)

    def _tell(self, **how: Any) -> None:
        if not self._told:
            self._told = True
            self._on_end(image_bytes=self._sent_bytes, **how)

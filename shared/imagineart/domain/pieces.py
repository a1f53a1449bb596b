"""Pictures in pieces, so that none has to be held whole."""

from collections.abc import Generator, Iterator
from typing import TypeAlias

Piece: TypeAlias = bytes | memoryview

Pieces: TypeAlias = Generator[Piece, None, None]
"""Produced on demand; whoever stops reading before the end closes it, so that its source is let go."""


class BegunPieces(Iterator[Piece]):
    """Pieces of which the first exists already, so that what can fail early has failed or not."""

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self._first: Piece | None = next(pieces, b"")

    def __next__(self) -> Piece:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        return next(self._pieces)

    def close(self) -> None:
        """Let the source go."""
        self._first = None
        self._pieces.close()

"""A picture in pieces has begun before it is handed on, and its source is always let go."""

import pytest

from imagineart.domain.errors import ModelError
from imagineart.domain.pieces import BegunPieces
from tests.fakes.image_making import PieceSource


def test_the_first_piece_is_read_at_once_and_no_other() -> None:
    source = PieceSource([b"one", b"two", b"three"])
    begun = BegunPieces(source.pieces())
    assert source.read == 1
    assert next(begun) == b"one"
    assert source.read == 1
    assert list(begun) == [b"two", b"three"]
    assert source.closed


def test_what_fails_early_fails_before_anything_is_handed_on() -> None:
    failing = PieceSource([], ModelError())
    with pytest.raises(ModelError):
        BegunPieces(failing.pieces())
    assert failing.closed


def test_what_fails_later_fails_where_it_is_read() -> None:
    begun = BegunPieces(PieceSource([b"one"], ModelError()).pieces())
    assert next(begun) == b"one"
    with pytest.raises(ModelError):
        next(begun)
    assert list(begun) == []


@pytest.mark.parametrize("read", range(4))
def test_closing_lets_the_source_go_however_much_was_read(read: int) -> None:
    source = PieceSource([b"one", b"two", b"three"])
    begun = BegunPieces(source.pieces())
    for _ in range(read):
        next(begun)
    begun.close()
    assert source.closed
    assert list(begun) == []
    begun.close()


def test_pieces_may_be_empty_or_none_at_all() -> None:
    assert b"".join(BegunPieces(PieceSource([b"", b"", b"one", b""]).pieces())) == b"one"
    assert b"".join(BegunPieces(PieceSource([]).pieces())) == b""

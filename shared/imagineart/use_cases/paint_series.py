"""Several pictures of one order, one after another."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from imagineart.domain.orders import EditOrder, GenerationOrder, Picture
from imagineart.domain.pieces import BegunPieces, Pieces

Order = TypeVar("Order", GenerationOrder, EditOrder)


def paint_series(
    paint: Callable[[Order, float], Picture],
    order: Order,
    count: int,
    deadline_seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Picture, ...]:
    """`count` pictures made by `paint(order, deadline_seconds)`, with the order's seed and those after it.

    All but the last are held whole, so that every failure before the last has begun is raised here. `clock`
    is monotonic, in seconds. Raises what `paint` and reading a picture raise.
    """
    ends_at = clock() + deadline_seconds
    pictures: list[Picture] = []
    for position in range(count - 1):
        picture = paint(replace(order, seed=order.seed + position), deadline_seconds)
        pictures.append(_held(picture))
        deadline_seconds = max(0.0, ends_at - clock())
    last = paint(replace(order, seed=order.seed + count - 1), deadline_seconds)
    return (*pictures, last)


def _held(picture: Picture) -> Picture:
    held = [bytes(piece) for piece in picture.png]
    usage = picture.usage()
    return replace(picture, png=BegunPieces(_pieces(held)), usage=lambda: usage)


def _pieces(held: list[bytes]) -> Pieces:
    yield from held

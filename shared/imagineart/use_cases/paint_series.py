"""Several pictures of one order, one after another."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from imagineart.domain.orders import EditOrder, GenerationOrder, Picture

Order = TypeVar("Order", GenerationOrder, EditOrder)


def paint_series(
    paint: Callable[[Order, float, bool], Picture],
    order: Order,
    count: int,
    deadline_seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Picture, ...]:
    """`count` pictures made by `paint(order, deadline_seconds, whole)`, with the order's seed and the next.

    All but the last are painted whole, so that every failure before the last has begun is raised here.
    `clock` is monotonic, in seconds. Raises what `paint` raises.
    """
    ends_at = clock() + deadline_seconds
    pictures: list[Picture] = []
    for position in range(count - 1):
        picture = paint(replace(order, seed=order.seed + position), deadline_seconds, True)
        pictures.append(_with_its_usage(picture))
        deadline_seconds = max(0.0, ends_at - clock())
    last = paint(replace(order, seed=order.seed + count - 1), deadline_seconds, False)
    return (*pictures, last)


def _with_its_usage(picture: Picture) -> Picture:
    """A backend knows only what its latest picture cost."""
    usage = picture.usage()
    return replace(picture, usage=lambda: usage)

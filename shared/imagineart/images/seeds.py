"""Seeds: what the caller chose, or a random one that it can send again."""

from collections.abc import Callable
from typing import Final

MAX_RANDOM_SEED: Final = 2**32 - 1

RandomBelow = Callable[[int], int]
"""A source of uniform integers from 0 to its argument, exclusive; `secrets.randbelow` is one."""


def choose_seed(requested: int | None, random_below: RandomBelow) -> int:
    """The requested seed, or a random one from 1 to 2**32 - 1: never 0, which would mean random again."""
    return requested if requested is not None else 1 + random_below(MAX_RANDOM_SEED)

"""Trees as outlines."""

from __future__ import annotations

import numpy as np

from local.painter.canvas import Outline


def pine(x: float, foot: float, tall: float, dice: np.random.Generator, tiers: int = 7) -> Outline:
    """A conifer standing at (x, foot), `tall` high, its boughs a little uneven."""
    share = np.arange(1, tiers + 1) / tiers
    reach = tall * 0.24 * share**0.85 * dice.uniform(0.8, 1.2, (2, tiers))
    inner = reach * 0.5
    drop = foot - tall + tall * 0.9 * share
    left = [
        (x - side, y)
        for r, i, y in zip(reach[0], inner[0], drop, strict=True)
        for side, y in ((r, y), (i, y - 0.02 * tall))
    ]
    right = [
        (x + side, y)
        for r, i, y in zip(reach[1], inner[1], drop, strict=True)
        for side, y in ((r, y), (i, y - 0.02 * tall))
    ]
    trunk = tall * 0.025
    return np.array([(x, foot - tall), *right, (x + trunk, foot), (x - trunk, foot), *reversed(left)])

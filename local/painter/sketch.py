"""What every scene is given: a canvas, colours, and dice for composition and detail."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from local.painter.canvas import Canvas
from local.painter.dice import roll
from local.painter.palette import Palette


@dataclass(frozen=True, slots=True)
class Sketch:
    """One picture in the making; `rich` asks for the fuller version of the scene."""

    canvas: Canvas
    palette: Palette
    words: frozenset[str]
    prompt: str
    seed: int
    rich: bool

    def layout(self, part: str) -> np.random.Generator:
        """Dice for where things are: the same for every prompt, so that a seed keeps its composition."""
        return roll("layout", part, self.seed)

    def detail(self, part: str) -> np.random.Generator:
        """Dice for what may differ from prompt to prompt."""
        return roll("detail", part, self.seed, self.prompt)

    def says(self, words: str) -> bool:
        """Whether the prompt has one of the given space-separated words."""
        return not self.words.isdisjoint(words.split())

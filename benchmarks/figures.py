"""What a part of the benchmarks finds: lines of one table."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

MISSED: Final = "missed"
HEAD: Final = """\
| Part     | What                                      |    Value | Baseline | Ratio | Goal |        |
| -------- | ----------------------------------------- | -------: | -------: | ----: | ---: | ------ |
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """A line: values in pairs with a baseline's in the same run; `goal` is the highest ratio allowed."""

    part: str
    what: str
    unit: str
    pairs: Sequence[tuple[float, float]]
    goal: float | None = None

    @property
    def ratio(self) -> float:
        return median(value / baseline for value, baseline in self.pairs)

    def row(self) -> str:
        value, baseline = (f"{median(each):.4g} {self.unit}" for each in zip(*self.pairs, strict=True))
        goal = "" if self.goal is None else f"{self.goal:.2f}"
        verdict = "" if self.goal is None else "met" if self.ratio <= self.goal else MISSED
        cells = f"{self.part:8} | {self.what:41} | {value:>8} | {baseline:>8} | {self.ratio:5.2f}"
        return f"| {cells} | {goal:>4} | {verdict:6} |\n"

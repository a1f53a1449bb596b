"""What a benchmark finds: a value, the baseline's value in the same run, and what was hoped for."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Measurement:
    """One line of the report; smaller is better.

    `goal` is the highest ratio allowed and `limit` the highest value, each None where there is none.
    """

    name: str
    value: float
    unit: str
    baseline: float
    goal: float | None = None
    limit: float | None = None

    @property
    def ratio(self) -> float:
        """The value in baselines."""
        return self.value / self.baseline

    @property
    def met(self) -> bool | None:
        """Whether the ratio is within the goal and the value within the limit, or None without either."""
        if self.goal is None and self.limit is None:
            return None
        return (self.goal is None or self.ratio <= self.goal) and (
            self.limit is None or self.value <= self.limit
        )

    def to_json(self) -> dict[str, Any]:
        """The measurement as ``.local/bench.json`` keeps it."""
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "baseline": self.baseline,
            "ratio": self.ratio,
            "goal": self.goal,
            "limit": self.limit,
            "met": self.met,
        }


def encode_report(measurements: Sequence[Measurement]) -> str:
    """A JSON list of every measurement."""
    return json.dumps([each.to_json() for each in measurements], indent=2) + "\n"


def tabulate(measurements: Sequence[Measurement]) -> Table:
    """The measurements as a table for the terminal."""
    table = Table("Name", box=SIMPLE, pad_edge=False)
    table.caption = "Smaller is better; a goal is the highest ratio allowed, or value where it has a unit."
    for heading in ("Value", "Unit", "Baseline", "Ratio", "Goal", "Met"):
        table.add_column(heading, justify="left" if heading == "Unit" else "right")
    for each in measurements:
        table.add_row(
            each.name,
            f"{each.value:.3g}",
            each.unit,
            f"{each.baseline:.4g}",
            f"{each.ratio:.2g}",
            _describe_goals(each),
            {None: "", True: "[green]yes", False: "[red]no"}[each.met],
        )
    return table


def to_markdown(measurements: Sequence[Measurement]) -> str:
    """The measurements as ``docs/performance.md`` has them."""
    words = {None: "", True: "yes", False: "no"}
    rows = [
        (
            each.name,
            f"{each.value:.3g}",
            each.unit,
            f"{each.baseline:.3g}",
            f"{each.ratio:.2g}",
            _describe_goals(each),
            words[each.met],
        )
        for each in measurements
    ]
    header = ("Name", "Value", "Unit", "Baseline", "Ratio", "Goal", "Met")
    rule = ("---", "---:", "---", "---:", "---:", "---:", "---")
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, rule, *rows)) + "\n"


def _describe_goals(measurement: Measurement) -> str:
    goal = [] if measurement.goal is None else [f"{measurement.goal:g}"]
    limit = [] if measurement.limit is None else [f"{measurement.limit:g} {measurement.unit}"]
    return ", ".join(goal + limit)


def any_goal_missed(measurements: Sequence[Measurement]) -> bool:
    """Whether a measurement is over its goal."""
    return any(each.met is False for each in measurements)

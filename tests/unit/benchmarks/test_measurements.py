"""What a measurement says about itself, to a person and to a program."""

import io
import json

import pytest
from rich.console import Console

from benchmarks.measurements import Measurement, any_goal_missed, encode_report, tabulate, to_markdown

WITHIN = Measurement("start", value=30.0, unit="ms", baseline=100.0, goal=0.3)
OVER = Measurement("memory", value=31.0, unit="MB", baseline=100.0, goal=0.3)
WITHIN_LIMIT = Measurement("peak", value=2.0, unit="MB", baseline=1.0, limit=2.0)
OVER_LIMIT = Measurement("peak", value=2.1, unit="MB", baseline=100.0, goal=0.3, limit=2.0)
WITHOUT_GOAL = Measurement("request", value=500.0, unit="ms", baseline=100.0)


@pytest.mark.parametrize(("measurement", "met"), [(WITHIN, True), (OVER, False), (WITHOUT_GOAL, None)])
def test_a_goal_is_met_up_to_its_very_ratio(measurement: Measurement, met: bool | None) -> None:
    assert measurement.met is met


@pytest.mark.parametrize(("measurement", "met"), [(WITHIN_LIMIT, True), (OVER_LIMIT, False)])
def test_a_limit_is_about_the_value_whatever_the_ratio(measurement: Measurement, met: bool) -> None:
    assert measurement.met is met


def test_one_missed_goal_among_met_ones_is_noticed() -> None:
    assert any_goal_missed([WITHIN, OVER, WITHOUT_GOAL])


def test_a_measurement_without_a_goal_misses_none_however_slow_it_is() -> None:
    assert not any_goal_missed([WITHIN, WITHOUT_GOAL])


def test_the_report_holds_every_measurement_with_its_ratio() -> None:
    assert json.loads(encode_report([OVER, WITHOUT_GOAL])) == [
        {
            "name": "memory",
            "value": 31.0,
            "unit": "MB",
            "baseline": 100.0,
            "ratio": 0.31,
            "goal": 0.3,
            "limit": None,
            "met": False,
        },
        {
            "name": "request",
            "value": 500.0,
            "unit": "ms",
            "baseline": 100.0,
            "ratio": 5.0,
            "goal": None,
            "limit": None,
            "met": None,
        },
    ]


def test_the_table_tells_which_goal_was_missed() -> None:
    console = Console(width=100, file=io.StringIO())
    console.print(tabulate([WITHIN, OVER]))
    lines = console.file.getvalue().splitlines()
    assert any("start" in line and "yes" in line for line in lines)
    assert any("memory" in line and "no" in line for line in lines)


def test_the_table_shows_a_limit_with_its_unit() -> None:
    console = Console(width=100, file=io.StringIO())
    console.print(tabulate([WITHIN_LIMIT]))
    assert "2 MB" in console.file.getvalue()


def test_a_document_has_a_row_for_each_measurement() -> None:
    *_, over, limited, free = to_markdown([OVER, OVER_LIMIT, WITHOUT_GOAL]).splitlines()
    assert over == "| memory | 31 | MB | 100 | 0.31 | 0.3 | no |"
    assert limited == "| peak | 2.1 | MB | 100 | 0.021 | 0.3, 2 MB | no |"
    assert free == "| request | 500 | ms | 100 | 5 |  |  |"

import re

import pytest

from benchmarks.__main__ import BENCHES
from load.backend import ATTEMPT_SECONDS, SILENT_SECONDS
from load.faults import Fate
from load.memory import ALLOWED_GROWTH_MB, ALLOWED_GROWTH_SHARE
from load.pictures import ROWS_PER_STRIPE
from load.reconciliation import Promise
from load.soak import CROWD_CALLERS, CROWD_SLOTS, Plan
from local.template import PROJECT

TEXT = " ".join((PROJECT / "docs" / "performance.md").read_text().split())


def results(name: str) -> str:
    """What stands between the marks of a word's results."""
    whole = (PROJECT / "docs" / "performance.md").read_text()
    return re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", whole, re.DOTALL)[1]


def test_the_method_is_the_one_that_is_used():
    plan = Plan()
    assert f"{plan.callers} callers for {plan.seconds} s, each asking again" in TEXT
    assert (
        f"takes {plan.backend_seconds:g} s for a picture and fails {plan.faults:.0%} of its"
        in TEXT.replace(" %", "%")
    )
    assert (CROWD_CALLERS, CROWD_SLOTS) == (3, 2)
    assert "for three who share a consumer with two slots" in TEXT
    assert f"every stripe of {ROWS_PER_STRIPE} rows" in TEXT
    assert f"for {SILENT_SECONDS:g} s, where an attempt has {ATTEMPT_SECONDS}" in TEXT
    allowed = f"at most {ALLOWED_GROWTH_SHARE:.0%} and {ALLOWED_GROWTH_MB:g} MB above"
    assert allowed in TEXT.replace(" %", "%")


def test_every_kind_of_fault_is_explained():
    words = {
        Fate.SERVER_ERROR: "answers 500",
        Fate.AT_LIMIT: "429",
        Fate.OVERLOADED: "503",
        Fate.CUT_OFF: "breaks off amid a picture",
        Fate.GARBAGE: "garbage",
        Fate.SILENT: "says nothing",
        Fate.RESET: "resets the connection",
    }
    assert set(words) == set(Fate) - {Fate.PAINTED}
    assert all(each in TEXT for each in words.values())


def test_the_result_is_that_of_a_whole_soak_and_tells_of_every_promise():
    plan, shown = Plan(), results("soak")
    assert f"{plan.callers} callers for {plan.seconds} s, a backend of {plan.backend_seconds:g} s" in shown
    held = dict(re.findall(r"^\| (.*?) \| (yes|no: \d+) \|$", shown, re.MULTILINE))
    assert held == dict.fromkeys(Promise, "yes")


@pytest.mark.parametrize("name", BENCHES)
def test_every_benchmark_is_described(name):
    assert f"| `{name}` |" in TEXT


def test_a_goal_that_the_recorded_run_missed_is_named_and_no_other():
    rows = re.findall(r"^\| ([^|]+?) \| .* \| (yes|no|) *\|$", results("bench"), re.MULTILINE)
    assert len(rows) > len(BENCHES)
    named = re.findall(r" - `([^`]+)`: ", TEXT.partition("## The benchmarks")[2])
    assert sorted(named) == sorted(name for name, kept in rows if kept == "no")


def test_the_recorded_run_met_the_goals_of_a_cold_start():
    kept = dict(
        re.findall(r"^\| (generate_image: init \w+) \| .* \| (yes|no|) *\|$", results("bench"), re.MULTILINE)
    )
    assert kept == {"generate_image: init CPU": "yes", "generate_image: init memory": "yes"}

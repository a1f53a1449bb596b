import json
from dataclasses import replace

from load.memory import Sample
from load.reconciliation import Promise, Stories
from load.report import Report, judge_record, to_json, to_markdown
from load.soak import BACKEND, CLOUD, GATEWAY, Plan, Record, read_log
from tests.sample_stories import AGREED

FLAT = [Sample(number, 180.0, number / 2) for number in range(100)]
GROWING = [Sample(number, 180.0 + number) for number in range(100)]


def report(stories: Stories = AGREED, **memory: list[Sample]) -> Report:
    samples = {GATEWAY: FLAT, CLOUD: FLAT, BACKEND: FLAT, **memory}
    return judge_record(Record(Plan(), stories, samples, (0.5, 3.0)), "2026-11-25")


def test_a_run_without_a_finding_holds() -> None:
    held = report()
    assert held.holds
    written = to_markdown(held)
    assert all(f"| {promise} | yes |" in written for promise in Promise)
    assert "| gateway and functions | 180 | 180 | 0 | 180 | 50 |" in written


def test_a_broken_promise_is_told_in_its_line_and_below() -> None:
    broken = report(replace(AGREED, aside=["Traceback"]))
    assert not broken.holds
    assert f"| {Promise.NOTHING_FAILED_ASIDE} | no: 1 |" in to_markdown(broken)
    assert f"- {Promise.NOTHING_FAILED_ASIDE}: Traceback" in to_markdown(broken)


def test_memory_that_grows_in_the_stack_breaks_a_promise() -> None:
    for name in (GATEWAY, CLOUD):
        assert [each.promise for each in report(**{name: GROWING}).findings] == [Promise.MEMORY_IS_FLAT]
    assert report(**{BACKEND: GROWING}).holds


def test_a_run_too_short_to_see_memory_does_not_hold() -> None:
    assert [each.text for each in report(**{GATEWAY: FLAT[:5]}).findings] == [
        "gateway and functions: too few samples to say"
    ]


def test_the_json_says_the_same() -> None:
    written = json.loads(json.dumps(to_json(report(**{CLOUD: GROWING}))))
    assert (written["holds"], written["requests"]) == (False, 7)
    assert written["memory"][CLOUD]["is_flat"] is False
    assert written["findings"][0]["promise"] == Promise.MEMORY_IS_FLAT


OUTPUT = """ImagineArt API on http://127.0.0.1:1
Ctrl-C stops everything.

GenerateImageFunction: cold start
{"level": "INFO", "message": "request", "request_id": "r1"}
ERROR:    An answer broke off: FunctionCrashError("ModelError('...')")
{"level": "WARNING", "message": "afterwards", "detail": "a slot was not given back"}
{"level": "INFO", "message": "request", "request_id": "r2"}
Traceback (most recent call last):
"""


def test_the_log_gives_the_ids_of_requests_and_what_is_said_aside() -> None:
    logged, aside = read_log(OUTPUT, broken=1)
    assert logged == ["r1", "r2"]
    assert [line[:20] for line in aside] == ['{"level": "WARNING",', "Traceback (most rece"]


def test_answers_that_break_off_are_aside_where_no_caller_saw_one() -> None:
    _, aside = read_log(OUTPUT, broken=0)
    assert aside[0].startswith("ERROR:    An answer broke off")

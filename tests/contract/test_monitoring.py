"""Alarms and the dashboard cover every function and read metrics that are written."""

import json
import re
from typing import Any

import pytest

from local.template import PROJECT, load_template

TEMPLATE = load_template()
ALARMS = TEMPLATE.resources("AWS::CloudWatch::Alarm")
FUNCTIONS = TEMPLATE.resources("AWS::Serverless::Function")
MAX_METRICS = 10
"""Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-limits.html"""

OPERATING = (PROJECT / "docs" / "operating.md").read_text()
SOURCE = "".join(path.read_text() for path in (PROJECT / "shared" / "imagineart").rglob("*.py"))


def metrics_of(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    queries = [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", []) if "MetricStat" in query]
    return queries if "Metrics" in alarm else [alarm]


def dashboard() -> list[dict[str, Any]]:
    body = TEMPLATE.resources("AWS::CloudWatch::Dashboard")["Dashboard"]["DashboardBody"]["Fn::Sub"]
    widgets: list[dict[str, Any]] = json.loads(body)["widgets"]
    return widgets


@pytest.mark.parametrize(
    "names",
    [
        ("FailuresAlarm", "WorkerFailuresAlarm"),
        ("ThrottlesAlarm", "WorkerThrottlesAlarm"),
        ("CanaryAlarm", "CanaryWorkersAlarm"),
    ],
)
def test_two_alarms_cover_every_function(names: tuple[str, ...]) -> None:
    covered = [
        metric["Dimensions"][0]["Value"]["Ref"] for name in names for metric in metrics_of(ALARMS[name])
    ]
    assert sorted(covered) == sorted(FUNCTIONS)


def test_the_alarms_on_throttled_tables_cover_every_table() -> None:
    alarms = [alarm for name, alarm in ALARMS.items() if name.endswith("TableThrottlesAlarm")]
    covered = {metric["Dimensions"][0]["Value"]["Ref"] for alarm in alarms for metric in metrics_of(alarm)}
    assert covered == TEMPLATE.resources("AWS::DynamoDB::Table").keys()


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_is_valid_and_reports_its_beginning_and_end(name: str) -> None:
    alarm = ALARMS[name]
    assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlarmsTopic"}]
    queries = alarm.get("Metrics", [])
    assert len(metrics_of(alarm)) <= MAX_METRICS
    assert len([each for each in queries if each.get("ReturnData", True)]) == (1 if queries else 0)
    # CloudWatch may publish the newest point late, and FILL would replace it: one period alone could miss it.
    assert alarm["EvaluationPeriods"] > 1 or "FILL" not in str(queries)


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_is_off_where_nothing_was_ever_written(name: str) -> None:
    """Most metrics are written when something happens, those of a new version only when it fails."""
    alarm = ALARMS[name]
    expressions = [each["Expression"] for each in alarm.get("Metrics", []) if "Expression" in each]
    read = [each["Id"] for each in alarm.get("Metrics", []) if "MetricStat" in each]
    unfilled = " ".join(re.sub(r"FILL\((METRICS\(\)|\w+), 0\)", "", each) for each in map(str, expressions))
    assert not {*read, "METRICS"} & set(re.findall(r"\w+", unfilled))
    # The review of tokens writes its metric once a day: in between, the alarm stays as it is.
    assert alarm["TreatMissingData"] == ("ignore" if name == "TokensDueAlarm" else "notBreaching")


def test_every_alarm_has_a_runbook_and_every_runbook_an_alarm() -> None:
    named = {alarm["AlarmDescription"].rpartition("docs/operating.md#")[2] for alarm in ALARMS.values()}
    headings = re.findall(r"^### (Alarm: .+)$", OPERATING, re.MULTILINE)
    assert {heading.lower().replace(":", "").replace(" ", "-") for heading in headings} == named


def own_metrics() -> set[str]:
    """The names of the metrics in the stack's own namespace that alarms and the dashboard read."""
    text = json.dumps([alarm.get("Metrics") for alarm in ALARMS.values()]) + json.dumps(dashboard())
    alarmed = {
        metric["MetricName"]
        for alarm in ALARMS.values()
        for metric in metrics_of(alarm)
        if metric["Namespace"] == {"Fn::Sub": "ImagineArt/${AWS::StackName}"}
    }
    shown = re.findall(r'"ImagineArt/\$\{AWS::StackName\}", "(\w+)"', text)
    queried = re.findall(r'SUM\((\w+)\) FROM SCHEMA|MetricName=\\+"(\w+)', text)
    return alarmed | set(shown) | {name for pair in queried for name in pair if name}


@pytest.mark.parametrize("name", sorted(own_metrics()))
def test_a_metric_that_is_read_is_written_and_documented(name: str) -> None:
    assert f'"{name}"' in SOURCE
    assert f"| `{name}` |" in OPERATING


def test_the_error_codes_in_alarms_are_documented() -> None:
    codes = set(re.findall(r"code = '(\w+)'", json.dumps(ALARMS)))
    assert codes == {"internal_error", "timeout"}
    assert all(f"{code}" in (PROJECT / "openapi.yaml").read_text() for code in codes)


def test_the_dashboard_shows_every_lasting_alarm() -> None:
    (widget,) = [each for each in dashboard() if each["type"] == "alarm"]
    lasting = [name for name in ALARMS if not name.startswith("Canary")]
    assert widget["properties"]["alarms"] == [f"${{{name}.Arn}}" for name in lasting]

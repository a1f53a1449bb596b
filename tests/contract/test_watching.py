"""What the operator watches exists: alarms and the dashboard read metrics that are really written."""

import json
import re
from typing import Any

import pytest

from imagineart.adapters import embedded_metrics
from imagineart.domain.observations import Stage
from imagineart.web.errors import STATUS_BY_CODE
from local.template import PROJECT, load_template

TEMPLATE = load_template()
ALARMS = TEMPLATE.resources("AWS::CloudWatch::Alarm")
FUNCTIONS = TEMPLATE.functions
NAMESPACE = "ImagineArt/${AWS::StackName}"
WRITTEN = {
    name for constant, name in vars(embedded_metrics).items() if constant.isupper() and isinstance(name, str)
} | set(Stage)
SERVICES = {
    function.variables["POWERTOOLS_SERVICE_NAME"]
    for function in FUNCTIONS.values()
    if "POWERTOOLS_SERVICE_NAME" in function.variables
}
AWS_METRICS = {
    "AWS/Lambda": {"Errors", "Throttles", "Duration", "ConcurrentExecutions"},
    "AWS/ApiGateway": {"Count", "4XXError", "5XXError"},
    "AWS/DynamoDB": {
        "ReadThrottleEvents", "WriteThrottleEvents",
        "ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits",
    },
    "AWS/SQS": {"ApproximateNumberOfMessagesVisible"},
}  # fmt: skip
OPERATING = (PROJECT / "docs" / "operating.md").read_text()


def metrics_of(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    queries = [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", []) if "MetricStat" in query]
    return queries or [alarm]


def dimensions_of(metric: dict[str, Any]) -> dict[str, Any]:
    return {each["Name"]: each["Value"] for each in metric["Dimensions"]}


def assert_written(namespace: str, name: str, dimensions: dict[str, Any]) -> None:
    """Assert that somebody writes the metric under those dimensions."""
    if namespace != NAMESPACE:
        assert name in AWS_METRICS[namespace]
        return
    assert name in WRITTEN
    assert dimensions["service"] in SERVICES
    assert dimensions.keys() <= {"service", "code", "version"}
    assert "version" not in dimensions or dimensions["code"] == "internal_error"
    assert ("code" in dimensions) == (name == embedded_metrics.ERRORS)
    assert dimensions.get("code", "timeout") in STATUS_BY_CODE


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_reads_metrics_that_are_written(name: str) -> None:
    for metric in metrics_of(ALARMS[name]):
        namespace = metric["Namespace"]
        text = namespace["Fn::Sub"] if isinstance(namespace, dict) else namespace
        assert_written(text, metric["MetricName"], dimensions_of(metric))


@pytest.mark.parametrize("name", [name for name in ALARMS if "Metrics" in ALARMS[name]])
def test_an_alarms_formula_reads_every_metric_that_it_fetches_and_gives_one_result(name: str) -> None:
    queries = ALARMS[name]["Metrics"]
    (result,) = [each for each in queries if each.get("ReturnData", True)]
    fetched = {each["Id"] for each in queries if "MetricStat" in each}
    formulas = " ".join(each["Expression"] for each in queries if "Expression" in each)
    assert "Expression" in result
    assert "METRICS()" in formulas or fetched <= set(re.findall(r"[a-z_]+", formulas))
    periods = {each["MetricStat"]["Period"] for each in queries if "MetricStat" in each}
    assert len(periods) == 1


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_is_named_after_the_stack_and_told_when_it_begins_and_ends(name: str) -> None:
    alarm = ALARMS[name]
    assert re.fullmatch(r"\$\{AWS::StackName\}-[a-z-]+", alarm["AlarmName"]["Fn::Sub"])
    assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlarmsTopic"}]


def test_every_alarm_has_a_runbook_and_every_runbook_an_alarm() -> None:
    named = {alarm["AlarmDescription"].rpartition("#")[2] for alarm in ALARMS.values()}
    headings = re.findall(r"^### (Alarm: .+)$", OPERATING, re.MULTILINE)
    assert {heading.lower().replace(":", "").replace(" ", "-") for heading in headings} == named


def test_what_was_demanded_is_watched() -> None:
    watched = " ".join(ALARMS)
    for part in ("ServerErrors", "Timeouts", "Throttles", "Latency", "BackendFailures", "TokensDue"):
        assert part in watched


def dashboard() -> list[dict[str, Any]]:
    body = TEMPLATE.resources("AWS::CloudWatch::Dashboard")["Dashboard"]["DashboardBody"]["Fn::Sub"]
    return json.loads(body)["widgets"]


def expanded(rows: list[list[Any]]) -> list[list[Any]]:
    return [row for row in rows if isinstance(row[0], str)]


def test_the_dashboard_reads_metrics_that_are_written() -> None:
    rows = [row for widget in dashboard() for row in expanded(widget["properties"].get("metrics", []))]
    assert len(rows) > 40
    for namespace, name, *rest in rows:
        pairs = [each for each in rest if isinstance(each, str)]
        assert_written(namespace, name, dict(zip(pairs[::2], pairs[1::2], strict=True)))


def test_the_dashboard_finds_what_it_searches_for() -> None:
    rows = [row for widget in dashboard() for row in widget["properties"].get("metrics", [])]
    searches = [row[0]["expression"] for row in rows if "SEARCH" in str(row)]
    # Quotes, because names of stacks have hyphens.
    found = [
        re.match(r"SEARCH\('\{\"(.+)\",([a-z,]+)\} MetricName=\"(\w+)\"'", each).groups() for each in searches
    ]
    assert [(name, dimensions) for _, dimensions, name in found] == [
        ("Errors", "service,code"),
        ("BackendAttempts", "service,backend"),
        ("BackendFailures", "service,backend"),
    ]
    assert {namespace for namespace, *_ in found} == {NAMESPACE}


def test_the_dashboard_shows_every_alarm() -> None:
    (widget,) = [each for each in dashboard() if each["type"] == "alarm"]
    lasting = [name for name in ALARMS if not name.endswith("CanaryAlarm")]
    assert widget["properties"]["alarms"] == [f"${{{name}.Arn}}" for name in lasting]


def test_no_widget_of_the_dashboard_covers_another() -> None:
    taken: set[tuple[int, int]] = set()
    for widget in dashboard():
        assert widget["x"] + widget["width"] <= 24
        cells = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not cells & taken, widget["properties"]["title"]
        taken |= cells


def test_the_table_of_metrics_is_what_is_written() -> None:
    start = OPERATING.index("| Metric | Further dimension | Meaning |")
    rows = OPERATING[start : OPERATING.index("\n\n", start)].splitlines()[2:]
    assert {row.split("|")[1].strip(" `") for row in rows} == WRITTEN


def test_the_price_of_alarms_is_told() -> None:
    canary, lasting = (
        sum(
            len(metrics_of(alarm))
            for name, alarm in ALARMS.items()
            if name.endswith("CanaryAlarm") == is_canary
        )
        for is_canary in (True, False)
    )
    assert f"here {lasting}, and {canary} more with `CanaryDeployments`." in OPERATING


def test_no_alarm_is_silent_where_requests_are_few() -> None:
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html
    assert [name for name in ALARMS if ALARMS[name].get("EvaluateLowSampleCountPercentile") == "ignore"] == []
    for name, alarm in ALARMS.items():
        formulas = [each["Expression"] for each in alarm.get("Metrics", []) if "Expression" in each]
        # The newest point is the fill where it is published late, so that one point says nothing.
        assert not any("FILL" in each for each in formulas) or alarm["EvaluationPeriods"] > 1, name

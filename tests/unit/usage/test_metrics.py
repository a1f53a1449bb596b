"""What CloudWatch finds in the log: metrics under names and dimensions that alarms and the dashboard use."""

import json
from typing import Any

import pytest

from imagineart.usage.metrics import Metrics, Stage

METRICS = Metrics("ImagineArt/a-stack", "generate_image", "7")


def finish(metrics: Metrics = METRICS, error_code: str | None = None, *, images: int = 1) -> None:
    metrics.request_finished(
        error_code=error_code,
        is_server_error=error_code is not None,
        seconds=6.2,
        seconds_by_stage={Stage.ADMISSION: 0.012, Stage.BACKEND: 5.5},
        images=images,
    )


def records(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def read(record: dict[str, Any]) -> tuple[list[set[str]], dict[str, tuple[float, str]]]:
    """The dimension sets of a record, and its metrics with their units, as CloudWatch takes them."""
    (directive,) = record["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "ImagineArt/a-stack"
    named = {each["Name"]: (record[each["Name"]][0], each["Unit"]) for each in directive["Metrics"]}
    sets = [set(dimensions) for dimensions in directive["Dimensions"]]
    assert all(isinstance(record[name], str) and record[name] for names in sets for name in names)
    return sets, named


def test_a_request_is_counted_and_timed_by_stage(capsys: pytest.CaptureFixture[str]) -> None:
    finish()
    (record,) = records(capsys)
    sets, metrics = read(record)
    assert (sets, record["service"]) == ([{"service"}], "generate_image")
    assert metrics == {
        "Requests": (1, "Count"),
        "ServerErrors": (0, "Count"),
        "Images": (1, "Count"),
        "Duration": (6200, "Milliseconds"),
        "Admission": (12, "Milliseconds"),
        "Backend": (5500, "Milliseconds"),
    }


def test_an_error_is_counted_under_its_code_too(capsys: pytest.CaptureFixture[str]) -> None:
    finish(error_code="timeout", images=0)
    request, error = records(capsys)
    assert read(request)[1]["ServerErrors"] == (1, "Count")
    assert "Images" not in read(request)[1]
    assert read(error) == ([{"service", "code"}], {"Errors": (1, "Count")})
    assert (error["service"], error["code"]) == ("generate_image", "timeout")


def test_an_error_of_the_service_itself_is_counted_by_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    finish(error_code="internal_error", images=0)
    _, error = records(capsys)
    assert read(error) == ([{"service", "code"}, {"service", "code", "version"}], {"Errors": (1, "Count")})
    assert error["version"] == "7"


def test_a_metric_that_cannot_be_written_is_logged_and_fails_no_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    finish(Metrics("", "generate_image", "7"), images=-1)
    Metrics(None, "generate_image", "7").settlement_failed()  # type: ignore[arg-type]
    assert "a metric was not written" in caplog.text


@pytest.mark.parametrize(("failed", "needs_operator"), [(False, False), (True, False), (True, True)])
def test_an_attempt_at_a_backend_is_counted_in_all_and_by_backend(
    capsys: pytest.CaptureFixture[str], failed: bool, needs_operator: bool
) -> None:
    METRICS.attempt_finished("vllm-omni-2", failed=failed, needs_operator=needs_operator)
    (record,) = records(capsys)
    sets, metrics = read(record)
    assert (sets, record["backend"]) == ([{"service"}, {"service", "backend"}], "vllm-omni-2")
    assert metrics == {
        "BackendAttempts": (1, "Count"),
        "BackendFailures": (int(failed), "Count"),
        "BackendRefusals": (int(needs_operator), "Count"),
    }


@pytest.mark.parametrize(
    ("write", "metrics"),
    [
        (METRICS.settlement_failed, {"UnsettledRequests": (1, "Count")}),
        (METRICS.stale_secret_used, {"StaleSecrets": (1, "Count")}),
        (
            lambda: METRICS.tokens_reviewed(live=7, due=2, ending=0),
            {
                "LiveTokens": (7, "Count"),
                "TokensDueForRotation": (2, "Count"),
                "TokensEndingSoon": (0, "Count"),
            },
        ),
    ],
)
def test_other_metrics_have_the_service_alone(capsys: pytest.CaptureFixture[str], write, metrics) -> None:
    write()
    (record,) = records(capsys)
    assert read(record) == ([{"service"}], metrics)

"""What CloudWatch finds in the log: metrics under names and dimensions that alarms and the dashboard know."""

import json
from typing import Any

import pytest

from imagineart.adapters.embedded_metrics import EmbeddedMetrics
from imagineart.domain.observations import ObservedRequest, Stage, TokenCensus

METRICS = EmbeddedMetrics("ImagineArt/a-stack", "generate_image", "7")


def observed(
    error_code: str | None = None, *, images: int = 1, server_error: bool = False
) -> ObservedRequest:
    return ObservedRequest(
        error_code,
        server_error,
        6.2,
        {Stage.ADMISSION: 0.012, Stage.BACKEND: 5.5, Stage.DELIVERY: 0.25},
        images,
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
    METRICS.note_request(observed())
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
        "Delivery": (250, "Milliseconds"),
    }


def test_a_request_without_a_picture_counts_none(capsys: pytest.CaptureFixture[str]) -> None:
    METRICS.note_request(observed(images=0))
    (record,) = records(capsys)
    assert "Images" not in read(record)[1]


def test_an_error_is_counted_under_its_code_too(capsys: pytest.CaptureFixture[str]) -> None:
    METRICS.note_request(observed("timeout", images=0, server_error=True))
    request, error = records(capsys)
    assert read(request)[1]["ServerErrors"] == (1, "Count")
    sets, metrics = read(error)
    assert (sets, metrics) == ([{"service", "code"}], {"Errors": (1, "Count")})
    assert (error["service"], error["code"]) == ("generate_image", "timeout")


def test_an_error_of_the_code_is_counted_by_the_version_that_made_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    METRICS.note_request(observed("internal_error", images=0, server_error=True))
    _, error = records(capsys)
    sets, metrics = read(error)
    assert sets == [{"service", "code"}, {"service", "code", "version"}]
    assert (error["version"], metrics) == ("7", {"Errors": (1, "Count")})


def test_a_metric_that_cannot_be_written_is_logged_and_fails_nobody(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    EmbeddedMetrics("", "generate_image", "7").note_request(observed(images=-1))
    nameless = EmbeddedMetrics(None, "generate_image", "7")  # type: ignore[arg-type]
    nameless.note_unsettled()
    assert "a metric was not written" in caplog.text


@pytest.mark.parametrize("failed", [False, True])
def test_an_attempt_at_a_backend_is_counted_in_all_and_by_backend(
    capsys: pytest.CaptureFixture[str], failed: bool
) -> None:
    METRICS.note_attempt("vllm-omni-2", failed=failed)
    (record,) = records(capsys)
    sets, metrics = read(record)
    assert sets == [{"service"}, {"service", "backend"}]
    assert record["backend"] == "vllm-omni-2"
    assert metrics == {"BackendAttempts": (1, "Count"), "BackendFailures": (int(failed), "Count")}


def test_what_failed_after_an_answer_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    METRICS.note_unsettled()
    (record,) = records(capsys)
    assert read(record) == ([{"service"}], {"UnsettledRequests": (1, "Count")})


def test_tokens_are_counted_by_how_they_stand(capsys: pytest.CaptureFixture[str]) -> None:
    METRICS.note_tokens(TokenCensus(live=7, due=2, ending=0))
    (record,) = records(capsys)
    assert read(record)[1] == {
        "LiveTokens": (7, "Count"),
        "TokensDueForRotation": (2, "Count"),
        "TokensEndingSoon": (0, "Count"),
    }

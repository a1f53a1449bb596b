"""The operator reads what is counted of every request."""

from datetime import UTC, date, datetime

import pytest

from imagineart.access.manage_consumers import ConsumerChange
from imagineart.errors import InvalidRequestError
from imagineart.usage.model import FinishedRequest
from tests.fakes.operator_services import OperatorInMemory


@pytest.fixture
def operator() -> OperatorInMemory:
    """It is 2027-01-15."""
    operator = OperatorInMemory()
    operator.manage_consumers.create("zeta", ConsumerChange())
    return operator


def count(
    operator: OperatorInMemory, day: str, consumer_id: str = "acme", operation: str = "text-to-image"
) -> None:
    finished_at = datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()
    request_id = f"request {len(operator.usage.requests)}"
    operator.usage.count(FinishedRequest(request_id, consumer_id, operation, "2K", "ok", 1, 0.2, finished_at))


def days(operator: OperatorInMemory, first: date | None = None, last: date | None = None) -> list[str]:
    return [row.day for row in operator.report_usage.rows(consumer_id=None, first_day=first, last_day=last)]


def test_without_days_the_last_seven_are_shown(operator: OperatorInMemory) -> None:
    for day in ("2027-01-08", "2027-01-09", "2027-01-15", "2027-01-16"):
        count(operator, day)
    assert days(operator) == ["2027-01-09", "2027-01-15"]


def test_days_that_are_named_are_both_part_of_it(operator: OperatorInMemory) -> None:
    for day in ("2026-12-31", "2027-01-01", "2027-01-02", "2027-01-03"):
        count(operator, day)
    assert days(operator, date(2027, 1, 1), date(2027, 1, 2)) == ["2027-01-01", "2027-01-02"]
    assert days(operator, date(2027, 1, 2)) == ["2027-01-02", "2027-01-03"]
    assert days(operator, None, date(2027, 1, 1)) == ["2026-12-31", "2027-01-01"]


def test_every_consumer_is_reported_in_order(operator: OperatorInMemory) -> None:
    count(operator, "2027-01-15", "zeta")
    count(operator, "2027-01-15")
    count(operator, "2027-01-14", operation="uploads")
    rows = operator.report_usage.rows(consumer_id=None, first_day=None, last_day=None)
    assert [(row.consumer_id, row.day, row.operation) for row in rows] == [
        ("acme", "2027-01-14", "uploads"),
        ("acme", "2027-01-15", "text-to-image"),
        ("zeta", "2027-01-15", "text-to-image"),
    ]


def test_a_last_day_before_the_first_is_refused(operator: OperatorInMemory) -> None:
    with pytest.raises(InvalidRequestError, match=r"^to: got 2027-01-01; allowed: days from 2027-01-02"):
        days(operator, date(2027, 1, 2), date(2027, 1, 1))


def test_the_calendars_ends_are_days_like_any_other(operator: OperatorInMemory) -> None:
    assert days(operator, date.min, date.max) == []
    assert days(operator, None, date.min) == []

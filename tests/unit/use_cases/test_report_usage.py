"""The operator reads what is counted of every request."""

from datetime import UTC, date, datetime

import pytest

from imagineart.domain.accounting import AnsweredRequest
from imagineart.domain.errors import InvalidRequestError
from imagineart.use_cases.manage_consumers import ConsumerChange
from imagineart.use_cases.not_found import NotFoundError
from tests.fakes.operator_desk import OperatorDesk


@pytest.fixture
def desk() -> OperatorDesk:
    """It is 2027-01-15."""
    desk = OperatorDesk()
    desk.manage_consumers.create("zeta", ConsumerChange())
    return desk


def count(desk: OperatorDesk, day: str, consumer_id: str = "acme", operation: str = "text-to-image") -> None:
    answered_at = datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()
    desk.usage.count(AnsweredRequest(consumer_id, operation, "2K", "ok", 1, 0.2, answered_at))


def days(desk: OperatorDesk, first: date | None = None, last: date | None = None) -> list[str]:
    return [row.day for row in desk.report_usage(consumer_id=None, first_day=first, last_day=last)]


def test_without_days_the_last_seven_are_shown(desk: OperatorDesk) -> None:
    for day in ("2027-01-08", "2027-01-09", "2027-01-15", "2027-01-16"):
        count(desk, day)
    assert days(desk) == ["2027-01-09", "2027-01-15"]


def test_days_that_are_named_are_both_part_of_it(desk: OperatorDesk) -> None:
    for day in ("2026-12-31", "2027-01-01", "2027-01-02", "2027-01-03"):
        count(desk, day)
    assert days(desk, date(2027, 1, 1), date(2027, 1, 2)) == ["2027-01-01", "2027-01-02"]
    assert days(desk, date(2027, 1, 2)) == ["2027-01-02", "2027-01-03"]
    assert days(desk, None, date(2027, 1, 1)) == ["2026-12-31", "2027-01-01"]


def test_every_consumer_is_reported_in_order(desk: OperatorDesk) -> None:
    count(desk, "2027-01-15", "zeta")
    count(desk, "2027-01-15")
    count(desk, "2027-01-14", operation="uploads")
    rows = desk.report_usage(consumer_id=None, first_day=None, last_day=None)
    assert [(row.consumer_id, row.day, row.operation) for row in rows] == [
        ("acme", "2027-01-14", "uploads"),
        ("acme", "2027-01-15", "text-to-image"),
        ("zeta", "2027-01-15", "text-to-image"),
    ]


def test_one_consumer_can_be_reported_alone(desk: OperatorDesk) -> None:
    count(desk, "2027-01-15", "zeta")
    count(desk, "2027-01-15")
    rows = desk.report_usage(consumer_id="zeta", first_day=None, last_day=None)
    assert [row.consumer_id for row in rows] == ["zeta"]
    with pytest.raises(NotFoundError):
        desk.report_usage(consumer_id="acne", first_day=None, last_day=None)


def test_a_last_day_before_the_first_is_refused(desk: OperatorDesk) -> None:
    with pytest.raises(InvalidRequestError, match=r"^to: got 2027-01-01; allowed are days from 2027-01-02"):
        days(desk, date(2027, 1, 2), date(2027, 1, 1))


def test_a_first_day_that_is_yet_to_come_is_refused(desk: OperatorDesk) -> None:
    with pytest.raises(InvalidRequestError, match=r"^to: got 2027-01-15"):
        days(desk, date(2027, 1, 16))


def test_the_calendars_ends_are_days_like_any_other(desk: OperatorDesk) -> None:
    assert days(desk, date.min, date.max) == []
    assert days(desk, None, date.min) == []

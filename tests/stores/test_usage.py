"""Every finished request is counted once, by however many environments."""

from dataclasses import replace

import pytest

from imagineart.access.limits import DAY_SECONDS
from imagineart.aws import AwsClients
from imagineart.errors import InternalError
from imagineart.usage.model import FinishedRequest, UsageRow, duration_class
from imagineart.usage.usage_store import UsageStore
from tests.fakes.randomness import repeatable_random_below
from tests.fakes.usage import InMemoryUsage
from tests.stores.tables import new_table

NOON = 1_799_971_200 + 12 * 3600
TODAY, TOMORROW = "2027-01-15", "2027-01-16"
REQUEST = FinishedRequest(
    "request", "acme", "text-to-image", "1K", "ok", images=1, seconds=7.25, finished_at=NOON
)
Usage = UsageStore | InMemoryUsage


def of_environment(number: int, store: UsageStore) -> UsageStore:
    return UsageStore(store.table, repeatable_random_below(number))


@pytest.fixture(params=["memory", "moto", "dynalite"])
def usage(request: pytest.FixtureRequest) -> Usage:
    """Every store there is: the one in memory that other tests use keeps the same promises."""
    if request.param == "memory":
        return InMemoryUsage()
    table = new_table(request.getfixturevalue(request.param), "UsageTable")
    return UsageStore(table, repeatable_random_below())


@pytest.fixture
def stored(aws: AwsClients) -> UsageStore:
    return UsageStore(new_table(aws, "UsageTable"), repeatable_random_below())


def count(usage: Usage, *requests: FinishedRequest) -> None:
    """Each of them as a request of its own."""
    for number, request in enumerate(requests):
        usage.count(replace(request, request_id=f"request {number}"))


def rows(usage: Usage, consumer_id: str = "acme") -> list[UsageRow]:
    return usage.rows(consumer_id, first_day="2027-01-01", last_day="2027-12-31")


def test_one_request_is_one_row_however_often_it_is_counted(usage: Usage) -> None:
    for _ in range(3):
        usage.count(REQUEST)
    expected = UsageRow("acme", TODAY, "text-to-image", "1K", "ok", 1, 7.25, {duration_class(7.25): 1})
    assert rows(usage) == [expected]


def test_requests_are_counted_apart_by_operation_resolution_and_outcome(usage: Usage) -> None:
    different = [
        REQUEST,
        replace(REQUEST, operation="image-edit"),
        replace(REQUEST, resolution="2K"),
        replace(REQUEST, outcome="rate_limited", images=0),
        replace(REQUEST, operation="models", resolution="-", images=0),
    ]
    count(usage, *different, *different)
    counted = [(row.operation, row.resolution, row.outcome, row.requests, row.images) for row in rows(usage)]
    assert counted == sorted(
        (each.operation, each.resolution, each.outcome, 2, 2 * each.images) for each in different
    )


def test_a_request_counts_for_the_day_utc_on_which_it_finished_and_rows_are_those_of_the_days(
    usage: Usage,
) -> None:
    midnight = NOON + DAY_SECONDS // 2
    count(usage, *(replace(REQUEST, finished_at=midnight + day * DAY_SECONDS - 0.001) for day in range(5)))
    found = usage.rows("acme", first_day=TOMORROW, last_day="2027-01-18")
    assert [(row.day, row.requests) for row in found] == [
        (TOMORROW, 1), ("2027-01-17", 1), ("2027-01-18", 1),
    ]  # fmt: skip


def test_durations_are_counted_by_class(usage: Usage) -> None:
    seconds = [0.05] * 5 + [4.0] * 4 + [25.0] * 2 + [1000.0]
    count(usage, *(replace(REQUEST, seconds=each) for each in seconds))
    (row,) = rows(usage)
    shares = [0.4, 0.5, 0.75, 0.9, 1.0]
    assert [row.seconds_at_most(share) for share in shares] == [0.1, 5, 5, 30, None]
    assert row.total_seconds == sum(seconds)


def test_counts_of_many_environments_add_up(stored: UsageStore) -> None:
    for number in range(8):
        count(of_environment(number, stored), *[replace(REQUEST, images=number % 2)] * 3)
    (row,) = rows(stored)
    assert (row.requests, row.images, row.total_seconds) == (24, 12, 24 * 7.25)


@pytest.mark.parametrize("edited", [{"a|b|c|ms": {"S": "1"}}, {"a|b|c|dx": {"N": "1"}}], ids=str)
def test_an_item_that_was_edited_into_something_else_is_our_own_failure(
    stored: UsageStore, edited: dict
) -> None:
    key = {"consumer_id": {"S": "acme"}, "day": {"S": TODAY}}
    stored.table.call("put_item", Item=key | edited)
    with pytest.raises(InternalError):
        rows(stored)

"""Every answered request is counted once, whoever counts at the same time."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from imagineart.adapters.aws_http import AwsCallError
from imagineart.adapters.dynamodb_usage import KEPT_SECONDS, DynamoDbUsageLedger
from imagineart.domain.accounting import DURATION_BOUNDS_SECONDS, AnsweredRequest, UsageRow, duration_class
from imagineart.domain.errors import InternalError
from imagineart.domain.limits import DAY_SECONDS
from tests.fakes.ledgers import InMemoryUsageLedger
from tests.stores.tables import new_table, of_another_environment

NOON = 1_799_971_200 + 12 * 3600
TODAY, TOMORROW = "2027-01-15", "2027-01-16"
REQUEST = AnsweredRequest(
    "acme", "text-to-image", "1024x1024", "ok", images=1, seconds=7.25, answered_at=NOON
)
THREADS = 32


@pytest.fixture
def ledger(store_endpoint: str) -> DynamoDbUsageLedger:
    return DynamoDbUsageLedger(new_table(store_endpoint, "UsageTable"))


def rows(ledger: DynamoDbUsageLedger | InMemoryUsageLedger, consumer_id: str = "acme") -> list[UsageRow]:
    return ledger.rows(consumer_id, first_day="2027-01-01", last_day="2027-12-31")


def test_one_request_is_one_row(ledger: DynamoDbUsageLedger) -> None:
    ledger.count(REQUEST)
    (row,) = rows(ledger)
    durations = {duration_class(7.25): 1}
    assert row == UsageRow("acme", TODAY, "text-to-image", "1024x1024", "ok", 1, 7.25, durations)
    assert (row.requests, row.mean_seconds) == (1, 7.25)


def test_requests_are_counted_apart_by_operation_resolution_and_outcome(ledger: DynamoDbUsageLedger) -> None:
    different = [
        REQUEST,
        replace(REQUEST, operation="image-edit"),
        replace(REQUEST, resolution="512x512"),
        replace(REQUEST, outcome="rate_limited", images=0),
        replace(REQUEST, operation="models", resolution="-", images=0),
    ]
    for request in different:
        ledger.count(request)
    counted = [(row.operation, row.resolution, row.outcome, row.requests, row.images) for row in rows(ledger)]
    assert counted == sorted(
        (each.operation, each.resolution, each.outcome, 1, each.images) for each in different
    )


def test_a_consumers_rows_are_its_own(ledger: DynamoDbUsageLedger) -> None:
    ledger.count(REQUEST)
    ledger.count(replace(REQUEST, consumer_id="acme2", images=3))
    assert [row.images for row in rows(ledger)] == [1]
    assert [row.images for row in rows(ledger, "acme2")] == [3]
    assert rows(ledger, "nobody") == []


def test_rows_are_those_from_the_first_to_the_last_day(ledger: DynamoDbUsageLedger) -> None:
    for day in range(5):
        ledger.count(replace(REQUEST, answered_at=NOON + day * DAY_SECONDS))
    found = ledger.rows("acme", first_day=TOMORROW, last_day="2027-01-18")
    assert [row.day for row in found] == [TOMORROW, "2027-01-17", "2027-01-18"]


def test_a_request_counts_for_the_day_utc_on_which_it_was_answered(ledger: DynamoDbUsageLedger) -> None:
    midnight = NOON + DAY_SECONDS // 2
    ledger.count(replace(REQUEST, answered_at=midnight - 0.001))
    ledger.count(replace(REQUEST, answered_at=midnight))
    assert [row.day for row in rows(ledger)] == [TODAY, TOMORROW]


def test_counts_of_many_environments_add_up(ledger: DynamoDbUsageLedger) -> None:
    def count_some(number: int) -> None:
        own = DynamoDbUsageLedger(of_another_environment(ledger.table))
        for second in range(5):
            own.count(replace(REQUEST, seconds=second, images=number % 2))

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(count_some, range(THREADS)))
    (row,) = rows(ledger)
    assert (row.requests, row.images, row.total_seconds) == (THREADS * 5, THREADS * 5 // 2, THREADS * 10)


def test_percentiles_are_told_from_what_was_counted(ledger: DynamoDbUsageLedger) -> None:
    for seconds in [0.05] * 50 + [4.0] * 45 + [25.0] * 4 + [1000.0]:
        ledger.count(replace(REQUEST, seconds=seconds))
    (row,) = rows(ledger)
    shares = [0.5, 0.51, 0.95, 0.96, 0.99, 1.0]
    assert [row.seconds_at_most(share) for share in shares] == [0.1, 5, 5, 30, 30, None]


@pytest.mark.parametrize("seconds", [*DURATION_BOUNDS_SECONDS, 0.0, 301.0])
def test_a_store_counts_as_the_one_in_memory(ledger: DynamoDbUsageLedger, seconds: float) -> None:
    in_memory = InMemoryUsageLedger()
    for each in (ledger, in_memory):
        each.count(replace(REQUEST, seconds=seconds))
        each.count(replace(REQUEST, seconds=seconds, operation="image-edit", images=0))
        each.count(replace(REQUEST, seconds=seconds, answered_at=NOON + DAY_SECONDS))
    assert rows(ledger) == rows(in_memory)


def test_a_days_account_is_swept_after_its_time(ledger: DynamoDbUsageLedger) -> None:
    ledger.count(REQUEST)
    item = ledger.table.get({"consumer_id": {"S": "acme"}, "day": {"S": TODAY}})
    assert item is not None
    assert int(item["expires_at"]["N"]) == NOON + KEPT_SECONDS
    assert KEPT_SECONDS > 366 * DAY_SECONDS


def test_more_days_than_a_page_holds_are_all_told(ledger: DynamoDbUsageLedger) -> None:
    """DynamoDB ends a page of a query at 1 MB."""
    for day in range(5):
        ledger.count(replace(REQUEST, answered_at=NOON + day * DAY_SECONDS))
    for item in list(ledger.table.pages("Scan")):
        ledger.table.call("PutItem", Item=item | {"note": {"S": "x" * 300_000}})
    assert len(rows(ledger)) == 5


@pytest.mark.parametrize("written", [{"a|b|c|ms": {"S": "1"}}, {"a|b|c|dx": {"N": "1"}}], ids=str)
def test_an_item_that_a_hand_has_spoilt_is_our_own_failure(
    ledger: DynamoDbUsageLedger, written: dict
) -> None:
    key = {"consumer_id": {"S": "acme"}, "day": {"S": TODAY}}
    ledger.table.call("PutItem", Item=key | written)
    with pytest.raises(InternalError):
        rows(ledger)


def test_a_missing_table_is_our_own_failure(ledger: DynamoDbUsageLedger) -> None:
    absent = DynamoDbUsageLedger(replace(ledger.table, name="absent"))
    for call in (lambda: absent.count(REQUEST), lambda: rows(absent)):
        with pytest.raises(AwsCallError) as caught:
            call()
        assert caught.value.aws_code == "ResourceNotFoundException"

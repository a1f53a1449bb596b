"""Requests are counted exactly, however many environments count at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from imagineart.adapters.aws_client import AwsCallError, AwsClient
from imagineart.adapters.dynamodb_request_counts import DynamoDbRequestCounter

MINUTE = 1_800_000_000


@pytest.fixture
def counter(aws: AwsClient, table_name: str) -> Iterator[DynamoDbRequestCounter]:
    return DynamoDbRequestCounter(aws, table_name)


def test_each_request_is_told_how_many_the_window_holds(counter: DynamoDbRequestCounter) -> None:
    assert [counter.count("acme", window_start=MINUTE) for _ in range(3)] == [1, 2, 3]


def test_consumers_and_windows_are_counted_apart(counter: DynamoDbRequestCounter) -> None:
    keys = [("acme", MINUTE), ("acme", MINUTE + 60), ("acme2", MINUTE), ("acme", MINUTE)]
    assert [counter.count(consumer, window_start=start) for consumer, start in keys] == [1, 1, 1, 2]


def test_concurrent_requests_are_counted_exactly(counter: DynamoDbRequestCounter) -> None:
    def count_20(_: int) -> list[int]:
        return [counter.count("acme", window_start=MINUTE) for _ in range(20)]

    with ThreadPoolExecutor(32) as threads:
        counts = [count for counts in threads.map(count_20, range(32)) for count in counts]
    assert sorted(counts) == list(range(1, 32 * 20 + 1))


def test_an_old_window_expires(counter: DynamoDbRequestCounter, aws: AwsClient) -> None:
    counter.count("acme", window_start=MINUTE)
    key = {"key": {"S": f"acme#{MINUTE}"}}
    item = aws.call("dynamodb", "GetItem", {"TableName": counter.table_name, "Key": key})["Item"]
    assert MINUTE + 60 < int(item["expires_at"]["N"]) <= MINUTE + 86_400


def test_a_missing_table_is_our_own_failure(aws: AwsClient) -> None:
    with pytest.raises(AwsCallError):
        DynamoDbRequestCounter(aws, "absent").count("acme", window_start=MINUTE)

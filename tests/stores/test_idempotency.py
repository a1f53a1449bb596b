"""A key is claimed by one attempt at a time, completed once, and free again when its time is over."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from imagineart.aws import AwsClients
from imagineart.errors import InternalError
from imagineart.idempotency.model import KEPT_SECONDS, Claim, Record
from imagineart.idempotency.record_store import RecordStore
from tests.fakes.idempotency import InMemoryRecords
from tests.stores.tables import new_table

NOW = 1_800_000_000.25
LEASE_SECONDS = 100.0
FIRST = Claim("key", "the request", "attempt-1", NOW + LEASE_SECONDS)
SECOND = replace(FIRST, attempt="attempt-2")
LATER = NOW + LEASE_SECONDS + 1
LATER_SECOND = replace(SECOND, lease_ends_at=LATER + LEASE_SECONDS)
RESPONSE = Record("the request", {"content-type": "image/png", "x-seed": "7"}, "responses/acme/key/attempt-1")
OF_SECOND = replace(RESPONSE, storage_key="responses/acme/key/attempt-2")
IN_PROGRESS = Record("the request")
ATTEMPTS = 10
Records = RecordStore | InMemoryRecords


@pytest.fixture(params=["memory", "moto", "dynalite"])
def records(request: pytest.FixtureRequest) -> Records:
    """Every store there is: the one in memory that other tests use keeps the same promises."""
    if request.param == "memory":
        return InMemoryRecords()
    return RecordStore(new_table(request.getfixturevalue(request.param), "IdempotencyTable"))


@pytest.fixture
def stored(aws: AwsClients) -> RecordStore:
    return RecordStore(new_table(aws, "IdempotencyTable"))


def test_a_free_key_is_claimed_by_one_attempt_and_each_key_apart(records: Records) -> None:
    assert records.find("key", now=NOW) is None
    assert records.claim(FIRST, now=NOW) is None
    assert records.find("key", now=NOW) == IN_PROGRESS
    assert records.claim(SECOND, now=NOW) == IN_PROGRESS
    assert records.claim(replace(SECOND, fingerprint="another request"), now=NOW) == IN_PROGRESS
    assert records.claim(replace(SECOND, record_id="another key"), now=NOW) is None


def test_a_completed_response_is_found_as_it_was_kept_and_outlives_the_lease(records: Records) -> None:
    records.claim(FIRST, now=NOW)
    assert records.complete(FIRST, RESPONSE, now=NOW)
    for now in (NOW, LATER):
        assert records.find("key", now=now) == RESPONSE
        assert records.claim(SECOND, now=now) == RESPONSE
    records.release(FIRST)
    assert records.find("key", now=NOW) == RESPONSE


def test_only_the_attempt_with_the_claim_completes_or_releases_it(records: Records) -> None:
    records.claim(FIRST, now=NOW)
    assert not records.complete(SECOND, OF_SECOND, now=NOW)
    records.release(SECOND)
    assert records.find("key", now=NOW) == IN_PROGRESS
    assert not records.complete(replace(FIRST, record_id="unclaimed"), RESPONSE, now=NOW)
    assert records.find("unclaimed", now=NOW) is None
    records.release(FIRST)
    assert records.find("key", now=NOW) is None
    assert records.claim(SECOND, now=NOW) is None


def test_a_key_whose_lease_has_ended_is_free_and_not_before(records: Records) -> None:
    records.claim(FIRST, now=NOW)
    last = NOW + LEASE_SECONDS
    assert records.find("key", now=last) == IN_PROGRESS
    assert records.claim(replace(SECOND, lease_ends_at=LATER + 1), now=last) == IN_PROGRESS
    assert records.find("key", now=LATER) is None
    assert records.claim(LATER_SECOND, now=LATER) is None


def test_a_stalled_attempt_changes_nothing_that_a_second_has_claimed(records: Records) -> None:
    records.claim(FIRST, now=NOW)
    records.claim(LATER_SECOND, now=LATER)
    for expected in (IN_PROGRESS, OF_SECOND):
        assert not records.complete(FIRST, RESPONSE, now=LATER)
        records.release(FIRST)
        assert records.find("key", now=LATER) == expected
        records.complete(LATER_SECOND, OF_SECOND, now=LATER)


def test_a_response_is_kept_for_24_hours_whenever_the_table_deletes_it(records: Records) -> None:
    """DynamoDB takes days to delete what has expired."""
    records.claim(FIRST, now=NOW)
    records.complete(FIRST, RESPONSE, now=NOW + 50)
    kept_until = NOW + 50 + KEPT_SECONDS
    assert KEPT_SECONDS == 24 * 3600
    assert records.find("key", now=kept_until - 1) == RESPONSE
    assert records.claim(SECOND, now=kept_until - 1) == RESPONSE
    assert records.find("key", now=kept_until + 1) is None
    renewed = replace(SECOND, fingerprint="another request", lease_ends_at=kept_until + LEASE_SECONDS)
    assert records.claim(renewed, now=kept_until + 1) is None
    assert records.find("key", now=kept_until + 1) == Record("another request")


def test_a_response_that_is_gone_is_forgotten_and_nothing_that_came_after_it(records: Records) -> None:
    records.claim(FIRST, now=NOW)
    records.complete(FIRST, RESPONSE, now=NOW)
    records.forget("key", RESPONSE)
    records.forget("key", RESPONSE)
    assert records.find("key", now=NOW) is None
    records.claim(SECOND, now=NOW)
    records.forget("key", RESPONSE)
    assert records.find("key", now=NOW) == IN_PROGRESS
    records.complete(SECOND, OF_SECOND, now=NOW)
    records.forget("key", RESPONSE)
    assert records.find("key", now=NOW) == OF_SECOND


def test_a_repeated_call_changes_nothing(records: Records) -> None:
    """As when the response to the first call was lost."""
    assert [records.claim(FIRST, now=NOW) for _ in range(2)] == [None, None]
    assert records.claim(SECOND, now=NOW) == IN_PROGRESS
    assert [records.complete(FIRST, RESPONSE, now=NOW) for _ in range(2)] == [True, True]
    assert records.find("key", now=NOW) == RESPONSE


def at_once(act: Callable[[int], object]) -> list:
    """What `act` returns for each of many attempts."""
    with ThreadPoolExecutor(ATTEMPTS) as threads:
        return list(threads.map(act, range(ATTEMPTS)))


def test_of_many_attempts_at_once_one_claims_and_completes(stored: RecordStore) -> None:
    def claim_and_complete(number: int) -> tuple[bool, bool]:
        claim = Claim("key", "the request", f"attempt-{number}", NOW + LEASE_SECONDS)
        is_claimed = stored.claim(claim, now=NOW) is None
        record = replace(RESPONSE, storage_key=f"responses/acme/key/attempt-{number}")
        return is_claimed, stored.complete(claim, record, now=NOW)

    outcomes = at_once(claim_and_complete)
    assert sorted(outcomes) == [(False, False)] * (ATTEMPTS - 1) + [(True, True)]
    found = stored.find("key", now=NOW)
    assert found is not None
    assert found.storage_key == f"responses/acme/key/attempt-{outcomes.index((True, True))}"


@pytest.mark.parametrize(
    "edited",
    [
        {"status": {"S": "COMPLETED"}}, {"status": {"S": "COMPLETED"}, "data": {"S": "no json"}},
        {"status": {"S": "COMPLETED"}, "data": {"S": "{}"}}, {"status": {"N": "1"}},
        {"validation": {"N": "1"}}, {"expiration": {"S": "never"}},
        {"in_progress_expiration": {"S": "never"}},
    ],
    ids=str,
)  # fmt: skip
def test_an_item_that_was_edited_into_something_else_is_our_own_failure(
    stored: RecordStore, edited: dict
) -> None:
    stored.claim(FIRST, now=NOW)
    item = stored.table.get({"id": {"S": "key"}})
    assert item is not None
    stored.table.call("put_item", Item=item | edited)
    with pytest.raises(InternalError):
        stored.find("key", now=NOW)

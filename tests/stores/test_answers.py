"""A key is claimed by one attempt at a time, answered once, and free again when its time is over."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from imagineart.adapters.aws_http import AwsCallError
from imagineart.adapters.dynamodb_answers import DynamoDbAnswerRecords
from imagineart.domain.errors import InternalError
from imagineart.domain.ports import AnswerRecords
from imagineart.domain.repeatable_answers import KEPT_SECONDS, AnswerRecord, Claim
from tests.fakes.answers import InMemoryAnswerRecords
from tests.stores.tables import new_table, of_another_environment

NOW = 1_800_000_000.25
LEASE_SECONDS = 100.0
FIRST = Claim("key", "the request", "attempt-1", NOW + LEASE_SECONDS)
SECOND = replace(FIRST, attempt="attempt-2")
LATER = NOW + LEASE_SECONDS + 1
LATER_SECOND = replace(SECOND, lease_ends_at=LATER + LEASE_SECONDS)
ANSWER = AnswerRecord(
    "the request", {"content-type": "image/png", "x-seed": "7"}, "answers/acme/key/attempt-1"
)
IN_PROGRESS = AnswerRecord("the request")
THREADS = 32
START_SECONDS = 60


@pytest.fixture(params=["in memory", "moto", "dynalite"])
def records(request: pytest.FixtureRequest) -> AnswerRecords:
    """Every AnswerRecords there is: the one that other tests use keeps the same promises."""
    if request.param == "in memory":
        return InMemoryAnswerRecords()
    return DynamoDbAnswerRecords(
        new_table(request.getfixturevalue(f"{request.param}_endpoint"), "AnswersTable")
    )


@pytest.fixture
def stored(store_endpoint: str) -> DynamoDbAnswerRecords:
    return DynamoDbAnswerRecords(new_table(store_endpoint, "AnswersTable"))


def test_a_free_key_is_claimed(records: AnswerRecords) -> None:
    assert records.find("key", now=NOW) is None
    assert records.claim(FIRST, now=NOW) is None
    assert records.find("key", now=NOW) == IN_PROGRESS


def test_a_claimed_key_says_what_is_in_the_way(records: AnswerRecords) -> None:
    records.claim(FIRST, now=NOW)
    another = replace(SECOND, fingerprint="another request")
    assert records.claim(SECOND, now=NOW) == IN_PROGRESS
    assert records.claim(another, now=NOW) == IN_PROGRESS
    assert records.find("key", now=NOW) == IN_PROGRESS


def test_keys_are_claimed_apart(records: AnswerRecords) -> None:
    records.claim(FIRST, now=NOW)
    assert records.claim(replace(SECOND, record_id="another key"), now=NOW) is None


def test_an_answer_is_found_as_it_was_kept(records: AnswerRecords) -> None:
    records.claim(FIRST, now=NOW)
    assert records.complete(FIRST, ANSWER, now=NOW)
    assert records.find("key", now=NOW) == ANSWER
    assert records.claim(SECOND, now=NOW) == ANSWER


def test_an_answer_outlives_the_lease_of_its_claim(records: AnswerRecords) -> None:
    records.claim(FIRST, now=NOW)
    records.complete(FIRST, ANSWER, now=NOW)
    assert records.find("key", now=LATER) == ANSWER
    assert records.claim(LATER_SECOND, now=LATER) == ANSWER


def test_only_the_holder_of_the_claim_completes_it(records: AnswerRecords) -> None:
    records.claim(FIRST, now=NOW)
    assert not records.complete(SECOND, replace(ANSWER, storage_key="another"), now=NOW)
    assert records.find("key", now=NOW) == IN_PROGRESS
    assert not records.complete(replace(FIRST, record_id="unclaimed"), ANSWER, now=NOW)
    assert records.find("unclaimed", now=NOW) is None


def test_only_the_holder_of_the_claim_releases_it(records: AnswerRecords) -> None:
    records.claim(FIRST, now=NOW)
    records.release(SECOND)
    assert records.find("key", now=NOW) == IN_PROGRESS
    records.release(FIRST)
    assert records.find("key", now=NOW) is None
    assert records.claim(SECOND, now=NOW) is None


def test_a_kept_answer_is_not_released(records: AnswerRecords) -> None:
    records.claim(FIRST, now=NOW)
    records.complete(FIRST, ANSWER, now=NOW)
    records.release(FIRST)
    assert records.find("key", now=NOW) == ANSWER


def test_a_key_whose_lease_has_ended_is_free_and_not_before(records: AnswerRecords) -> None:
    records.claim(FIRST, now=NOW)
    last = NOW + LEASE_SECONDS
    assert records.find("key", now=last) == IN_PROGRESS
    assert records.claim(replace(SECOND, lease_ends_at=LATER + 1), now=last) == IN_PROGRESS
    assert records.find("key", now=LATER) is None
    assert records.claim(LATER_SECOND, now=LATER) is None


def test_a_stalled_attempt_neither_completes_nor_releases_what_a_second_has_claimed(
    records: AnswerRecords,
) -> None:
    records.claim(FIRST, now=NOW)
    records.claim(LATER_SECOND, now=LATER)
    assert not records.complete(FIRST, ANSWER, now=LATER)
    records.release(FIRST)
    assert records.find("key", now=LATER) == IN_PROGRESS
    own = replace(ANSWER, storage_key="answers/acme/key/attempt-2")
    assert records.complete(LATER_SECOND, own, now=LATER)
    assert not records.complete(FIRST, ANSWER, now=LATER)
    records.release(FIRST)
    assert records.find("key", now=LATER) == own


def test_a_stalled_attempt_completes_what_nobody_else_has_claimed(records: AnswerRecords) -> None:
    records.claim(FIRST, now=NOW)
    assert records.complete(FIRST, ANSWER, now=LATER)
    assert records.find("key", now=LATER) == ANSWER


def test_an_answer_is_kept_for_24_hours_whatever_the_table_sweeps(records: AnswerRecords) -> None:
    """DynamoDB takes days to sweep what has expired."""
    records.claim(FIRST, now=NOW)
    records.complete(FIRST, ANSWER, now=NOW + 50)
    completed_until = NOW + 50 + KEPT_SECONDS
    assert KEPT_SECONDS == 24 * 3600
    assert records.find("key", now=completed_until - 1) == ANSWER
    assert records.claim(SECOND, now=completed_until - 1) == ANSWER
    assert records.find("key", now=completed_until + 1) is None
    renewed = replace(SECOND, fingerprint="another request", lease_ends_at=completed_until + LEASE_SECONDS)
    assert records.claim(renewed, now=completed_until + 1) is None
    assert records.find("key", now=completed_until + 1) == AnswerRecord("another request")


def test_an_answer_that_can_no_longer_be_given_is_forgotten(records: AnswerRecords) -> None:
    records.claim(FIRST, now=NOW)
    records.complete(FIRST, ANSWER, now=NOW)
    records.forget("key", ANSWER)
    assert records.find("key", now=NOW) is None
    assert records.claim(SECOND, now=NOW) is None


def test_forgetting_an_answer_leaves_what_came_after_it(records: AnswerRecords) -> None:
    records.claim(FIRST, now=NOW)
    records.complete(FIRST, ANSWER, now=NOW)
    records.forget("key", ANSWER)
    records.claim(SECOND, now=NOW)
    records.forget("key", ANSWER)
    assert records.find("key", now=NOW) == IN_PROGRESS
    own = replace(ANSWER, storage_key="answers/acme/key/attempt-2")
    records.complete(SECOND, own, now=NOW)
    records.forget("key", ANSWER)
    assert records.find("key", now=NOW) == own


def test_forgetting_what_is_already_forgotten_is_no_failure(stored: DynamoDbAnswerRecords) -> None:
    stored.forget("key", ANSWER)
    assert stored.find("key", now=NOW) is None


def test_a_claim_whose_call_was_repeated_is_one_claim(stored: DynamoDbAnswerRecords) -> None:
    assert stored.claim(FIRST, now=NOW) is None
    assert stored.claim(FIRST, now=NOW) is None
    assert stored.claim(SECOND, now=NOW) == IN_PROGRESS


def test_an_answer_whose_call_was_repeated_is_one_answer(stored: DynamoDbAnswerRecords) -> None:
    stored.claim(FIRST, now=NOW)
    assert stored.complete(FIRST, ANSWER, now=NOW)
    assert stored.complete(FIRST, ANSWER, now=NOW)
    assert stored.find("key", now=NOW) == ANSWER


def at_once(
    stored: DynamoDbAnswerRecords, act: Callable[[DynamoDbAnswerRecords, int], object]
) -> list[object]:
    """What `act` returns in many environments that start together."""
    barrier = Barrier(THREADS)

    def start(number: int) -> object:
        own = DynamoDbAnswerRecords(of_another_environment(stored.table))
        barrier.wait(START_SECONDS)
        return act(own, number)

    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(start, range(THREADS)))


def attempt(number: int, lease_ends_at: float) -> Claim:
    return Claim("key", "the request", f"attempt-{number}", lease_ends_at)


def test_of_many_attempts_at_once_one_gets_the_claim(stored: DynamoDbAnswerRecords) -> None:
    first = at_once(stored, lambda own, n: own.claim(attempt(n, NOW + LEASE_SECONDS), now=NOW))
    assert sorted(map(str, first)) == sorted(["None"] + [str(IN_PROGRESS)] * (THREADS - 1))
    after_the_lease = at_once(
        stored, lambda own, n: own.claim(attempt(THREADS + n, LATER + LEASE_SECONDS), now=LATER)
    )
    assert sorted(map(str, after_the_lease)) == sorted(["None"] + [str(IN_PROGRESS)] * (THREADS - 1))


def test_of_many_attempts_at_once_only_the_one_with_the_claim_completes(
    stored: DynamoDbAnswerRecords,
) -> None:
    def claim_and_complete(own: DynamoDbAnswerRecords, number: int) -> tuple[bool, bool]:
        claim = attempt(number, NOW + LEASE_SECONDS)
        claimed = own.claim(claim, now=NOW) is None
        answer = replace(ANSWER, storage_key=f"answers/acme/key/attempt-{number}")
        return claimed, own.complete(claim, answer, now=NOW)

    outcomes = at_once(stored, claim_and_complete)
    assert outcomes.count((True, True)) == 1
    assert outcomes.count((False, False)) == THREADS - 1
    winner = outcomes.index((True, True))
    found = stored.find("key", now=NOW)
    assert found is not None
    assert found.storage_key == f"answers/acme/key/attempt-{winner}"


@pytest.mark.parametrize(
    "written",
    [
        {"status": {"S": "COMPLETED"}},
        {"status": {"S": "COMPLETED"}, "data": {"S": "no json"}},
        {"status": {"S": "COMPLETED"}, "data": {"S": "{}"}},
        {"status": {"S": "COMPLETED"}, "data": {"S": "[]"}},
        {"status": {"N": "1"}},
        {"validation": {"N": "1"}},
        {"expiration": {"S": "never"}},
        {"in_progress_expiration": {"S": "never"}},
    ],
    ids=str,
)
def test_an_item_that_a_hand_has_spoilt_is_our_own_failure(
    stored: DynamoDbAnswerRecords, written: dict
) -> None:
    stored.claim(FIRST, now=NOW)
    item = stored.table.get({"id": {"S": "key"}})
    assert item is not None
    stored.table.call("PutItem", Item=item | written)
    with pytest.raises(InternalError) as caught:
        stored.find("key", now=NOW)
    assert caught.value.message == InternalError().message


def test_a_missing_table_is_our_own_failure(stored: DynamoDbAnswerRecords) -> None:
    absent = DynamoDbAnswerRecords(replace(stored.table, name="absent"))
    for call in (
        lambda: absent.claim(FIRST, now=NOW),
        lambda: absent.find("key", now=NOW),
        lambda: absent.complete(FIRST, ANSWER, now=NOW),
        lambda: absent.release(FIRST),
        lambda: absent.forget("key", ANSWER),
    ):
        with pytest.raises(AwsCallError) as caught:
            call()
        assert caught.value.aws_code == "ResourceNotFoundException"

"""Our records are those of Powertools Idempotency: each reads and respects what the other wrote."""

import time

import pytest
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyItemAlreadyExistsError,
    IdempotencyItemNotFoundError,
)

from imagineart.aws import AwsClients
from imagineart.errors import InternalError
from imagineart.idempotency.model import Claim, Record
from imagineart.idempotency.record_store import RecordStore
from tests.stores.tables import new_table

EVENT = {"prompt": "a fox"}
LEASE_SECONDS = 600


@pytest.fixture
def records(aws: AwsClients) -> RecordStore:
    return RecordStore(new_table(aws, "AnswersTable"))


def layer_on(records: RecordStore, **options: str) -> DynamoDBPersistenceLayer:
    """Powertools' side, as a function of another team would configure it."""
    layer = DynamoDBPersistenceLayer(
        table_name=records.table.name, key_attr="id", boto3_client=records.table.clients.client("dynamodb")
    )
    layer.configure(IdempotencyConfig(event_key_jmespath="prompt", **options), function_name="f")
    return layer


@pytest.fixture
def layer(records: RecordStore) -> DynamoDBPersistenceLayer:
    return layer_on(records)


@pytest.fixture
def claim(records: RecordStore, layer: DynamoDBPersistenceLayer) -> Claim:
    """Ours, of the id under which Powertools keeps EVENT."""
    layer.save_inprogress(EVENT, remaining_time_in_millis=1000)
    (item,) = records.table.pages("scan")
    layer.delete_record(EVENT, Exception("only to learn the id"))
    return Claim(item["id"]["S"], "our request", "our attempt", time.time() + LEASE_SECONDS)


def test_powertools_sees_our_claim_as_in_progress(
    records: RecordStore, layer: DynamoDBPersistenceLayer, claim: Claim
) -> None:
    records.claim(claim, now=time.time())
    assert layer.get_record(EVENT).status == "INPROGRESS"
    with pytest.raises(IdempotencyItemAlreadyExistsError):
        layer.save_inprogress(EVENT, remaining_time_in_millis=1000)


def test_powertools_reads_our_response_as_completed(
    records: RecordStore, layer: DynamoDBPersistenceLayer, claim: Claim
) -> None:
    records.claim(claim, now=time.time())
    records.complete(claim, Record("our request", {"x-seed": "7"}, "responses/1"), now=time.time())
    record = layer.get_record(EVENT)
    assert record.status == "COMPLETED"
    assert record.response_json_as_dict() == {"headers": {"x-seed": "7"}, "storage_key": "responses/1"}
    with pytest.raises(IdempotencyItemAlreadyExistsError):
        layer.save_inprogress(EVENT, remaining_time_in_millis=1000)


def test_powertools_finds_nothing_of_a_claim_that_we_released(
    records: RecordStore, layer: DynamoDBPersistenceLayer, claim: Claim
) -> None:
    records.claim(claim, now=time.time())
    records.release(claim)
    with pytest.raises(IdempotencyItemNotFoundError):
        layer.get_record(EVENT)


def test_powertools_takes_a_claim_of_ours_whose_lease_has_ended(
    records: RecordStore, layer: DynamoDBPersistenceLayer, claim: Claim
) -> None:
    long_ago = time.time() - 2 * LEASE_SECONDS
    records.claim(Claim(claim.record_id, "our request", "ours", long_ago + LEASE_SECONDS), now=long_ago)
    layer.save_inprogress(EVENT, remaining_time_in_millis=100_000)
    assert layer.get_record(EVENT).status == "INPROGRESS"


def test_an_item_that_powertools_has_in_progress_is_respected(records: RecordStore, claim: Claim) -> None:
    layer = layer_on(records, payload_validation_jmespath="prompt")
    layer.save_inprogress(EVENT, remaining_time_in_millis=100_000)
    found = records.claim(claim, now=time.time())
    assert found is not None
    assert (found.fingerprint != claim.fingerprint, found.storage_key) == (True, None)
    assert records.find(claim.record_id, now=time.time()) == found
    assert not records.complete(claim, Record("our request", {}, "responses/1"), now=time.time())
    records.release(claim)
    assert layer.get_record(EVENT).status == "INPROGRESS"


def test_an_item_that_powertools_has_in_progress_is_free_after_its_time(
    records: RecordStore, claim: Claim
) -> None:
    layer_on(records, payload_validation_jmespath="prompt").save_inprogress(
        EVENT, remaining_time_in_millis=100_000
    )
    later = time.time() + 200
    assert records.find(claim.record_id, now=later) is None
    assert records.claim(Claim(claim.record_id, "our request", "ours", later + 1), now=later) is None


def test_an_item_of_powertools_that_names_no_request_is_never_taken_over(
    records: RecordStore, layer: DynamoDBPersistenceLayer, claim: Claim
) -> None:
    layer.save_inprogress(EVENT, remaining_time_in_millis=100_000)
    with pytest.raises(InternalError):
        records.claim(claim, now=time.time())
    assert layer.get_record(EVENT).status == "INPROGRESS"

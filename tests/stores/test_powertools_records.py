"""Our records are those of Powertools Idempotency: each reads and respects what the other wrote."""

import time

import pytest
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig
from aws_lambda_powertools.utilities.idempotency.exceptions import IdempotencyItemAlreadyExistsError

from imagineart.aws import AwsClients
from imagineart.idempotency.model import Claim, Record
from imagineart.idempotency.record_store import RecordStore
from tests.stores.tables import new_table

EVENT = {"prompt": "a fox"}
LEASE_SECONDS = 600


@pytest.fixture
def records(moto: AwsClients) -> RecordStore:
    return RecordStore(new_table(moto, "IdempotencyTable"))


@pytest.fixture
def layer(records: RecordStore) -> DynamoDBPersistenceLayer:
    """Powertools' side, as a function of another team would configure it."""
    client = records.table.clients.client("dynamodb")
    layer = DynamoDBPersistenceLayer(table_name=records.table.name, key_attr="id", boto3_client=client)
    config = IdempotencyConfig(event_key_jmespath="prompt", payload_validation_jmespath="prompt")
    layer.configure(config, function_name="f")
    return layer


@pytest.fixture
def claim(records: RecordStore, layer: DynamoDBPersistenceLayer) -> Claim:
    """Ours, of the id under which Powertools keeps EVENT."""
    layer.save_inprogress(EVENT, remaining_time_in_millis=1000)
    (item,) = records.table.pages("scan")
    layer.delete_record(EVENT, Exception("only to learn the id"))
    return Claim(item["id"]["S"], item["validation"]["S"], "our attempt", time.time() + LEASE_SECONDS)


def test_powertools_respects_our_claim_and_reads_our_response(
    records: RecordStore, layer: DynamoDBPersistenceLayer, claim: Claim
) -> None:
    records.claim(claim, now=time.time())
    for status in ("INPROGRESS", "COMPLETED"):
        assert layer.get_record(EVENT).status == status
        with pytest.raises(IdempotencyItemAlreadyExistsError):
            layer.save_inprogress(EVENT, remaining_time_in_millis=1000)
        record = Record(claim.fingerprint, {"x-seed": "7"}, "responses/1")
        assert records.complete(claim, record, now=time.time())
    response = {"headers": {"x-seed": "7"}, "storage_key": "responses/1"}
    assert layer.get_record(EVENT).response_json_as_dict() == response


def test_a_claim_of_powertools_is_respected_until_its_time_is_over(
    records: RecordStore, layer: DynamoDBPersistenceLayer, claim: Claim
) -> None:
    layer.save_inprogress(EVENT, remaining_time_in_millis=100_000)
    now, later = time.time(), time.time() + 200
    assert (
        records.claim(claim, now=now) == records.find(claim.record_id, now=now) == Record(claim.fingerprint)
    )
    records.release(claim)
    assert layer.get_record(EVENT).status == "INPROGRESS"
    assert records.claim(Claim(claim.record_id, "ours", "ours", later + 1), now=later) is None

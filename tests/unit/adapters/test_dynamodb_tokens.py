"""Partner tokens, consumers and revocations in DynamoDB."""

from dataclasses import replace

import pytest

from imagineart.adapters.aws_client import AwsCallError, AwsClient
from imagineart.adapters.dynamodb_tokens import DynamoDbTokenStore
from imagineart.domain.consumers import Consumer
from imagineart.domain.tokens import StoredToken

ACME = Consumer("acme", 30)
LASTING = StoredToken("p000000000000001", ACME, "digest 1", "1", created_at=1_800_000_000)
EXPIRING = replace(LASTING, id="p000000000000002", expires_at=1_900_000_000)
REVOKED = replace(LASTING, id="p000000000000003", revoked_at=1_850_000_000)


@pytest.fixture
def store(aws: AwsClient, table_name: str) -> DynamoDbTokenStore:
    return DynamoDbTokenStore(aws, table_name)


@pytest.mark.parametrize("token", [LASTING, EXPIRING, REVOKED], ids=["lasting", "expiring", "revoked"])
def test_a_token_is_found_as_it_was_added(store: DynamoDbTokenStore, token: StoredToken) -> None:
    store.add_token(token)
    assert store.find(token.id) == token


def test_an_unknown_token_is_not_found(store: DynamoDbTokenStore) -> None:
    store.add_token(LASTING)
    assert store.find(EXPIRING.id) is None


def test_tokens_are_configured_from_the_first_one_on(store: DynamoDbTokenStore) -> None:
    assert not store.has_tokens()
    store.add_token(LASTING)
    assert store.has_tokens()


def test_tokens_stay_configured_after_the_last_is_revoked(store: DynamoDbTokenStore) -> None:
    store.add_token(LASTING)
    store.revoke(LASTING.id, now=1)
    assert store.has_tokens()


def test_an_id_is_given_once(store: DynamoDbTokenStore) -> None:
    store.add_token(LASTING)
    with pytest.raises(AwsCallError) as caught:
        store.add_token(replace(LASTING, digest="another"))
    assert caught.value.aws_code == "ConditionalCheckFailedException"
    assert store.find(LASTING.id) == LASTING


def test_a_revocation_is_seen_by_the_very_next_read_and_keeps_its_first_time(
    store: DynamoDbTokenStore,
) -> None:
    store.add_token(LASTING)
    store.revoke(LASTING.id, now=1_850_000_000)
    store.revoke(LASTING.id, now=1_860_000_000)
    assert store.find(LASTING.id) == replace(LASTING, revoked_at=1_850_000_000)
    assert store.revoked_at(LASTING.id) == 1_850_000_000


def test_a_token_that_was_not_revoked_has_no_such_time(store: DynamoDbTokenStore) -> None:
    store.add_token(LASTING)
    assert store.revoked_at(LASTING.id) is None
    assert store.revoked_at(EXPIRING.id) is None


def test_a_token_of_another_store_can_be_revoked_and_is_still_not_of_this_one(
    store: DynamoDbTokenStore,
) -> None:
    store.revoke("i000000000000001", now=1_850_000_000)
    assert store.revoked_at("i000000000000001") == 1_850_000_000
    assert store.find("i000000000000001") is None
    assert store.list_tokens() == []
    assert not store.has_tokens()


def test_every_token_is_listed_and_nothing_else(store: DynamoDbTokenStore) -> None:
    store.add_consumer(ACME)
    for token in (LASTING, EXPIRING, REVOKED):
        store.add_token(token)
    assert sorted(store.list_tokens(), key=lambda token: token.id) == [LASTING, EXPIRING, REVOKED]


def test_a_list_longer_than_a_page_is_whole(store: DynamoDbTokenStore) -> None:
    """DynamoDB ends a page of a scan at 1 MB."""
    ids = [f"p{number:015}" for number in range(12)]
    for id_ in ids:
        store.add_token(replace(LASTING, id=id_, digest="d" * 300_000))
    assert sorted(token.id for token in store.list_tokens()) == ids


def test_a_consumer_is_found_as_it_was_added(store: DynamoDbTokenStore) -> None:
    assert store.add_consumer(ACME)
    assert store.find_consumer("acme") == ACME
    assert store.find_consumer("other") is None


def test_a_consumers_id_is_given_once(store: DynamoDbTokenStore) -> None:
    store.add_consumer(ACME)
    assert not store.add_consumer(Consumer("acme", 100))
    assert store.find_consumer("acme") == ACME


def test_every_consumer_is_listed_and_nothing_else(store: DynamoDbTokenStore) -> None:
    store.add_token(LASTING)
    for consumer in (ACME, Consumer("other", 100)):
        store.add_consumer(consumer)
    assert sorted(store.list_consumers(), key=lambda consumer: consumer.id) == [ACME, Consumer("other", 100)]


def test_an_expired_token_is_swept_in_time_and_a_lasting_one_never(
    store: DynamoDbTokenStore, aws: AwsClient
) -> None:
    for token in (LASTING, EXPIRING):
        store.add_token(token)
    items = {
        item["key"]["S"]: item
        for item in aws.call("dynamodb", "Scan", {"TableName": store.table_name})["Items"]
    }
    assert "purge_at" not in items[f"token#{LASTING.id}"]
    assert int(items[f"token#{EXPIRING.id}"]["purge_at"]["N"]) == EXPIRING.expires_at + 90 * 86_400


def test_a_missing_table_is_our_own_failure(aws: AwsClient) -> None:
    store = DynamoDbTokenStore(aws, "absent")
    for call in (lambda: store.find("x"), lambda: store.add_consumer(ACME), store.list_tokens):
        with pytest.raises(AwsCallError) as caught:
            call()
        assert caught.value.aws_code == "ResourceNotFoundException"

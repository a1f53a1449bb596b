"""Partner tokens, and the marks on tokens of both kinds, in DynamoDB."""

from dataclasses import replace

import pytest

from imagineart.adapters.aws_http import AwsCallError
from imagineart.adapters.dynamodb_tokens import DynamoDbTokenStore, Marks
from imagineart.domain.errors import InternalError
from imagineart.domain.operations import Scope
from imagineart.domain.tokens import StoredToken
from tests.stores.tables import new_table

LASTING = StoredToken("p000000000000001", "acme", "digest 1", "1", created_at=1_800_000_000)
EXPIRING = replace(LASTING, id="p000000000000002", expires_at=1_900_000_000)
REVOKED = replace(LASTING, id="p000000000000003", revoked_at=1_850_000_000)
NARROW = replace(LASTING, id="p000000000000004", scopes=frozenset({Scope.READ_MODELS}))
INTERNAL_ID = "i000000000000001"


@pytest.fixture
def store(store_endpoint: str) -> DynamoDbTokenStore:
    return DynamoDbTokenStore(new_table(store_endpoint, "TokensTable"))


def item_of(store: DynamoDbTokenStore, token: StoredToken) -> dict:
    item = store.table.get({"key": {"S": f"token#{token.id}"}})
    assert item is not None
    return item


@pytest.mark.parametrize(
    "token", [LASTING, EXPIRING, REVOKED, NARROW], ids=["lasting", "expiring", "revoked", "narrow"]
)
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
    assert store.marks(LASTING.id) == Marks(revoked_at=1_850_000_000)


def test_the_last_day_of_use_is_the_one_that_was_noted_last(store: DynamoDbTokenStore) -> None:
    store.add_token(LASTING)
    store.note_use(LASTING.id, day="2027-01-15")
    store.note_use(LASTING.id, day="2027-01-16")
    assert store.find(LASTING.id) == replace(LASTING, last_used_on="2027-01-16")


def test_a_token_without_marks_has_none(store: DynamoDbTokenStore) -> None:
    store.add_token(LASTING)
    assert store.marks(LASTING.id) == Marks()
    assert store.marks(EXPIRING.id) == Marks()


def test_a_token_of_another_store_is_marked_here_and_still_not_of_this_store(
    store: DynamoDbTokenStore,
) -> None:
    store.note_use(INTERNAL_ID, day="2027-01-15")
    store.revoke(INTERNAL_ID, now=1_850_000_000)
    store.revoke(INTERNAL_ID, now=1_860_000_000)
    assert store.marks(INTERNAL_ID) == Marks(1_850_000_000, "2027-01-15")
    assert store.find(INTERNAL_ID) is None
    assert store.list_tokens() == []
    assert not store.has_tokens()


def test_marks_of_one_token_are_not_those_of_another(store: DynamoDbTokenStore) -> None:
    store.add_token(LASTING)
    store.add_token(EXPIRING)
    store.revoke(LASTING.id, now=1_850_000_000)
    store.note_use(LASTING.id, day="2027-01-15")
    assert store.find(EXPIRING.id) == EXPIRING


@pytest.mark.parametrize("token", [LASTING, EXPIRING], ids=["lasting", "expiring"])
def test_a_token_is_given_another_end_and_is_swept_in_time(
    store: DynamoDbTokenStore, token: StoredToken
) -> None:
    store.add_token(token)
    store.revoke(token.id, now=1_850_000_000)
    store.set_expiry(token, 1_870_000_000)
    assert store.find(token.id) == replace(token, expires_at=1_870_000_000, revoked_at=1_850_000_000)
    assert int(item_of(store, token)["purge_at"]["N"]) == 1_870_000_000 + 90 * 86_400


def test_a_token_that_is_not_here_gets_no_end(store: DynamoDbTokenStore) -> None:
    internal = replace(LASTING, id=INTERNAL_ID)
    store.note_use(INTERNAL_ID, day="2027-01-15")
    for absent in (LASTING, internal):
        store.set_expiry(absent, 1_870_000_000)
        assert store.find(absent.id) is None


def test_an_end_is_never_put_off(store: DynamoDbTokenStore) -> None:
    store.add_token(LASTING)
    store.set_expiry(LASTING, 1_870_000_000)
    store.set_expiry(LASTING, 1_880_000_000)
    found = store.find(LASTING.id)
    assert found is not None
    assert found.expires_at == 1_870_000_000


def test_every_token_is_listed_and_nothing_else(store: DynamoDbTokenStore) -> None:
    store.revoke(INTERNAL_ID, now=1_850_000_000)
    for token in (LASTING, EXPIRING, REVOKED):
        store.add_token(token)
    assert sorted(store.list_tokens(), key=lambda token: token.id) == [LASTING, EXPIRING, REVOKED]


def test_a_list_longer_than_a_page_is_whole(store: DynamoDbTokenStore) -> None:
    """DynamoDB ends a page of a scan at 1 MB."""
    ids = [f"p{number:015}" for number in range(6)]
    for id_ in ids:
        store.add_token(replace(LASTING, id=id_, digest="d" * 300_000))
    assert sorted(token.id for token in store.list_tokens()) == ids


def test_an_expired_token_is_swept_in_time_and_a_lasting_one_never(store: DynamoDbTokenStore) -> None:
    for token in (LASTING, EXPIRING):
        store.add_token(token)
    assert "purge_at" not in item_of(store, LASTING)
    assert EXPIRING.expires_at is not None
    assert int(item_of(store, EXPIRING)["purge_at"]["N"]) == EXPIRING.expires_at + 90 * 86_400


@pytest.mark.parametrize(
    "written",
    [
        {"created_at": {"S": "today"}},
        {"consumer_id": {"N": "1"}},
        {"scopes": {"SS": ["images:steal"]}},
        {"expires_at": {"N": "1.5"}},
        {"revoked_at": {"S": ""}},
        {"last_used_on": {"N": "1"}},
    ],
    ids=str,
)
def test_an_item_that_a_hand_has_spoilt_is_our_own_failure(store: DynamoDbTokenStore, written: dict) -> None:
    store.add_token(LASTING)
    store.table.call("PutItem", Item=item_of(store, LASTING) | written)
    for call in (lambda: store.find(LASTING.id), store.list_tokens):
        with pytest.raises(InternalError) as caught:
            call()
        assert caught.value.message == InternalError().message
        assert LASTING.id in (caught.value.detail or "")
        assert LASTING.digest not in (caught.value.detail or "")


def test_a_missing_table_is_our_own_failure(store: DynamoDbTokenStore) -> None:
    absent = DynamoDbTokenStore(replace(store.table, name="absent"))
    for call in (lambda: absent.find("x"), lambda: absent.add_token(LASTING), absent.list_tokens):
        with pytest.raises(AwsCallError) as caught:
            call()
        assert caught.value.aws_code == "ResourceNotFoundException"

"""Partner tokens, and the marks on tokens of both kinds, in DynamoDB."""

from dataclasses import replace

import pytest

from imagineart.access.token_store import Marks, TokenStore
from imagineart.access.tokens import Scope, StoredToken
from imagineart.aws import AwsClients
from imagineart.errors import InternalError
from tests.stores.tables import new_table

LASTING = StoredToken("p000000000000001", "acme", "digest 1", "1", created_at=1_800_000_000)
EXPIRING = replace(LASTING, id="p000000000000002", expires_at=1_900_000_000)
REVOKED = replace(LASTING, id="p000000000000003", revoked_at=1_850_000_000)
NARROW = replace(LASTING, id="p000000000000004", scopes=frozenset({Scope.READ_MODELS}))
INTERNAL_ID = "i000000000000001"


@pytest.fixture
def store(aws: AwsClients) -> TokenStore:
    return TokenStore(new_table(aws, "TokensTable"))


def item_of(store: TokenStore, token: StoredToken) -> dict:
    item = store.table.get({"key": {"S": f"token#{token.id}"}})
    assert item is not None
    return item


def test_tokens_are_found_and_listed_as_they_were_added(store: TokenStore) -> None:
    tokens = [LASTING, EXPIRING, REVOKED, NARROW]
    for token in tokens:
        store.add_token(token)
    store.revoke(INTERNAL_ID, now=1_850_000_000)
    assert [store.find(token.id) for token in tokens] == tokens
    assert sorted(store.list_tokens(), key=lambda token: token.id) == tokens
    assert store.find("p999999999999999") is None


def test_tokens_are_configured_from_the_first_one_on(store: TokenStore) -> None:
    assert not store.has_tokens()
    store.add_token(LASTING)
    store.revoke(LASTING.id, now=1)
    assert store.has_tokens()


def test_an_id_is_used_once(store: TokenStore) -> None:
    store.add_token(LASTING)
    with pytest.raises(InternalError):
        store.add_token(replace(LASTING, digest="another"))
    assert store.find(LASTING.id) == LASTING


def test_marks_are_read_by_the_next_call_and_the_first_revocation_is_kept(store: TokenStore) -> None:
    store.add_token(LASTING)
    store.add_token(EXPIRING)
    assert store.marks(LASTING.id) == Marks()
    store.revoke(LASTING.id, now=1_850_000_000)
    store.revoke(LASTING.id, now=1_860_000_000)
    store.note_use(LASTING.id, day="2027-01-15")
    store.note_use(LASTING.id, day="2027-01-16")
    assert store.marks(LASTING.id) == Marks(1_850_000_000, "2027-01-16")
    assert store.find(LASTING.id) == replace(LASTING, revoked_at=1_850_000_000, last_used_on="2027-01-16")
    assert store.find(EXPIRING.id) == EXPIRING


def test_a_token_of_another_store_is_marked_here_and_still_not_one_of_this_store(store: TokenStore) -> None:
    store.note_use(INTERNAL_ID, day="2027-01-15")
    store.revoke(INTERNAL_ID, now=1_850_000_000)
    store.set_expiry(replace(LASTING, id=INTERNAL_ID), 1_870_000_000)
    assert store.marks(INTERNAL_ID) == Marks(1_850_000_000, "2027-01-15")
    assert store.find(INTERNAL_ID) is None
    assert store.list_tokens() == []
    assert not store.has_tokens()


def test_a_token_ends_at_the_earliest_time_it_was_given_and_is_deleted_90_days_later(
    store: TokenStore,
) -> None:
    for token in (LASTING, EXPIRING):
        store.add_token(token)
        for expires_at in (1_870_000_000, 1_880_000_000):
            store.set_expiry(token, expires_at)
        assert store.find(token.id) == replace(token, expires_at=1_870_000_000)
        assert int(item_of(store, token)["purge_at"]["N"]) == 1_870_000_000 + 90 * 86_400


@pytest.mark.parametrize(
    "edited",
    [
        {"created_at": {"S": "today"}}, {"consumer_id": {"N": "1"}}, {"scopes": {"SS": ["images:steal"]}},
        {"expires_at": {"N": "1.5"}}, {"revoked_at": {"S": ""}}, {"last_used_on": {"N": "1"}},
    ],
    ids=str,
)  # fmt: skip
def test_an_item_that_was_edited_into_something_else_is_our_own_failure(
    store: TokenStore, edited: dict
) -> None:
    store.add_token(LASTING)
    store.table.call("put_item", Item=item_of(store, LASTING) | edited)
    for call in (lambda: store.find(LASTING.id), store.list_tokens):
        with pytest.raises(InternalError) as caught:
            call()
        assert LASTING.id in (caught.value.detail or "")
        assert LASTING.digest not in (caught.value.detail or "")

"""Peppers and internal tokens in Secrets Manager."""

import json
from dataclasses import replace
from itertools import count

import pytest

from imagineart.access.internal_tokens import (
    INTERNAL_TOKENS_CACHED_SECONDS,
    TOKENS_MISSED_SECONDS,
    InternalTokenStore,
)
from imagineart.access.pepper_store import PepperStore
from imagineart.access.tokens import Peppers, Scope, StoredToken
from imagineart.aws import AwsClients
from imagineart.errors import InternalError
from imagineart.secrets_manager import CachedSecret
from tests.fakes.clock import FakeClock
from tests.fakes.tokens import InMemoryMarks, InMemoryTokens

FIRST = StoredToken("i000000000000001", "acme", "digest 1", "1", created_at=1_800_000_000)
SECOND = replace(FIRST, id="i000000000000002", digest="digest 2", expires_at=1_900_000_000)
OTHER = replace(FIRST, id="i000000000000003", consumer_id="other", scopes=frozenset({Scope.READ_MODELS}))
DAY = 86_400
ENTRY = {
    "id": FIRST.id, "digest": "digest 1", "pepper_version": "1", "scopes": ["images:edit"], "created_at": 1,
}  # fmt: skip
numbers = count(1)


class Vault:
    """A secret as the environments of a deployment and its operator see it."""

    def __init__(self, aws: AwsClients) -> None:
        self.aws = aws
        self.clock = FakeClock()
        created = aws.client("secretsmanager").create_secret(Name=f"vault-{next(numbers)}", SecretString="{}")
        self.id = created["ARN"]

    def put(self, document: object) -> None:
        self.aws.client("secretsmanager").put_secret_value(
            SecretId=self.id, SecretString=json.dumps(document)
        )

    def secret(self, cached_seconds: float = 0) -> CachedSecret:
        return CachedSecret(self.aws, self.id, cached_seconds=cached_seconds, clock=self.clock)


@pytest.fixture
def vault(moto: AwsClients) -> Vault:
    return Vault(moto)


@pytest.fixture
def stored(vault: Vault) -> InternalTokenStore:
    return InternalTokenStore(vault.secret(INTERNAL_TOKENS_CACHED_SECONDS), InMemoryMarks())


@pytest.fixture(params=["memory", "moto"])
def tokens(request: pytest.FixtureRequest) -> InternalTokenStore | InMemoryTokens:
    """Every store there is: the one in memory that other tests use keeps the same promises."""
    return InMemoryTokens(InMemoryMarks()) if request.param == "memory" else request.getfixturevalue("stored")


def test_tokens_are_found_and_listed_as_they_were_added(tokens: InternalTokenStore | InMemoryTokens) -> None:
    assert not tokens.has_tokens()
    assert tokens.list_tokens() == []
    for token in (FIRST, SECOND, OTHER):
        tokens.add_token(token)
    assert tokens.has_tokens()
    assert [tokens.find(token.id) for token in (FIRST, SECOND, OTHER)] == [FIRST, SECOND, OTHER]
    assert tokens.list_tokens() == [FIRST, SECOND, OTHER]
    assert tokens.find("i999999999999999") is None


def test_only_the_named_token_ends_and_never_later_than_it_would(
    tokens: InternalTokenStore | InMemoryTokens,
) -> None:
    for token in (FIRST, SECOND):
        tokens.add_token(token)
    tokens.set_expiry(FIRST, 1_850_000_000)
    tokens.set_expiry(replace(SECOND, expires_at=None), 1_950_000_000)
    assert tokens.list_tokens() == [replace(FIRST, expires_at=1_850_000_000), SECOND]


def test_a_revocation_holds_at_once(tokens: InternalTokenStore | InMemoryTokens) -> None:
    for token in (FIRST, SECOND):
        tokens.add_token(token)
        assert tokens.find(token.id) == token
    tokens.marked_in.revoke(FIRST.id, now=1_850_000_000)
    assert tokens.find(FIRST.id) == replace(FIRST, revoked_at=1_850_000_000)
    assert [token.revoked_at for token in tokens.list_tokens()] == [1_850_000_000, None]


def test_a_token_is_found_a_second_after_it_was_missed_and_gone_five_seconds_after_it_was_deleted(
    stored: InternalTokenStore, vault: Vault
) -> None:
    stored.add_token(FIRST)
    assert stored.find(FIRST.id) == FIRST
    operator = InternalTokenStore(vault.secret(), InMemoryMarks())
    operator.add_token(SECOND)
    assert stored.find(SECOND.id) is None
    vault.clock.advance(TOKENS_MISSED_SECONDS)
    assert stored.find(SECOND.id) == SECOND
    vault.secret().change(lambda _: {})
    vault.clock.advance(INTERNAL_TOKENS_CACHED_SECONDS)
    assert stored.find(FIRST.id) is None


def test_tokens_that_ended_90_days_ago_make_room_for_new_ones(stored: InternalTokenStore) -> None:
    ended = replace(SECOND, expires_at=FIRST.created_at + DAY)
    newer = replace(OTHER, created_at=FIRST.created_at + 91 * DAY - 1)
    newest = replace(OTHER, id="i000000000000004", created_at=FIRST.created_at + 91 * DAY)
    for token in (FIRST, ended, newer):
        stored.add_token(token)
    assert stored.list_tokens() == [FIRST, ended, newer]
    stored.add_token(newest)
    assert stored.list_tokens() == [FIRST, newer, newest]


@pytest.mark.parametrize(
    "consumers",
    [
        {"acme": {"tokens": [{}]}}, {"acme": {"tokens": [{**ENTRY, "scopes": ["images:steal"]}]}},
        {"acme": {"tokens": [{**ENTRY, "created_at": "yesterday"}]}}, {"acme": {"tokens": "i1"}},
        {"acme": {}}, {"acme": "i1"}, "acme", ["acme"],
    ],
    ids=json.dumps,
)  # fmt: skip
def test_a_secret_that_was_edited_into_something_else_is_our_own_failure(
    stored: InternalTokenStore, vault: Vault, consumers: object
) -> None:
    vault.put({"consumers": consumers})
    with pytest.raises(InternalError):
        stored.find("i000000000000001")


# Peppers


def test_peppers_are_read_and_changed_with_their_current_version(vault: Vault) -> None:
    vault.put({"current": "1", "1": "old"})
    peppers = PepperStore(vault.secret())
    assert peppers.read() == Peppers("1", {"1": "old"})
    peppers.change(lambda held: Peppers("2", {**held.keys, "2": "new"}))
    assert peppers.read() == peppers.read_anew() == Peppers("2", {"1": "old", "2": "new"})
    assert vault.secret().read() == {"current": "2", "1": "old", "2": "new"}


@pytest.mark.parametrize(
    "document",
    [{}, {"1": "old"}, {"current": "2", "1": "old"}, {"current": "1", "1": ""}, {"current": 1, "1": "x"}],
    ids=json.dumps,
)
def test_peppers_without_a_current_version_are_our_own_failure(vault: Vault, document: object) -> None:
    vault.put(document)
    with pytest.raises(InternalError) as caught:
        PepperStore(vault.secret()).read()
    assert caught.value.detail == "the pepper secret names no current version"

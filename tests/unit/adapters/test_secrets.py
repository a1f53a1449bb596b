"""Peppers, internal tokens and the backend's credential in Secrets Manager."""

import json
from dataclasses import replace

import pytest

from imagineart.adapters.aws_client import AwsCallError, AwsClient
from imagineart.adapters.secrets import (
    INTERNAL_TOKENS_CACHED_SECONDS,
    BackendKeys,
    CachedSecret,
    SecretsManagerPeppers,
    SecretsManagerTokenStore,
)
from imagineart.domain.consumers import Consumer
from imagineart.domain.errors import InternalError
from imagineart.domain.tokens import StoredToken
from tests.fakes.clock import FakeClock
from tests.fakes.token_stores import InMemoryRevocations

ACME = Consumer("acme", 30)
FIRST = StoredToken("i000000000000001", ACME, "digest 1", "1", created_at=1_800_000_000)
SECOND = replace(FIRST, id="i000000000000002", digest="digest 2", expires_at=1_900_000_000)
OTHER = replace(FIRST, id="i000000000000003", consumer=Consumer("other", 100))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def put(aws: AwsClient, secret_id: str):
    """Puts a text into the secret, as an operator would in the console."""
    return lambda text: aws.call(
        "secretsmanager", "PutSecretValue", {"SecretId": secret_id, "SecretString": text}
    )


@pytest.fixture
def secret(aws: AwsClient, secret_id: str, clock: FakeClock) -> CachedSecret:
    return CachedSecret(aws, secret_id, cached_seconds=5, clock=clock)


@pytest.fixture
def store(secret: CachedSecret) -> SecretsManagerTokenStore:
    return SecretsManagerTokenStore(secret, InMemoryRevocations())


def test_a_secret_is_read_again_only_when_its_time_is_over(
    secret: CachedSecret, put, clock: FakeClock
) -> None:
    put('{"a": 1}')
    assert secret.read() == {"a": 1}
    put('{"a": 2}')
    clock.advance(4.9)
    assert secret.read() == {"a": 1}
    clock.advance(0.1)
    assert secret.read() == {"a": 2}


def test_a_clock_that_goes_back_does_not_keep_a_secret_for_ever(
    secret: CachedSecret, put, clock: FakeClock
) -> None:
    put('{"a": 1}')
    secret.read()
    put('{"a": 2}')
    clock.advance(-3600)
    assert secret.read() == {"a": 2}


def test_a_secret_that_is_not_to_be_cached_is_read_every_time(aws: AwsClient, secret_id: str, put) -> None:
    secret = CachedSecret(aws, secret_id, cached_seconds=0, clock=FakeClock())
    for value in ({"a": 1}, {"a": 2}):
        put(json.dumps(value))
        assert secret.read() == value


def test_what_was_written_is_read_at_once(secret: CachedSecret) -> None:
    secret.read()
    secret.write({"b": "füchse 🦊"})
    assert secret.read() == {"b": "füchse 🦊"}


def test_a_failed_read_is_not_remembered(secret: CachedSecret, put) -> None:
    put("no json")
    with pytest.raises(InternalError):
        secret.read()
    put('{"a": 1}')
    assert secret.read() == {"a": 1}


@pytest.mark.parametrize("text", ["no json", "[]", "null", '"text"', "7"])
def test_a_secret_that_holds_no_object_is_our_own_failure_and_is_not_quoted(
    secret: CachedSecret, secret_id: str, put, text: str
) -> None:
    put(text)
    with pytest.raises(InternalError) as caught:
        secret.read()
    assert caught.value.detail == f"the secret {secret_id} holds no JSON object"


def test_a_missing_secret_is_our_own_failure(aws: AwsClient, clock: FakeClock) -> None:
    with pytest.raises(AwsCallError) as caught:
        CachedSecret(aws, "absent", cached_seconds=5, clock=clock).read()
    assert caught.value.aws_code == "ResourceNotFoundException"


def test_peppers_are_read_with_their_current_version(secret: CachedSecret, put) -> None:
    put('{"current": "2", "1": "old", "2": "new"}')
    peppers = SecretsManagerPeppers(secret).read()
    assert (peppers.current_version, dict(peppers.keys)) == ("2", {"1": "old", "2": "new"})
    assert SecretsManagerPeppers(secret).read() == peppers


@pytest.mark.parametrize(
    "text",
    ["{}", '{"1": "old"}', '{"current": "2", "1": "old"}', '{"current": "1", "1": ""}',
     '{"current": 1, "1": "x"}'],
)  # fmt: skip
def test_peppers_without_a_current_version_are_our_own_failure(secret: CachedSecret, put, text: str) -> None:
    put(text)
    with pytest.raises(InternalError) as caught:
        SecretsManagerPeppers(secret).read()
    assert caught.value.detail == "the pepper secret names no current version"


def test_an_empty_secret_holds_no_tokens(store: SecretsManagerTokenStore) -> None:
    assert not store.has_tokens()
    assert store.find(FIRST.id) is None
    assert store.list_tokens() == []


def test_tokens_are_found_as_they_were_added(store: SecretsManagerTokenStore) -> None:
    for token in (FIRST, SECOND, OTHER):
        store.add_token(token)
    assert store.has_tokens()
    assert [store.find(token.id) for token in (FIRST, SECOND, OTHER)] == [FIRST, SECOND, OTHER]
    assert store.list_tokens() == [FIRST, SECOND, OTHER]


def test_a_new_token_stands_beside_the_consumers_earlier_ones(
    store: SecretsManagerTokenStore, secret: CachedSecret
) -> None:
    store.add_token(FIRST)
    store.add_token(replace(SECOND, consumer=Consumer("acme", 100)))
    assert secret.read() == {
        "consumers": {
            "acme": {
                "requests_per_minute": 100,
                "tokens": [
                    {"id": FIRST.id, "digest": "digest 1", "pepper_version": "1",
                     "created_at": 1_800_000_000},
                    {"id": SECOND.id, "digest": "digest 2", "pepper_version": "1",
                     "created_at": 1_800_000_000, "expires_at": 1_900_000_000},
                ],
            }
        }
    }  # fmt: skip


def test_a_consumer_whose_tokens_were_all_taken_out_has_none(store: SecretsManagerTokenStore, put) -> None:
    put('{"consumers": {"acme": {"requests_per_minute": 10, "tokens": []}}}')
    assert not store.has_tokens()


def test_a_revocation_holds_at_once_though_the_tokens_are_cached(store: SecretsManagerTokenStore) -> None:
    store.add_token(FIRST)
    store.add_token(SECOND)
    assert store.find(FIRST.id).revoked_at is None
    store.revocations.revoke(FIRST.id, now=1_850_000_000)
    assert store.find(FIRST.id) == replace(FIRST, revoked_at=1_850_000_000)
    assert [token.revoked_at for token in store.list_tokens()] == [1_850_000_000, None]


def test_a_token_taken_out_of_the_secret_is_gone_within_five_seconds(
    store: SecretsManagerTokenStore, put, clock: FakeClock
) -> None:
    store.add_token(FIRST)
    assert store.find(FIRST.id)
    put("{}")
    clock.advance(INTERNAL_TOKENS_CACHED_SECONDS)
    assert store.find(FIRST.id) is None


@pytest.mark.parametrize(
    ("document", "key"),
    [
        ('{"gpu.example.com:8000": "k", "gpu.example.com": "x"}', "k"),
        ('{"gpu.example.com:8000": ""}', None), ('{"gpu.example.com:8000": null}', None),
        ("{}", None), ('{"gpu.example.com": "another host\'s"}', None),
    ],
)  # fmt: skip
def test_a_backend_has_the_key_that_is_kept_under_its_host_or_none(
    secret: CachedSecret, put, document: str, key: str | None
) -> None:
    put(document)
    assert BackendKeys(secret).key_for("gpu.example.com:8000") == key


@pytest.mark.parametrize(
    "consumers",
    [
        {"acme": {"requests_per_minute": 0, "tokens": [{}]}},
        {"Acme!": {"requests_per_minute": 5, "tokens": [{"id": "i1"}]}},
        {"acme": {"tokens": [{"id": "i1"}]}},
        {"acme": {"requests_per_minute": "many", "tokens": [{"id": "i1"}]}},
        {"acme": {"requests_per_minute": 5, "tokens": "i1"}},
        {"acme": "i1"},
        "acme",
    ],
    ids=json.dumps,
)
def test_a_secret_that_a_hand_has_spoiled_is_our_own_failure(
    store: SecretsManagerTokenStore, put, consumers: object
) -> None:
    put(json.dumps({"consumers": consumers}))
    with pytest.raises(InternalError):
        store.find("i000000000000001")

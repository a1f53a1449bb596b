"""Peppers, internal tokens and the backend's credential in Secrets Manager."""

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from imagineart.adapters.aws_client import AwsClient
from imagineart.adapters.aws_http import AwsCallError
from imagineart.adapters.dynamodb_tokens import Marks
from imagineart.adapters.secrets import (
    INTERNAL_TOKENS_CACHED_SECONDS,
    TOKENS_MISSED_SECONDS,
    BackendKeys,
    CachedSecret,
    SecretsManagerPeppers,
    SecretsManagerTokenStore,
)
from imagineart.domain.errors import InternalError
from imagineart.domain.operations import Scope
from imagineart.domain.tokens import Peppers, StoredToken
from tests.fakes.clock import FakeClock
from tests.fakes.token_stores import InMemoryTokenMarks

FIRST = StoredToken("i000000000000001", "acme", "digest 1", "1", created_at=1_800_000_000)
SECOND = replace(FIRST, id="i000000000000002", digest="digest 2", expires_at=1_900_000_000)
OTHER = replace(FIRST, id="i000000000000003", consumer_id="other", scopes=frozenset({Scope.READ_MODELS}))
DAY = 86_400
STORED = {
    "id": FIRST.id, "digest": "digest 1", "pepper_version": "1", "scopes": ["images:edit"], "created_at": 1,
}  # fmt: skip


class MarksOfTokens(InMemoryTokenMarks):
    """The marks on tokens, which DynamoDB keeps."""

    def marks(self, token_id: str) -> Marks:
        return Marks(self.revoked.get(token_id), self.last_used.get(token_id))


@dataclass
class WatchedClient:
    """An AwsClient that does something else before an operation, once for each act in `before`, and that
    loses the answer to the operations in `lost`, after which it sends them again as AwsClient does.
    """

    aws: AwsClient
    before: dict[str, Iterator[Callable[[], object]]] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)

    def call(self, service: str, operation: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        self.calls.append(operation)
        next(self.before.get(operation, iter(())), lambda: None)()
        if operation in self.lost:
            self.aws.call(service, operation, payload)
        return self.aws.call(service, operation, payload)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def put(aws: AwsClient, secret_id: str):
    """Puts a text into the secret, as an operator would in the console.

    Once `CachedSecret.change` was at work, moto takes two versions for the current one after this; AWS has
    one.
    """
    return lambda text: aws.call(
        "secretsmanager", "PutSecretValue", {"SecretId": secret_id, "SecretString": text}
    )


@pytest.fixture
def secret(aws: AwsClient, secret_id: str, clock: FakeClock) -> CachedSecret:
    return CachedSecret(aws, secret_id, cached_seconds=5, clock=clock)


@pytest.fixture
def store(secret: CachedSecret) -> SecretsManagerTokenStore:
    return SecretsManagerTokenStore(secret, MarksOfTokens())


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
    secret.change(lambda held: held | {"b": "füchse 🦊"})
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
    store.add_token(replace(SECOND, scopes=frozenset({Scope.EDIT_IMAGES})))
    every_scope = ["images:edit", "images:generate", "models:read", "uploads:write"]
    assert secret.read() == {
        "consumers": {
            "acme": {
                "tokens": [
                    {"id": FIRST.id, "digest": "digest 1", "pepper_version": "1",
                     "scopes": every_scope, "created_at": 1_800_000_000},
                    {"id": SECOND.id, "digest": "digest 2", "pepper_version": "1",
                     "scopes": ["images:edit"], "created_at": 1_800_000_000, "expires_at": 1_900_000_000},
                ],
            }
        }
    }  # fmt: skip


def test_a_token_that_is_missing_is_looked_for_again_in_a_second(
    store: SecretsManagerTokenStore, aws: AwsClient, secret_id: str, clock: FakeClock
) -> None:
    """The list is read again within its five seconds for whoever is not on it, and for nobody else."""
    store.add_token(FIRST)
    assert store.find(FIRST.id) == FIRST
    operator = CachedSecret(aws, secret_id, cached_seconds=0, clock=clock, pause=clock.advance)
    SecretsManagerTokenStore(operator, MarksOfTokens()).add_token(SECOND)
    assert store.find(SECOND.id) is None
    clock.advance(TOKENS_MISSED_SECONDS)
    assert store.find(SECOND.id) == SECOND


def test_only_the_token_that_is_named_gets_an_end(store: SecretsManagerTokenStore) -> None:
    store.add_token(FIRST)
    store.add_token(SECOND)
    store.set_expiry(FIRST, 1_850_000_000)
    assert store.list_tokens() == [replace(FIRST, expires_at=1_850_000_000), SECOND]


def test_an_end_is_never_put_off(store: SecretsManagerTokenStore) -> None:
    store.add_token(SECOND)
    store.set_expiry(replace(SECOND, expires_at=None), 1_950_000_000)
    assert store.find(SECOND.id) == SECOND


@pytest.mark.parametrize("absent", [OTHER, replace(SECOND, id="i999")])
def test_what_is_not_there_gets_no_end(store: SecretsManagerTokenStore, absent: StoredToken) -> None:
    store.add_token(SECOND)
    with pytest.raises(InternalError):
        store.set_expiry(absent, 1_850_000_000)
    assert store.list_tokens() == [SECOND]


def test_tokens_that_ended_90_days_ago_make_room_for_new_ones(store: SecretsManagerTokenStore) -> None:
    ended = replace(SECOND, expires_at=FIRST.created_at + DAY)
    store.add_token(FIRST)
    store.add_token(ended)
    newer = replace(OTHER, created_at=FIRST.created_at + 91 * DAY - 1)
    store.add_token(newer)
    assert store.list_tokens() == [FIRST, ended, newer]
    newest = replace(OTHER, id="i000000000000004", created_at=FIRST.created_at + 91 * DAY)
    store.add_token(newest)
    assert store.list_tokens() == [FIRST, newer, newest]


def test_a_change_that_another_one_overtakes_loses_nothing(
    aws: AwsClient, secret_id: str, store: SecretsManagerTokenStore, clock: FakeClock
) -> None:
    overtaking = iter([lambda: store.add_token(FIRST), lambda: store.add_token(OTHER)])
    client = WatchedClient(aws, before={"UpdateSecretVersionStage": overtaking})
    slower = SecretsManagerTokenStore(
        CachedSecret(client, secret_id, cached_seconds=5, clock=clock, pause=clock.advance), MarksOfTokens()
    )
    slower.add_token(SECOND)
    assert sorted(token.id for token in slower.list_tokens()) == [FIRST.id, SECOND.id, OTHER.id]


def test_of_many_operators_at_once_none_loses_a_token(aws: AwsClient, secret_id: str) -> None:
    def store_of_another() -> SecretsManagerTokenStore:
        clock = FakeClock()
        secret = CachedSecret(aws, secret_id, cached_seconds=0, clock=clock, pause=clock.advance)
        return SecretsManagerTokenStore(secret, MarksOfTokens())

    # Whoever is overtaken is so by one who is done then: eight operators need eight attempts at most.
    for first in (0, 8, 16):
        added = [replace(FIRST, id=f"i{number:015}") for number in range(first, first + 8)]
        with ThreadPoolExecutor(len(added)) as operators:
            list(operators.map(lambda token: store_of_another().add_token(token), added))
    held = {token.id for token in store_of_another().list_tokens()}
    assert held == {f"i{number:015}" for number in range(24)}


def test_a_change_whose_answer_was_lost_is_made_once(
    aws: AwsClient, secret_id: str, clock: FakeClock
) -> None:
    client = WatchedClient(aws, lost={"PutSecretValue", "UpdateSecretVersionStage"})
    secret = CachedSecret(client, secret_id, cached_seconds=5, clock=clock)
    secret.change(lambda held: held | {"changes": held.get("changes", 0) + 1})
    assert secret.read() == {"changes": 1}
    assert client.calls.count("PutSecretValue") == 1


def test_a_change_that_is_always_overtaken_is_given_up(
    aws: AwsClient, secret_id: str, clock: FakeClock, put
) -> None:
    client = WatchedClient(aws, before={"PutSecretValue": iter([lambda: put('{"theirs": true}')] * 100)})
    pauses: list[float] = []
    secret = CachedSecret(client, secret_id, cached_seconds=5, clock=clock, pause=pauses.append)
    with pytest.raises(AwsCallError):
        secret.change(lambda held: held | {"ours": True})
    assert client.calls.count("PutSecretValue") == 10
    assert len(pauses) == 9
    assert all(0 <= pause <= 2 for pause in pauses)
    assert secret.read() == {"theirs": True}


def test_a_change_that_is_refused_for_another_reason_is_not_tried_again(
    aws: AwsClient, secret_id: str, clock: FakeClock
) -> None:
    def refuse() -> None:
        raise AwsCallError("AccessDeniedException", detail="not for you")

    client = WatchedClient(aws, before={"UpdateSecretVersionStage": iter([refuse])})
    secret = CachedSecret(client, secret_id, cached_seconds=5, clock=clock)
    with pytest.raises(AwsCallError, match="Internal error") as caught:
        secret.change(lambda _: {"ours": True})
    assert caught.value.aws_code == "AccessDeniedException"
    assert client.calls.count("PutSecretValue") == 1
    assert secret.read() == {}


def test_a_change_that_is_called_off_changes_nothing(secret: CachedSecret, put) -> None:
    put('{"a": {"b": 1}}')

    def spoil_and_stop(held: dict[str, Any]) -> dict[str, Any]:
        held["a"]["b"] = 2
        raise KeyError("stop")

    with pytest.raises(KeyError):
        secret.change(spoil_and_stop)
    assert secret.read() == {"a": {"b": 1}}


def test_no_label_is_left_but_those_of_aws(aws: AwsClient, secret_id: str, secret: CachedSecret) -> None:
    for number in range(3):
        secret.change(lambda held, number=number: held | {str(number): number})
    listed = aws.call("secretsmanager", "ListSecretVersionIds", {"SecretId": secret_id})["Versions"]
    labels = [label for version in listed for label in version["VersionStages"]]
    assert sorted(labels) == ["AWSCURRENT", "AWSPREVIOUS"]


def test_peppers_are_changed_with_their_current_version(secret: CachedSecret, put) -> None:
    put('{"current": "1", "1": "old"}')
    register = SecretsManagerPeppers(secret)
    register.change(lambda held: Peppers("2", {**held.keys, "2": "new"}))
    assert register.read() == Peppers("2", {"1": "old", "2": "new"})
    assert secret.read() == {"current": "2", "1": "old", "2": "new"}


def test_a_pepper_that_was_added_a_moment_ago_is_found_by_who_misses_it(
    aws: AwsClient, secret_id: str, clock: FakeClock, put
) -> None:
    put('{"current": "1", "1": "old"}')
    secret = CachedSecret(aws, secret_id, cached_seconds=300, clock=clock)
    peppers = SecretsManagerPeppers(secret)
    peppers.read()
    put('{"current": "2", "1": "old", "2": "new"}')
    clock.advance(5)
    assert peppers.read().current_version == "1"
    assert peppers.read_anew().current_version == "2"


def test_who_caches_nothing_is_never_given_what_is_seconds_old(
    aws: AwsClient, secret_id: str, clock: FakeClock, put
) -> None:
    peppers = SecretsManagerPeppers(CachedSecret(aws, secret_id, cached_seconds=0, clock=clock))
    put('{"current": "1", "1": "old"}')
    peppers.read()
    put('{"current": "2", "2": "new"}')
    assert peppers.read_anew().current_version == "2"


def test_a_consumer_whose_tokens_were_all_taken_out_has_none(store: SecretsManagerTokenStore, put) -> None:
    put('{"consumers": {"acme": {"tokens": []}}}')
    assert not store.has_tokens()


def test_a_revocation_holds_at_once_though_the_tokens_are_cached(store: SecretsManagerTokenStore) -> None:
    store.add_token(FIRST)
    store.add_token(SECOND)
    assert store.find(FIRST.id).revoked_at is None
    store.marked_in.revoke(FIRST.id, now=1_850_000_000)
    assert store.find(FIRST.id) == replace(FIRST, revoked_at=1_850_000_000)
    assert [token.revoked_at for token in store.list_tokens()] == [1_850_000_000, None]


def test_a_token_taken_out_of_the_secret_is_gone_within_five_seconds(
    aws: AwsClient, secret_id: str, store: SecretsManagerTokenStore, clock: FakeClock
) -> None:
    store.add_token(FIRST)
    assert store.find(FIRST.id)
    CachedSecret(aws, secret_id, cached_seconds=0, clock=clock).change(lambda _: {})
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
        {"acme": {"tokens": [{}]}},
        {"acme": {"tokens": [{"id": "i1"}]}},
        {"acme": {"tokens": [{**STORED, "scopes": ["images:steal"]}]}},
        {"acme": {"tokens": [{**STORED, "created_at": "yesterday"}]}},
        {"acme": {"tokens": "i1"}},
        {"acme": {}},
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


@pytest.mark.parametrize("consumers", [{"acme": {}}, {"acme": "i1"}, "acme", ["acme"]], ids=json.dumps)
def test_a_secret_that_a_hand_has_spoiled_is_not_written_over(
    store: SecretsManagerTokenStore, secret: CachedSecret, put, consumers: object
) -> None:
    put(json.dumps({"consumers": consumers}))
    with pytest.raises(InternalError):
        store.add_token(FIRST)
    with pytest.raises(InternalError):
        store.has_tokens()
    assert secret.read() == {"consumers": consumers}

"""Secrets are cached for a bounded time, survive an outage, and lose no change."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from imagineart.aws import AwsCallError, AwsClients
from imagineart.errors import InternalError
from imagineart.secrets_manager import OUTAGE_RETRY_SECONDS, STALE_SECONDS, CachedSecret
from tests.fakes.clock import FakeClock
from tests.fakes.lossy_aws import LossyAws

CACHED_SECONDS = 300


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def put(aws: AwsClients, secret_id: str) -> Callable[[str], object]:
    """Puts a text into the secret, as an operator does in the console.

    Once `CachedSecret.change` was at work, moto takes two versions for the current one after this; AWS has
    one.
    """
    return lambda text: aws.client("secretsmanager").put_secret_value(SecretId=secret_id, SecretString=text)


@pytest.fixture
def secret(aws: AwsClients, secret_id: str, clock: FakeClock) -> CachedSecret:
    return CachedSecret(aws, secret_id, cached_seconds=CACHED_SECONDS, clock=clock)


def test_a_secret_is_read_again_when_its_copy_is_too_old(secret: CachedSecret, put, clock: FakeClock) -> None:
    put('{"a": 1}')
    assert secret.read() == {"a": 1}
    put('{"a": 2}')
    clock.advance(CACHED_SECONDS - 0.1)
    assert secret.read() == {"a": 1}
    assert secret.read(at_most_seconds=CACHED_SECONDS) == {"a": 1}
    clock.advance(0.1)
    assert secret.read() == {"a": 2}
    put('{"a": 3}')
    clock.advance(5)
    assert secret.read(at_most_seconds=5) == {"a": 3}


def test_a_secret_that_is_not_cached_is_read_every_time(aws: AwsClients, secret_id: str, put) -> None:
    secret = CachedSecret(aws, secret_id, cached_seconds=0, clock=FakeClock())
    for value in ({"a": 1}, {"a": 2}):
        put(json.dumps(value))
        assert secret.read() == secret.read(at_most_seconds=60) == value


@pytest.mark.parametrize("text", ["no json", "[]", "null", '"text"', "7"])
def test_a_secret_that_is_no_object_is_our_own_failure_and_is_not_quoted(
    secret: CachedSecret, secret_id: str, put, text: str
) -> None:
    put(text)
    with pytest.raises(InternalError) as caught:
        secret.read()
    assert caught.value.detail == f"the secret {secret_id} holds no JSON object"
    put('{"a": 1}')
    assert secret.read() == {"a": 1}


# Outages


class Outage:
    """A secret in an environment from which Secrets Manager cannot be reached after the first read."""

    def __init__(self, aws: LossyAws, secret_id: str, clock: FakeClock, cached_seconds: float) -> None:
        self.aws, self.clock = aws, clock
        self.reports: list[str] = []
        self.secret = CachedSecret(
            aws, secret_id, cached_seconds=cached_seconds, report=self.reports.append, clock=clock
        )
        assert self.secret.read() == {}
        aws.lose("GetSecretValue", 10**9, after_effect=False)

    def end(self) -> None:
        self.aws.lose("GetSecretValue", 0, after_effect=False)


@pytest.fixture
def outage(lossy_aws: LossyAws, secret_id: str, clock: FakeClock) -> Outage:
    return Outage(lossy_aws, secret_id, clock, CACHED_SECONDS)


def test_a_copy_is_used_during_an_outage_for_an_hour_and_no_longer(outage: Outage) -> None:
    outage.clock.advance(STALE_SECONDS - 1)
    assert outage.secret.read() == {}
    outage.clock.advance(1)
    with pytest.raises(AwsCallError):
        outage.secret.read()


def test_an_outage_is_reported_and_costs_one_attempt_in_a_while(outage: Outage, secret_id: str) -> None:
    for _ in range(2):
        outage.clock.advance(CACHED_SECONDS)
        before = len(outage.aws.calls)
        for _ in range(5):
            assert outage.secret.read(at_most_seconds=5) == {}
        assert len(outage.aws.calls) - before == 3
    assert len(outage.reports) == 2
    assert secret_id in outage.reports[0]
    assert "Unreachable" in outage.reports[0]


def test_after_an_outage_the_secret_is_read_again(outage: Outage, put) -> None:
    outage.clock.advance(CACHED_SECONDS)
    outage.secret.read()
    outage.end()
    put('{"a": 1}')
    outage.clock.advance(OUTAGE_RETRY_SECONDS)
    assert outage.secret.read() == {"a": 1}
    assert len(outage.reports) == 1


def test_a_secret_that_is_not_cached_is_not_used_during_an_outage(
    lossy_aws: LossyAws, secret_id: str, clock: FakeClock
) -> None:
    outage = Outage(lossy_aws, secret_id, clock, cached_seconds=0)
    with pytest.raises(AwsCallError):
        outage.secret.read()


def test_a_refusal_is_no_outage(
    aws: AwsClients, secret: CachedSecret, secret_id: str, clock: FakeClock
) -> None:
    secret.read()
    aws.client("secretsmanager").delete_secret(SecretId=secret_id, ForceDeleteWithoutRecovery=True)
    clock.advance(CACHED_SECONDS)
    with pytest.raises(AwsCallError) as caught:
        secret.read()
    assert not caught.value.is_outage


# Changes


def changing(secret: CachedSecret, **values: Any) -> None:
    secret.change(lambda document: document | values)


class Overtaken(AwsClients):
    """Clients before whose operations something else is done, once for each act in `before`."""

    def __init__(self, aws: AwsClients, **before: Iterator[Callable[[], object]]) -> None:
        super().__init__({"AWS_ENDPOINT_URL": aws.endpoint_url or ""}, session=aws.session)
        self.calls: list[str] = []
        self._before = before
        self.client("secretsmanager").meta.events.register("before-call", self._note)

    def _note(self, model: Any, **_: Any) -> None:
        self.calls.append(model.name)
        next(self._before.get(model.name, iter(())), lambda: None)()


def test_what_was_changed_is_read_at_once_and_no_label_is_left(
    aws: AwsClients, secret: CachedSecret, secret_id: str
) -> None:
    assert secret.read() == {}
    for number in range(3):
        changing(secret, **{str(number): "füchse 🦊"})
    assert secret.read() == dict.fromkeys("012", "füchse 🦊")
    versions = aws.client("secretsmanager").list_secret_version_ids(SecretId=secret_id)["Versions"]
    labels = [label for version in versions for label in version["VersionStages"]]
    assert sorted(labels) == ["AWSCURRENT", "AWSPREVIOUS"]


def test_a_change_that_another_one_overtakes_loses_nothing(
    aws: AwsClients, secret: CachedSecret, secret_id: str, clock: FakeClock
) -> None:
    overtaking = iter([lambda: changing(secret, a=1), lambda: changing(secret, b=2)])
    overtaken = Overtaken(aws, UpdateSecretVersionStage=overtaking)
    changing(CachedSecret(overtaken, secret_id, cached_seconds=5, clock=clock, pause=clock.advance), c=3)
    assert secret.read(at_most_seconds=0) == {"a": 1, "b": 2, "c": 3}


def test_of_many_operators_at_once_none_loses_a_change(
    aws: AwsClients, secret: CachedSecret, secret_id: str
) -> None:
    def change(number: int) -> None:
        own = CachedSecret(aws, secret_id, cached_seconds=0, pause=lambda _: None)
        changing(own, **{str(number): number})

    # One that is overtaken is so by one that is done then: eight operators need eight attempts at most.
    with ThreadPoolExecutor(8) as operators:
        list(operators.map(change, range(8)))
    assert secret.read() == {str(number): number for number in range(8)}


@pytest.mark.parametrize("operation", ["PutSecretValue", "UpdateSecretVersionStage"])
@pytest.mark.parametrize("times", [1, 2])
def test_a_change_whose_response_was_lost_is_made_once(
    lossy_aws: LossyAws, secret_id: str, operation: str, times: int
) -> None:
    secret = CachedSecret(lossy_aws, secret_id, cached_seconds=5)
    lossy_aws.lose(operation, times, after_effect=True)
    secret.change(lambda held: held | {"changes": held.get("changes", 0) + 1})
    assert secret.read() == {"changes": 1}


def test_a_change_that_is_always_overtaken_is_given_up(
    aws: AwsClients, secret_id: str, clock: FakeClock, put
) -> None:
    overtaken = Overtaken(aws, PutSecretValue=iter([lambda: put('{"theirs": true}')] * 100))
    pauses: list[float] = []
    secret = CachedSecret(overtaken, secret_id, cached_seconds=5, clock=clock, pause=pauses.append)
    with pytest.raises(AwsCallError):
        changing(secret, ours=True)
    assert (overtaken.calls.count("PutSecretValue"), len(pauses)) == (10, 9)
    assert all(0 <= pause <= 2 for pause in pauses)
    assert secret.read() == {"theirs": True}

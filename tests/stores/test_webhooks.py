"""One attempt at a time holds a webhook, whatever comes at once, twice, or is lost on the network."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from imagineart.aws import AwsCallError, AwsClients
from imagineart.dynamodb import DynamoDbTable
from imagineart.webhooks.model import LEASE_SECONDS, Attempt, Outcome, State, Webhook, new_webhook
from imagineart.webhooks.secret_store import SecretStore
from imagineart.webhooks.signing import SecretVersion, SigningVersions
from imagineart.webhooks.webhook_store import WebhookStore
from tests.fakes.lossy_aws import LossyAws
from tests.stores.tables import new_table, variables_of

NOW = 1_800_000_000
LATER = NOW + 7200
FAILED = Attempt(NOW, Outcome.REFUSED, 12, 500)
DELIVERED = Attempt(NOW, Outcome.DELIVERED, 12, 204)
FIRST, SECOND, THIRD = (SecretVersion(number, "1") for number in (1, 2, 3))

losses = pytest.mark.parametrize("times", [1, 2, 3])
moments = pytest.mark.parametrize("after_effect", [False, True], ids=["the call", "the response"])


def webhook(event_id: str = "job_1", consumer_id: str = "acme") -> Webhook:
    return new_webhook(
        consumer_id,
        event_id=event_id,
        type="job.completed",
        body=json.dumps({"id": event_id}),
        url="https://a.example/",
        now=NOW,
    )


@pytest.fixture
def store(aws: AwsClients) -> WebhookStore:
    return WebhookStore(new_table(aws, "WebhooksTable"))


def claim(store: WebhookStore, name: str, *, now: float = NOW) -> Webhook | None:
    return store.claim("acme", "wh_job_1", name, now=now, lease_ends_at=now + LEASE_SECONDS)


def claimed(store: WebhookStore, name: str = "a", *, now: float = NOW) -> Webhook:
    held = claim(store, name, now=now)
    assert held is not None
    return held


def test_a_webhook_is_found_as_it_was_added_and_listed_by_consumer(store: WebhookStore) -> None:
    assert store.add(webhook())
    assert not store.add(replace(webhook(), type="job.failed"))
    assert store.add(webhook("job_2"))
    assert store.add(webhook(consumer_id="acme-two"))
    store.stop("acme", "digest", NOW)
    assert store.find("acme", "wh_job_1") == webhook()
    assert store.find("acme", "wh_unknown") is None
    assert [each.id for each in store.list("acme", limit=9)] == ["wh_job_2", "wh_job_1"]
    assert [each.id for each in store.list("acme", limit=1)] == ["wh_job_2"]


def test_of_many_attempts_at_once_one_holds_the_webhook(store: WebhookStore) -> None:
    store.add(webhook())
    with ThreadPoolExecutor(10) as threads:
        held = [each for each in threads.map(lambda name: claim(store, str(name)), range(10)) if each]
    assert [each.tries for each in held] == [1]
    assert claim(store, "b", now=NOW + LEASE_SECONDS) is None
    assert claimed(store, "c", now=NOW + LEASE_SECONDS + 1).tries == 2


def test_an_attempt_that_lost_its_claim_changes_nothing(store: WebhookStore) -> None:
    store.add(webhook())
    slow = claimed(store, "slow")
    present = claimed(store, "present", now=NOW + LEASE_SECONDS + 1)
    store.end(slow, "slow", FAILED, State.GIVEN_UP)
    store.postpone(slow, "slow", FAILED, due_at=LATER, now=NOW)
    assert store.find("acme", "wh_job_1") == present
    store.end(present, "present", DELIVERED, State.DELIVERED)
    ended = store.find("acme", "wh_job_1")
    assert ended == replace(present, state=State.DELIVERED, attempts=(DELIVERED,), url=None)
    assert claim(store, "another", now=LATER) is None


def test_a_postponed_webhook_is_claimed_when_it_is_due(store: WebhookStore) -> None:
    store.add(webhook())
    store.postpone(claimed(store), "a", FAILED, due_at=LATER, now=NOW)
    assert claim(store, "b", now=LATER - 1) is None
    assert claimed(store, "b", now=LATER).attempts == (FAILED,)


def test_the_sweeper_sees_what_is_overdue_and_nothing_that_has_ended(store: WebhookStore) -> None:
    for event_id in ("job_1", "job_2", "job_3"):
        store.add(webhook(event_id))
    store.end(claimed(store), "a", DELIVERED, State.DELIVERED)
    assert list(store.overdue(NOW + 59)) == []
    seen = sorted(store.overdue(NOW + 60))
    assert seen == [("acme", "wh_job_2", NOW + 60), ("acme", "wh_job_3", NOW + 60)]
    assert store.note_sweep("acme", "wh_job_2", seen=NOW + 60, now=NOW + 60)
    assert not store.note_sweep("acme", "wh_job_2", seen=NOW + 60, now=NOW + 60)
    assert [each[1] for each in store.overdue(NOW + 60)] == ["wh_job_3"]
    assert not store.note_sweep("acme", "wh_job_1", seen=NOW + 60, now=NOW + 60)


def test_a_webhook_is_opened_again_where_it_has_a_url_and_nothing_holds_it(store: WebhookStore) -> None:
    store.add(webhook())
    held = claimed(store)
    assert not store.reopen("acme", "wh_job_1", url=None, now=NOW)
    store.postpone(held, "a", FAILED, due_at=LATER, now=NOW)
    assert store.reopen("acme", "wh_job_1", url=None, now=NOW)
    store.end(claimed(store, "b"), "b", FAILED, State.GIVEN_UP)
    assert not store.reopen("acme", "wh_job_1", url=None, now=NOW)
    assert store.reopen("acme", "wh_job_1", url="https://b.example/", now=NOW)
    opened = claimed(store, "c")
    assert (opened.url, opened.tries, opened.attempts) == ("https://b.example/", 1, (FAILED, FAILED))
    assert not store.reopen("acme", "wh_unknown", url="https://b.example/", now=NOW)
    assert store.find("acme", "wh_unknown") is None


def test_urls_are_stopped_and_enabled_by_consumer(store: WebhookStore) -> None:
    for consumer_id, digest in (("acme", "a"), ("acme", "b"), ("other", "a")):
        store.stop(consumer_id, digest, NOW)
    assert store.enable("acme") == 2
    assert [store.is_stopped(*each) for each in (("acme", "a"), ("acme", "b"), ("other", "a"))] == [
        False, False, True,
    ]  # fmt: skip


def test_of_two_rotations_at_once_one_counts(aws: AwsClients) -> None:
    secrets = SecretStore(new_table(aws, "WebhooksTable"))
    assert secrets.find("acme") is None
    assert secrets.add("acme", FIRST)
    assert not secrets.add("acme", FIRST)
    assert secrets.find("acme") == SigningVersions(FIRST)
    rotated = SigningVersions(SECOND, FIRST, NOW)
    assert secrets.replace("acme", rotated) == rotated
    assert secrets.replace("acme", SigningVersions(SECOND, FIRST, LATER)) == rotated
    assert secrets.replace("acme", SigningVersions(THIRD, SECOND, LATER)).current == THIRD


# A network that loses calls: three losses fail, fewer are made good by botocore


@pytest.fixture
def lossy(moto: AwsClients) -> LossyAws:
    assert moto.endpoint_url
    return LossyAws(variables_of(moto.endpoint_url), moto.session)


@pytest.fixture
def lossy_table(lossy: LossyAws) -> DynamoDbTable:
    return new_table(lossy, "WebhooksTable")


@losses
@moments
def test_a_claim_counts_once_and_the_next_follows_its_lease(
    lossy: LossyAws, lossy_table: DynamoDbTable, times: int, after_effect: bool
) -> None:
    store = WebhookStore(lossy_table)
    store.add(webhook())
    lossy.lose("UpdateItem", times, after_effect=after_effect)
    if times == 3:
        with pytest.raises(AwsCallError):
            claim(store, "a")
    else:
        assert claimed(store).tries == 1
    tries = int(times < 3 or after_effect)
    assert claimed(store, "b", now=NOW + LEASE_SECONDS + 1).tries == tries + 1


@losses
@moments
def test_an_attempt_is_noted_once(
    lossy: LossyAws, lossy_table: DynamoDbTable, times: int, after_effect: bool
) -> None:
    store = WebhookStore(lossy_table)
    store.add(webhook())
    held = claimed(store)
    lossy.lose("UpdateItem", times, after_effect=after_effect)
    if times == 3:
        with pytest.raises(AwsCallError):
            store.postpone(held, "a", FAILED, due_at=LATER, now=NOW)
    else:
        store.postpone(held, "a", FAILED, due_at=LATER, now=NOW)
    found = store.find("acme", "wh_job_1")
    assert found
    assert found.attempts == ((FAILED,) if times < 3 or after_effect else ())


@losses
@moments
def test_a_secret_is_rotated_once(
    lossy: LossyAws, lossy_table: DynamoDbTable, times: int, after_effect: bool
) -> None:
    secrets = SecretStore(lossy_table)
    secrets.add("acme", FIRST)
    lossy.lose("UpdateItem", times, after_effect=after_effect)
    rotated = SigningVersions(SECOND, FIRST, LATER)
    if times == 3:
        with pytest.raises(AwsCallError):
            secrets.replace("acme", rotated)
    else:
        assert secrets.replace("acme", rotated) == rotated
    assert secrets.find("acme") == (rotated if times < 3 or after_effect else SigningVersions(FIRST))

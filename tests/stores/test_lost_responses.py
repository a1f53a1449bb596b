"""Whatever a network loses, one to three times, before or after a call took effect: nothing counts twice.

botocore makes three attempts: after one or two losses a call succeeds, after three it fails.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from imagineart.access.admit import RequestLimits
from imagineart.access.authenticate import Caller
from imagineart.access.consumer_store import ConsumerStore
from imagineart.access.consumers import Consumer
from imagineart.access.limits import Limits, Standing
from imagineart.access.token_store import TokenStore
from imagineart.access.tokens import ALL_SCOPES, StoredToken
from imagineart.accounts.account_store import AccountStore
from imagineart.accounts.attempt_store import AttemptStore
from imagineart.accounts.model import Account
from imagineart.aws import AwsCallError, AwsClients
from imagineart.credits.change_credits import Credits
from imagineart.credits.wallet_store import WalletStore
from imagineart.errors import ModelError
from imagineart.idempotency.model import StoredResponse, record_id
from imagineart.idempotency.record_store import RecordStore
from imagineart.idempotency.respond_once import Idempotency, KeyConflictError
from imagineart.images.model import ImageRequest
from imagineart.images.sizes import Size
from imagineart.jobs.job_store import JobStore
from imagineart.jobs.model import Job, JobClaim, JobKey, JobQueue, JobState, first_id_at
from imagineart.jobs.name_jobs import NamedJobs
from imagineart.jobs.queue_store import QueueStore
from imagineart.usage.model import FinishedRequest
from imagineart.usage.settle import Settlement
from imagineart.usage.usage_store import UsageStore
from tests.fakes.bucket import InMemoryBucket
from tests.fakes.clock import FakeClock
from tests.fakes.lossy_aws import LossyAws
from tests.fakes.randomness import repeatable_random_below
from tests.stores.tables import new_table, standing_of, variables_of

NOW = 1_800_000_000
ACME = Consumer("acme", Limits(requests_per_minute=100, concurrent_requests=2, images_per_day=100))
CALLER = Caller("acme", "p000000000000001", ALL_SCOPES)
FINISHED = FinishedRequest("request 1", "acme", "text-to-image", "1K", "ok", 1, 7.0, NOW)
TOKEN = StoredToken("p000000000000001", "acme", "digest", "1", created_at=NOW)

JOB = Job(
    JobKey("acme", f"{first_id_at(NOW)}00000000000000"),
    "an-api",
    "text-to-image",
    "1K",
    ImageRequest("a boat", Size(8, 8), 7),
)
CLAIM = JobClaim(JOB.key, "attempt-1", NOW + 300)

ACCOUNT = Account(7, "ada@example.com", "a hash", NOW)

losses = pytest.mark.parametrize("times", [1, 2, 3])
moments = pytest.mark.parametrize("after_effect", [False, True], ids=["the call", "the response"])


@pytest.fixture
def aws(moto: AwsClients) -> LossyAws:
    """A client of its own for each test, since a client that has often retried stops to retry."""
    assert moto.endpoint_url
    return LossyAws(variables_of(moto.endpoint_url), moto.session)


@pytest.fixture
def consumers(aws: LossyAws) -> ConsumerStore:
    store = ConsumerStore(new_table(aws, "ConsumersTable"))
    store.add_consumer(ACME)
    return store


@pytest.fixture
def limits(consumers: ConsumerStore) -> RequestLimits:
    return RequestLimits(consumers, repeatable_random_below(), FakeClock(NOW))


def standing(consumers: ConsumerStore) -> Standing:
    return standing_of(consumers, "acme", NOW)


@losses
@moments
def test_a_request_is_counted_once(
    aws: LossyAws, consumers: ConsumerStore, limits: RequestLimits, times: int, after_effect: bool
) -> None:
    aws.lose("UpdateItem", times, after_effect=after_effect)
    if times == 3:
        with pytest.raises(AwsCallError):
            limits.enter("acme", lease_seconds=None)
    else:
        assert limits.enter("acme", lease_seconds=None).status.remaining == 99
    assert standing(consumers) == Standing(int(times < 3 or after_effect), 0, frozenset())


@losses
@moments
def test_a_slot_is_taken_once_and_given_back_where_the_request_fails(
    aws: LossyAws, consumers: ConsumerStore, limits: RequestLimits, times: int, after_effect: bool
) -> None:
    aws.lose("UpdateItem", times, after_effect=after_effect)
    if times == 3:
        with pytest.raises(AwsCallError):
            limits.enter("acme", lease_seconds=60)
        assert standing(consumers).slots == frozenset()
        assert standing(consumers).images_today == 0
    else:
        slot = limits.enter("acme", lease_seconds=60).slot
        assert standing(consumers) == Standing(1, 1, frozenset({slot}))


@losses
@moments
def test_a_reservation_counts_once_and_a_failed_request_gives_back_all_that_it_took(
    aws: LossyAws, consumers: ConsumerStore, limits: RequestLimits, times: int, after_effect: bool
) -> None:
    admission = limits.enter("acme", lease_seconds=60)
    aws.lose("UpdateItem", times, after_effect=after_effect)
    if times == 3:
        with pytest.raises(AwsCallError):
            limits.reserve_images(admission, 4)
    else:
        admission = limits.reserve_images(admission, 4)
        assert standing(consumers).images_today == 4
    limits.leave(admission, images=0)
    assert standing(consumers) == Standing(1, 0, frozenset())


@losses
@moments
@pytest.mark.parametrize("images", [0, 4])
def test_a_request_is_settled_once(
    aws: LossyAws,
    consumers: ConsumerStore,
    limits: RequestLimits,
    times: int,
    after_effect: bool,
    images: int,
) -> None:
    usage = UsageStore(new_table(aws, "UsageTable"), repeatable_random_below())
    tokens = TokenStore(new_table(aws, "TokensTable"))
    reports: list[str] = []
    admission = limits.reserve_images(limits.enter("acme", lease_seconds=60), 4)
    aws.lose("UpdateItem", times, after_effect=after_effect)
    Settlement(limits, usage, tokens, reports.append).settle(
        CALLER, admission, replace(FINISHED, images=images)
    )
    was_settled = times < 3 or after_effect
    expected = (
        Standing(1, images, frozenset()) if was_settled else Standing(1, 4, frozenset({admission.slot}))
    )
    assert standing(consumers) == expected
    assert len(reports) == int(times == 3)
    (row,) = usage.rows("acme", first_day=FINISHED.day, last_day=FINISHED.day)
    assert (row.requests, row.images) == (1, images)
    assert tokens.marks(CALLER.token_id).last_used_on == FINISHED.day


@losses
@moments
def test_a_token_is_added_once(aws: LossyAws, times: int, after_effect: bool) -> None:
    tokens = TokenStore(new_table(aws, "TokensTable"))
    aws.lose("PutItem", times, after_effect=after_effect)
    if times == 3:
        with pytest.raises(AwsCallError):
            tokens.add_token(TOKEN)
    else:
        tokens.add_token(TOKEN)
        assert tokens.find(TOKEN.id) == TOKEN


# Idempotency


class Client:
    """A client that sends the same request again and again under one key."""

    def __init__(self, aws: LossyAws) -> None:
        self.clock = FakeClock(NOW)
        self.records = RecordStore(new_table(aws, "IdempotencyTable"))
        self.reports: list[str] = []
        self.made = 0
        self.idempotency = Idempotency(
            self.records,
            InMemoryBucket(),
            repeatable_random_below(),
            self.reports.append,
            self.clock,
            self._sleep,
        )

    def send(self, *, fails: bool = False) -> bytes:
        async def make() -> StoredResponse:
            self.made += 1
            if fails:
                raise ModelError
            return StoredResponse({}, b"image %d" % self.made)

        response, _ = asyncio.run(
            self.idempotency.respond_once(
                "acme",
                "key",
                "fingerprint",
                make,
                lease_seconds=285.0,
                transfer_seconds=lambda _: 280.0,
                patience_seconds=20.0,
            )
        )
        return response.content

    def is_free(self) -> bool:
        return self.records.find(record_id("acme", "key"), now=self.clock()) is None

    async def _sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)


@losses
@moments
def test_a_claim_is_made_once_and_freed_where_the_request_fails(
    aws: LossyAws, times: int, after_effect: bool
) -> None:
    client = Client(aws)
    aws.lose("PutItem", times, after_effect=after_effect)
    if times == 3:
        with pytest.raises(AwsCallError):
            client.send()
        assert client.is_free()
    assert client.send() == b"image 1"
    assert client.send() == b"image 1"
    assert client.made == 1


@losses
@moments
def test_a_response_is_kept_or_the_key_is_free(aws: LossyAws, times: int, after_effect: bool) -> None:
    client = Client(aws)
    aws.lose("UpdateItem", times, after_effect=after_effect)
    assert client.send() == b"image 1"
    was_kept = times < 3 or after_effect
    assert client.is_free() is not was_kept
    assert client.send() == (b"image 1" if was_kept else b"image 2")


@losses
@moments
def test_a_failure_frees_the_key(aws: LossyAws, times: int, after_effect: bool) -> None:
    client = Client(aws)
    aws.lose("DeleteItem", times, after_effect=after_effect)
    with pytest.raises(ModelError):
        client.send(fails=True)
    was_freed = times < 3 or after_effect
    assert client.is_free() is was_freed
    assert len(client.reports) == int(times == 3)


@losses
@moments
def test_a_job_is_claimed_and_ended_once(aws: LossyAws, times: int, after_effect: bool) -> None:
    jobs = JobStore(new_table(aws, "JobsTable"))
    jobs.add(JOB, due_at=NOW)

    def lossy(act: Callable[[], object]) -> object:
        aws.lose("UpdateItem", times, after_effect=after_effect)
        if times < 3:
            return act()
        with pytest.raises(AwsCallError):
            act()
        return act()

    claimed = lossy(lambda: jobs.claim(CLAIM, now=NOW))
    assert isinstance(claimed, Job)
    assert (claimed.attempts, claimed.attempt) == (1, CLAIM.attempt)
    assert lossy(lambda: jobs.end(CLAIM, JobState.COMPLETED, error=None, now=NOW)) is True
    jobs.delete(JOB.key)
    jobs.add(JOB, due_at=NOW)
    cancelled = lossy(lambda: jobs.cancel(JOB.key, "caller", now=NOW))
    assert isinstance(cancelled, Job)
    assert cancelled.state is JobState.CANCELLED


@losses
@moments
def test_a_name_has_one_job(aws: LossyAws, times: int, after_effect: bool) -> None:
    table = new_table(aws, "JobsTable")
    jobs = JobStore(table)
    named = NamedJobs(table, jobs, repeatable_random_below(), lambda: NOW)
    accepted: list[JobKey] = []

    async def accept(key: JobKey) -> Job:
        accepted.append(key)
        jobs.add(job := replace(JOB, key=key), due_at=NOW)
        return job

    def accept_once(fingerprint: str = "a boat") -> None:
        asyncio.run(named.accept_once("acme", "a-name", fingerprint, accept))

    aws.lose("PutItem", times, after_effect=after_effect)
    with contextlib.suppress(AwsCallError):
        accept_once()
    accept_once()
    accept_once()
    assert [named.find("acme", "a-name")] == accepted
    with pytest.raises(KeyConflictError):
        accept_once("a castle")
    assert named.find("other", "a-name") is None


@losses
@moments
def test_a_job_has_one_place(aws: LossyAws, times: int, after_effect: bool) -> None:
    places = QueueStore(new_table(aws, "JobsTable"))
    aws.lose("UpdateItem", times, after_effect=after_effect)
    with contextlib.suppress(AwsCallError):
        assert places.enter(JOB.key, limit=1)
    assert places.enter(JOB.key, limit=1)
    assert places.find("acme") == JobQueue(frozenset({JOB.key.id}), JOB.key.id)


@losses
@moments
def test_an_account_is_added_reset_and_counted_once(aws: LossyAws, times: int, after_effect: bool) -> None:
    table = new_table(aws, "AccountsTable")
    accounts, attempts = AccountStore(table), AttemptStore(table)

    def attempt(operation: str, act: Callable[[], bool]) -> bool | None:
        """What it returned; None where every attempt was lost."""
        aws.lose(operation, times, after_effect=after_effect)
        try:
            return act()
        except AwsCallError:
            return None

    lost = None if times == 3 else True
    assert attempt("PutItem", lambda: accounts.claim_email(ACCOUNT.email, 7, now=NOW)) is lost
    assert accounts.claim_email(ACCOUNT.email, 7, now=NOW)
    assert not accounts.claim_email(ACCOUNT.email, 8, now=NOW)
    assert attempt("PutItem", lambda: accounts.add(ACCOUNT)) is lost
    assert accounts.add(ACCOUNT)
    accounts.set_reset(7, "digest", expires_at=NOW + 60)
    assert attempt("UpdateItem", lambda: accounts.reset_password(7, "digest", "new", now=NOW)) is lost
    accounts.reset_password(7, "digest", "new", now=NOW)
    found = accounts.find_by_email(ACCOUNT.email)
    assert found
    assert (found.password_hash, found.session_epoch) == ("new", 1)

    def count(nonce: str) -> bool:
        return attempts.count("attempts#a", limit=2, expires_at=NOW + 60, nonce=nonce)

    assert attempt("UpdateItem", lambda: count("a")) is lost
    assert [count("a"), count("b"), count("c")] == [True, True, False]


@losses
@moments
@pytest.mark.parametrize("operation", ["PutItem", "UpdateItem"])
def test_credits_change_once(aws: LossyAws, times: int, after_effect: bool, operation: str) -> None:
    credits = Credits(WalletStore(new_table(aws, "CreditsTable")), FakeClock(NOW))

    def repeat(act: Callable[[], object]) -> None:
        aws.lose(operation, times, after_effect=after_effect)
        with contextlib.suppress(AwsCallError):
            act()
        aws.lose(operation, 0, after_effect=after_effect)
        act()

    repeat(lambda: credits.grant(7, 10, reference="first"))
    repeat(lambda: credits.grant(7, 10, reference="second"))
    repeat(lambda: credits.reserve(7, "taken", 3))
    repeat(lambda: credits.reserve(7, "back", 4))
    repeat(lambda: credits.take(7, "taken"))
    repeat(lambda: credits.give_back(7, "back"))
    wallet = credits.find(7)
    assert (wallet.balance, wallet.reservations, wallet.applying) == (17, {}, {})

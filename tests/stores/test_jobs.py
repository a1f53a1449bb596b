"""Of several workers one claims a job, and one of several ends it; places in the queue are bounded."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise

import pytest

from imagineart.aws import AwsClients
from imagineart.errors import InternalError
from imagineart.images.kinds import JPEG
from imagineart.images.model import ImageRequest, ReferenceImage
from imagineart.images.sizes import Size
from imagineart.jobs.job_store import JobStore
from imagineart.jobs.model import Job, JobClaim, JobError, JobKey, JobQueue, JobState, KeptImage, first_id_at
from imagineart.jobs.queue_store import QueueStore
from imagineart.media.model import KeptMedia, Order, VideoRequest
from tests.fakes.jobs import InMemoryJobs, InMemoryPlaces
from tests.stores.tables import new_table

NOW = 1_800_000_000.25
LEASE_ENDS_AT = NOW + 300
LATER = LEASE_ENDS_AT + 1
WORKERS = 10
KEY = JobKey("acme", f"{first_id_at(NOW)}00000000000000")
REQUEST = ImageRequest(
    "a boat", Size(64, 32), 7, (ReferenceImage(b"", JPEG, Size(3, 5)),), "high", Size(32, 16), 2,
    negative_prompt="rain", guidance=7.5, steps=30, lora_weight=0.8,
)  # fmt: skip
JOB = Job(KEY, "an-api", "image-edit", "1K", REQUEST, "https://api.example.com", 3600, counted_images=2)
FIRST, SECOND = JobClaim(KEY, "attempt-1", LEASE_ENDS_AT), JobClaim(KEY, "attempt-2", LATER + 300)
IMAGE = KeptImage(Size(32, 16), 7, "bedrock", 1.5, 1, "res_name.png")
VIDEO = VideoRequest("a b\u00f6at", 4, Size(1280, 720), 7)
ORDER = Order("https://gpu.example.com/v1 wan", "video-1", NOW)
FILE = KeptMedia("video/mp4", "res_name.mp4", 4.0, "vllm-omni", 61.5, 1)
ERROR = JobError("model_error", "The backend failed.")
Jobs = JobStore | InMemoryJobs
Places = QueueStore | InMemoryPlaces


@pytest.fixture(params=["memory", "moto", "dynalite"])
def stores(request: pytest.FixtureRequest) -> tuple[Jobs, Places]:
    """Every store there is: those in memory that other tests use keep the same promises."""
    if request.param == "memory":
        return InMemoryJobs(), InMemoryPlaces()
    table = new_table(request.getfixturevalue(request.param), "JobsTable")
    return JobStore(table), QueueStore(table)


@pytest.fixture
def jobs(stores: tuple[Jobs, Places]) -> Jobs:
    stores[0].add(JOB, due_at=NOW + 60)
    return stores[0]


@pytest.fixture
def places(stores: tuple[Jobs, Places]) -> Places:
    return stores[1]


def find(jobs: Jobs) -> Job:
    found = jobs.find(KEY)
    assert found is not None
    return found


def test_a_job_is_found_as_it_was_accepted_by_its_consumer_alone(jobs: Jobs) -> None:
    assert jobs.find(KEY) == JOB
    assert jobs.find(replace(KEY, consumer_id="other")) is None


@pytest.mark.parametrize("ends", ["completed", "cancelled"])
def test_a_webhook_is_unsent_from_the_end_of_its_job_until_it_is_forgotten(
    stores: tuple[Jobs, Places], ends: str
) -> None:
    jobs, job = stores[0], replace(JOB, webhook_url="https://hooks.example.com/?key=1")
    jobs.add(job, due_at=NOW)
    jobs.add(replace(JOB, key=replace(KEY, consumer_id="other")), due_at=NOW)
    assert jobs.find(KEY) == job
    jobs.claim(FIRST, now=NOW)
    assert not list(jobs.unreported(LATER))
    if ends == "completed":
        jobs.end(FIRST, JobState.COMPLETED, error=None, now=NOW)
    else:
        jobs.cancel(KEY, "caller", now=NOW)
        jobs.close(KEY, FIRST.attempt)
    jobs.fail_unattended(replace(KEY, consumer_id="other"), "attempt-3", ERROR, now=NOW)
    assert not list(jobs.unreported(NOW - 1))
    assert list(jobs.unreported(NOW)) == [KEY]
    for _ in range(2):
        jobs.forget_listeners(KEY)
        assert find(jobs).webhook_url is None
        assert not list(jobs.unreported(LATER))
    jobs.delete(KEY)
    jobs.forget_listeners(KEY)
    assert jobs.find(KEY) is None


def test_a_job_of_other_media_is_paused_with_its_order_and_ends_with_its_file(jobs: Jobs) -> None:
    """After a pause, attempts count anew, and it lets the next worker take the job at once."""
    key = JobKey("acme", f"{first_id_at(NOW)}00000000000001")
    job = Job(key, "an-api", "text-to-video", "", VIDEO, "https://api.example.com", 3600)
    jobs.add(job, due_at=NOW)
    first, second = JobClaim(key, "attempt-1", LEASE_ENDS_AT), JobClaim(key, "attempt-2", LEASE_ENDS_AT)
    assert jobs.claim(first, now=NOW)
    for _ in range(2):
        # A call that is sent again after its response was lost changes nothing more.
        assert jobs.pause(first, ORDER, until=NOW + 10)
    paused = jobs.find(key)
    assert paused is not None
    assert (paused.request, paused.order, paused.attempts) == (VIDEO, ORDER, 0)
    assert paused.is_paused(NOW + 8)
    assert not paused.is_paused(NOW + 10)
    assert list(jobs.due(NOW + 60)) == [KEY]
    assert sorted(each.id for each in jobs.due(NOW + 70)) == [KEY.id, key.id]
    claimed = jobs.claim(second, now=NOW + 10)
    assert claimed is not None
    assert (claimed.order, claimed.attempts) == (ORDER, 1)
    assert not jobs.pause(first, replace(ORDER, id="other"), until=NOW + 20)
    assert not jobs.keep_media(first, FILE)
    assert jobs.keep_media(second, FILE)
    assert jobs.end(second, JobState.COMPLETED, error=None, now=NOW + 11)
    ended = jobs.find(key)
    assert ended is not None
    assert (ended.state, ended.media, ended.images) == (JobState.COMPLETED, FILE, {})


def test_the_layout_of_an_infographic_is_kept_by_the_attempt_that_has_the_job(jobs: Jobs) -> None:
    drawn = replace(JOB, key=JobKey("acme", f"{first_id_at(NOW)}00000000000001"), layout_model="writer")
    jobs.add(drawn, due_at=NOW)
    claim = JobClaim(drawn.key, "attempt-1", LEASE_ENDS_AT)
    assert not jobs.keep_layout(claim, "a layout")
    claimed = jobs.claim(claim, now=NOW)
    assert claimed is not None
    assert (claimed.layout_model, claimed.layout) == ("writer", None)
    assert jobs.keep_layout(claim, "a layout")
    kept = jobs.find(drawn.key)
    assert kept is not None
    assert kept.layout == "a layout"


def test_a_job_is_claimed_by_one_worker_until_its_lease_ends(jobs: Jobs) -> None:
    claimed = jobs.claim(FIRST, now=NOW)
    assert claimed == replace(
        JOB, state=JobState.PROCESSING, attempts=1, attempt="attempt-1",
        lease_ends_at=LEASE_ENDS_AT, started_at=NOW,
    )  # fmt: skip
    assert jobs.claim(FIRST, now=NOW) == claimed, "as where the response to the first call was lost"
    for now in (NOW, LEASE_ENDS_AT):
        assert jobs.claim(SECOND, now=now) is None
    again = jobs.claim(SECOND, now=LATER)
    assert again
    assert (again.attempts, again.attempt, again.started_at) == (2, "attempt-2", NOW)
    assert not jobs.keep_image(FIRST, 0, IMAGE)
    assert not jobs.end(FIRST, JobState.COMPLETED, error=None, now=LATER)


def test_a_lease_that_is_released_ends_at_once_and_only_by_its_own_attempt(jobs: Jobs) -> None:
    jobs.claim(FIRST, now=NOW)
    jobs.release(SECOND, now=NOW)
    assert jobs.claim(SECOND, now=NOW) is None
    jobs.release(FIRST, now=NOW)
    assert list(jobs.due(NOW)) == [KEY]
    assert jobs.claim(SECOND, now=NOW)


def test_images_are_noted_and_the_job_ends_once(jobs: Jobs) -> None:
    jobs.claim(FIRST, now=NOW)
    assert [jobs.keep_image(FIRST, position, IMAGE) for position in (1, 0, 0)] == [True] * 3
    for _ in range(2):
        assert jobs.end(FIRST, JobState.COMPLETED, error=None, now=NOW + 9)
    ended = find(jobs)
    assert (ended.state, ended.images, ended.ended_at) == (JobState.COMPLETED, {0: IMAGE, 1: IMAGE}, NOW + 9)
    assert not jobs.keep_image(FIRST, 0, IMAGE)
    assert not jobs.fail_unattended(KEY, "sweeper", ERROR, now=LATER)
    assert jobs.cancel(KEY, "caller", now=LATER) is None
    assert jobs.claim(SECOND, now=LATER) is None
    assert list(jobs.due(LATER + 1_000)) == []


@pytest.mark.parametrize("is_claimed", [False, True])
def test_a_job_that_no_worker_holds_can_be_failed(jobs: Jobs, is_claimed: bool) -> None:
    if is_claimed:
        jobs.claim(FIRST, now=NOW)
        assert not jobs.fail_unattended(KEY, "sweeper", ERROR, now=LEASE_ENDS_AT)
    for _ in range(2):
        assert jobs.fail_unattended(KEY, "sweeper", ERROR, now=LATER)
    assert not jobs.fail_unattended(KEY, "another", ERROR, now=LATER)
    assert (find(jobs).state, find(jobs).error) == (JobState.FAILED, ERROR)


def test_a_cancelled_job_that_waits_is_over_and_is_not_claimed(jobs: Jobs) -> None:
    cancelled = jobs.cancel(KEY, "caller", now=NOW)
    assert cancelled
    assert (cancelled.state, cancelled.lease_ends_at) == (JobState.CANCELLED, None)
    assert list(jobs.due(LATER)) == []
    assert jobs.claim(FIRST, now=NOW) is None


def test_a_cancelled_job_that_runs_stays_with_its_worker_until_it_is_closed(jobs: Jobs) -> None:
    jobs.claim(FIRST, now=NOW)
    cancelled = jobs.cancel(KEY, "caller", now=NOW)
    assert cancelled
    assert cancelled.is_leased(NOW)
    assert not jobs.keep_image(FIRST, 0, IMAGE)
    assert list(jobs.due(LEASE_ENDS_AT)) == [KEY]
    assert not jobs.close(KEY, "attempt-2")
    assert [jobs.close(KEY, "attempt-1") for _ in range(2)] == [True, False]
    assert list(jobs.due(LEASE_ENDS_AT)) == []


def test_the_sweeper_finds_what_is_due_and_postpones_it(jobs: Jobs) -> None:
    assert list(jobs.due(NOW + 59)) == []
    assert list(jobs.due(NOW + 60)) == [KEY]
    jobs.postpone(KEY, due_at=NOW + 180)
    assert list(jobs.due(NOW + 60)) == []
    assert (list(jobs.due(NOW + 180)), find(jobs).messages) == ([KEY], 1)
    jobs.delete(KEY)
    jobs.postpone(KEY, due_at=NOW)
    assert jobs.find(KEY) is None
    assert list(jobs.due(LATER)) == []


def test_pages_and_waiting_jobs_come_in_order_and_past_jobs_of_other_states(jobs: Jobs) -> None:
    ids = [KEY.id, *(f"{first_id_at(NOW + each)}00000000000000" for each in range(1, 40))]
    for job_id in ids[1:]:
        jobs.add(replace(JOB, key=JobKey("acme", job_id)), due_at=NOW)
    jobs.add(replace(JOB, key=JobKey("other", KEY.id)), due_at=NOW)
    for job_id in ids[3:20]:
        jobs.cancel(JobKey("acme", job_id), "caller", now=NOW)
    assert jobs.waiting("acme", after="", limit=4) == [*ids[:3], ids[20]]
    assert jobs.waiting("acme", after=ids[1], limit=2) == [ids[2], ids[20]]
    newest = jobs.page("acme", api="an-api", before=None, accepted_from=NOW + 30, limit=100)
    assert [job.key.id for job in newest] == ids[:29:-1]
    assert jobs.page("acme", api="another", before=None, accepted_from=0, limit=100) == []
    page = jobs.page("acme", api="an-api", before=ids[25], accepted_from=0, limit=3)
    assert [job.key.id for job in page] == [ids[24], ids[23], ids[22]]


def test_a_consumer_has_as_many_places_as_its_limit_and_each_job_one(places: Places) -> None:
    keys = [JobKey("acme", f"{first_id_at(NOW + each)}00000000000000") for each in range(4)]
    assert places.find("acme") == JobQueue()
    assert [places.take_place(key, limit=2, is_newest=True) for key in keys] == [True, True, False, False]
    assert not places.take_place(keys[0], limit=9, is_newest=False)
    assert places.find("acme") == JobQueue(frozenset({keys[0].id, keys[1].id}), keys[1].id)
    for _ in range(2):
        places.release_place(keys[1])
    assert places.take_place(keys[3], limit=2, is_newest=True)
    places.release_place(keys[3])
    assert not places.take_place(keys[2], limit=2, is_newest=True), "a later one was sent"
    for key in (keys[2], keys[0]):
        places.note_late(key)
    assert places.find("acme").late == {keys[2].id}, "the other one has a place"
    assert places.take_place(keys[2], limit=2, is_newest=False)
    assert places.find("acme") == JobQueue(frozenset({keys[0].id, keys[2].id}), keys[3].id)
    for key in keys:
        places.release_place(key)
    assert places.find("acme") == JobQueue(frozenset(), keys[3].id)


def test_a_new_job_takes_a_place_unless_another_waits(places: Places) -> None:
    keys = [JobKey("acme", f"{first_id_at(NOW + each)}00000000000000") for each in range(6)]
    assert [places.enter(key, limit=2) for key in (keys[0], keys[0], keys[2])] == [True, True, True]
    assert not places.enter(keys[1], limit=9), "a later one was sent"
    assert not places.release_place(keys[1]), "none is known to wait"
    places.note_late(keys[1])
    assert places.release_place(keys[1]), "it waits"
    assert places.take_place(keys[1], limit=9, is_newest=False)
    assert not places.release_place(keys[1])
    assert not places.enter(keys[3], limit=2)
    assert places.release_place(keys[0]), "the last one waits"
    assert not places.enter(keys[4], limit=2), "another waits"
    for key in keys[3:5]:
        assert places.take_place(key, limit=9, is_newest=True)
    assert places.enter(keys[5], limit=9)
    assert places.find("acme") == JobQueue(frozenset(key.id for key in keys[2:]), keys[5].id)


def at_once(act: Callable[[int], object]) -> list:
    """What `act` returns for each of many workers."""
    with ThreadPoolExecutor(WORKERS) as threads:
        return list(threads.map(act, range(WORKERS)))


@pytest.fixture
def stored(aws: AwsClients) -> JobStore:
    store = JobStore(new_table(aws, "JobsTable"))
    store.add(JOB, due_at=NOW)
    return store


def test_of_many_workers_at_once_one_claims_and_one_ends(stored: JobStore) -> None:
    def claim(number: int) -> bool:
        return stored.claim(JobClaim(KEY, f"attempt-{number}", LEASE_ENDS_AT), now=NOW) is not None

    def fail(number: int) -> bool:
        return stored.fail_unattended(KEY, f"sweeper-{number}", ERROR, now=LATER)

    assert at_once(claim).count(True) == at_once(fail).count(True) == 1


def test_of_many_jobs_at_once_as_many_take_a_place_as_there_are(stored: JobStore) -> None:
    places = QueueStore(stored.table)

    def take(number: int) -> bool:
        return places.take_place(JobKey("acme", f"job_{number:022}"), limit=3, is_newest=False)

    assert at_once(take).count(True) == 3


@pytest.mark.parametrize(
    "edited",
    [{"request": {"S": "{}"}}, {"state": {"S": "asleep"}}, {"images": {"M": {"x": {"S": "1"}}}}],
    ids=str,
)
def test_an_item_that_was_edited_into_something_else_is_our_own_failure(
    stored: JobStore, edited: dict
) -> None:
    item = stored.table.get({"consumer_id": {"S": "acme"}, "id": {"S": KEY.id}})
    assert item is not None
    stored.table.call("put_item", Item=item | edited)
    with pytest.raises(InternalError):
        stored.find(KEY)


def test_ids_grow_with_the_time_of_acceptance() -> None:
    times = [0, 1, 1_700_000_000.001, NOW, NOW + 0.01, NOW + 86_400, 4_000_000_000]
    assert all(first_id_at(earlier) < first_id_at(later) for earlier, later in pairwise(times))
    assert KEY.accepted_at == pytest.approx(NOW, abs=0.001)

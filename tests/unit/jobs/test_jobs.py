"""What a consumer's jobs count for, who waits for whom, and what becomes of a job that does not go well."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from imagineart.access.limits import LimitReachedError
from imagineart.errors import InternalError, InvalidRequestError, ModelError, UnknownRequestError
from imagineart.jobs.model import DEADLINE_SECONDS, KEPT_SECONDS, JobState, first_id_at
from imagineart.results.model import read_result_name
from tests.fakes.job_world import API, WORKER_SECONDS, JobWorld
from tests.fakes.tokens import InMemoryPeppers


@pytest.fixture
def world() -> JobWorld:
    return JobWorld()


def states(world: JobWorld, consumer_id: str = "acme") -> list[str]:
    """The states of a consumer's jobs, in the order in which they were accepted."""
    jobs = world.jobs.page(consumer_id, api=API, before=None, accepted_from=0, limit=10_000)
    return [str(job.state) for job in reversed(jobs)]


def test_a_thousand_jobs_of_one_consumer_delay_no_other(world: JobWorld) -> None:
    for _ in range(1_000):
        world.accept()
    assert len(world.queue.messages) == 2
    world.add_consumer("small")
    key = world.accept("small").key
    while message := world.queue.receive():
        world.work(message)
        if world.jobs.jobs[key].state is JobState.COMPLETED:
            break
    assert states(world).count("completed") <= 2
    world.work_off()
    assert set(states(world)) == {"completed"}
    assert world.queue.most <= 2 + 1


def test_jobs_are_sent_in_the_order_in_which_they_were_accepted(world: JobWorld) -> None:
    keys = []
    for _ in range(9):
        keys.append(world.accept().key)
    worked = []
    while message := world.queue.receive():
        worked.append(message.job_id)
        world.work(message)
    assert worked == [key.id for key in keys]


def test_a_job_whose_clock_was_late_is_sent_all_the_same(world: JobWorld) -> None:
    world.accept()
    world.clock.advance(-5)
    world.accept()
    world.clock.advance(10)
    world.work_off()
    assert states(world) == ["completed", "completed"]


def test_a_job_that_later_ones_overtook_is_sent_when_one_of_them_ends(world: JobWorld) -> None:
    early, later = world.accept().key, []
    world.work_off()
    for _ in range(2):
        world.clock.advance(60)
        later.append(world.accept().key)
    world.clock.advance(-100)
    overtaken = world.accept().key
    assert early.id < overtaken.id < later[1].id
    world.clock.advance(100)
    world.work_off()
    assert states(world) == ["completed"] * 4


def test_a_job_that_is_kept_while_a_later_one_is_being_sent_is_sent_when_that_one_ends(
    world: JobWorld,
) -> None:
    first, *_, last = [world.accept() for _ in range(4)]
    key = replace(last.key, id=f"{first_id_at(last.key.accepted_at - 0.015)}00000000000000")

    def keep_another() -> None:
        # Its own request has seen that there is no room.
        if first.key.id not in world.places.find("acme").in_flight:
            world.jobs.add(replace(last, key=key), due_at=world.clock() + 60)

    world.jobs.looked_up = keep_another
    world.work_off()
    assert states(world) == ["completed"] * 5


def test_a_job_whose_message_is_lost_is_sent_again_and_ever_more_rarely(world: JobWorld) -> None:
    world.accept()
    sent = []
    for minute in range(40):
        if world.queue.messages:
            sent.append(minute)
            world.queue.messages.clear()
        world.clock.advance(60)
        world.sweep_jobs.sweep()
    assert sent[:3] == [0, 1, 3]
    assert 4 <= len(sent) <= 6


def test_a_message_that_comes_twice_makes_one_image() -> None:
    world = JobWorld(concurrent_requests=1)
    key = world.accept().key
    (first,) = world.queue.messages
    world.queue.send(first.body)
    with ThreadPoolExecutor(1) as another_worker:
        world.backends.during = lambda: another_worker.submit(world.work_off).result()
        world.work_off()
    world.queue.send(first.body)
    world.work_off()
    assert world.backends.calls.total() == 1
    assert not world.queue.messages
    assert world.jobs.jobs[key].state is JobState.COMPLETED


def test_at_most_four_images_are_made_at_a_time_and_each_is_kept(world: JobWorld) -> None:
    key = world.accept(count=6).key
    world.work_off()
    assert world.backends.most_running == 4
    assert [world.bucket.contents[key.image_object(each)] for each in range(6)] == [
        b"%d " % (100 + each) for each in range(6)
    ]


def test_an_edit_gets_its_references_as_they_were_accepted(world: JobWorld) -> None:
    key = world.accept(references=2).key
    world.work_off()
    assert world.bucket.contents[key.image_object(0)] == b"100 reference 0reference 1"


def test_images_count_for_the_day_when_the_job_is_accepted(world: JobWorld) -> None:
    world.accept(count=4)
    assert world.images_today() == 4
    world.work_off()
    assert world.images_today() == 4
    (finished,) = world.usage.requests
    assert (finished.outcome, finished.images, finished.operation) == ("ok", 4, "text-to-image")


def test_a_day_without_room_refuses_a_job_which_is_then_not_kept() -> None:
    world = JobWorld(images_per_day=5)
    world.accept(count=4)
    with pytest.raises(LimitReachedError, match="images a day"):
        world.accept(count=2)
    assert len(world.jobs.jobs) == 1
    assert world.images_today() == 4


def test_a_job_that_could_not_be_kept_counts_no_image(world: JobWorld) -> None:
    world.bucket.is_broken = True
    with pytest.raises(InternalError):
        world.accept(references=1)
    assert world.images_today() == 0
    assert not world.queue.messages


def test_a_failed_job_says_why_and_gives_its_images_back(world: JobWorld) -> None:
    world.backends.error = InvalidRequestError("prompt", "was refused.")
    key = world.accept(count=2, references=1).key
    world.work_off()
    job = world.jobs.jobs[key]
    assert job.error
    assert (job.state, job.error.code, job.error.message) == (
        "failed",
        "invalid_request",
        "prompt: was refused.",
    )
    assert world.images_today() == 0
    assert not world.bucket.contents
    assert [(each.outcome, each.images) for each in world.usage.requests] == [("invalid_request", 0)]


def test_a_failure_of_the_service_itself_is_tried_three_times(world: JobWorld) -> None:
    world.backends.error = InternalError(detail="a store is out of order")
    key = world.accept().key
    world.run_minutes(10)
    job = world.jobs.jobs[key]
    assert (job.state, job.attempts, world.backends.calls.total()) == ("failed", 3, 3)
    assert job.error
    assert job.error.code == "internal_error"
    assert world.images_today() == 0
    world.backends.error = None
    world.accept()
    world.work_off()
    assert states(world) == ["failed", "completed"]


def test_a_job_waits_without_an_attempt_while_requests_have_every_slot(world: JobWorld) -> None:
    admissions = [world.requests.enter("acme", lease_seconds=300) for _ in range(2)]
    key = world.accept().key
    world.work_off()
    assert (world.jobs.jobs[key].state, world.jobs.jobs[key].attempts) == ("queued", 0)
    (message,) = world.queue.messages
    assert message.receives == 0
    for admission in admissions:
        world.requests.leave(admission, images=1)
    world.clock.advance(10)
    world.work_off()
    assert world.jobs.jobs[key].state is JobState.COMPLETED


def test_a_running_job_holds_a_slot_of_its_consumer(world: JobWorld) -> None:
    taken = []
    world.backends.during = lambda: taken.append(len(world.consumers.slots["acme"]))
    world.accept(count=2)
    world.work_off()
    assert set(taken) == {1}
    assert not world.consumers.slots["acme"]


def test_a_job_past_its_deadline_fails_whether_it_was_sent_or_waits(world: JobWorld) -> None:
    for _ in range(4):
        world.accept()
    world.clock.advance(DEADLINE_SECONDS)
    world.run_minutes(2)
    assert states(world) == ["failed"] * 4
    assert {job.error.code for job in world.jobs.jobs.values() if job.error} == {"timeout"}
    assert world.backends.calls.total() == 0


def test_jobs_of_a_deleted_consumer_are_deleted_and_count_no_usage(world: JobWorld) -> None:
    for _ in range(3):
        world.accept(references=1)
    del world.consumers.consumers["acme"]
    world.work_off()
    assert (world.jobs.jobs, world.bucket.contents, world.usage.requests) == ({}, {}, [])
    assert world.backends.calls.total() == 0


def test_a_dead_message_fails_its_job_and_the_next_one_is_sent() -> None:
    world = JobWorld(concurrent_requests=1)
    key = world.accept().key
    world.accept()
    world.queue.dead.append(world.queue.messages.pop())
    world.sweep_jobs.fail_dead(key)
    assert world.jobs.jobs[key].state is JobState.FAILED
    world.work_off()
    assert states(world) == ["failed", "completed"]


def test_a_cancelled_job_that_waits_is_never_run_and_costs_nothing(world: JobWorld) -> None:
    key = world.accept(count=3, references=1).key
    assert world.manage_jobs.cancel("acme", key.id).state is JobState.CANCELLED
    world.run_minutes(2)
    assert world.backends.calls.total() == world.images_today() == 0
    assert not world.bucket.contents
    assert [each.outcome for each in world.usage.requests] == ["cancelled"]
    assert not world.places.find("acme").in_flight
    assert world.manage_jobs.cancel("acme", key.id).state is JobState.CANCELLED


@pytest.mark.parametrize("act", ["cancel", "delete"])
def test_images_of_a_job_that_is_stopped_while_it_runs_are_dropped_and_counted(
    world: JobWorld, act: str
) -> None:
    key = world.accept(count=2).key

    def stop_once() -> None:
        world.backends.during = lambda: None
        getattr(world.manage_jobs, act)("acme", key.id)

    world.backends.during = stop_once
    world.work_off()
    assert world.backends.calls.total() == world.images_today() == 2
    assert not world.bucket.contents
    assert [(each.outcome, each.images) for each in world.usage.requests] == [("cancelled", 2)]
    world.run_minutes(10)
    assert not world.jobs.due_at
    assert len(world.usage.requests) == 1


def test_a_job_that_was_cancelled_while_its_worker_died_gives_its_place_back() -> None:
    world = JobWorld(concurrent_requests=1)
    key = world.accept().key
    world.backends.during = lambda: world.manage_jobs.cancel("acme", key.id)
    world.mortality.kill_at = frozenset({world.mortality.steps + 26})
    world.work_off()
    assert world.jobs.jobs[key].state is JobState.CANCELLED
    world.backends.during = lambda: None
    other = world.accept().key
    world.run_minutes(40)
    assert states(world) == ["cancelled", "completed"]
    assert not world.jobs.due_at
    assert list(world.bucket.contents) == [other.image_object(0)]
    assert [each.outcome for each in world.usage.requests] == ["cancelled", "ok"]


def test_a_job_that_is_cancelled_between_two_attempts_is_settled_at_once(world: JobWorld) -> None:
    world.backends.error = InternalError(detail="a store is out of order")
    key = world.accept(count=2).key
    world.work_off()
    assert world.jobs.jobs[key].state is JobState.PROCESSING
    world.manage_jobs.cancel("acme", key.id)
    assert world.images_today() == 0
    world.run_minutes(40)
    assert [each.outcome for each in world.usage.requests] == ["cancelled"]


def test_deleting_a_job_removes_it_and_all_that_is_kept_of_it(world: JobWorld) -> None:
    key = world.accept(count=2, references=1).key
    world.work_off()
    world.manage_jobs.delete("acme", key.id)
    assert not world.bucket.contents
    with pytest.raises(UnknownRequestError, match=key.id):
        world.manage_jobs.find("acme", key.id)


def test_a_consumer_finds_its_own_jobs_alone_and_for_30_days(world: JobWorld) -> None:
    key = world.accept().key
    for consumer_id, job_id in (("other", key.id), ("acme", key.id[:-1]), ("acme", "in_flight")):
        with pytest.raises(UnknownRequestError):
            world.manage_jobs.find(consumer_id, job_id)
    world.clock.advance(KEPT_SECONDS + 1)
    with pytest.raises(UnknownRequestError):
        world.manage_jobs.find("acme", key.id)
    assert world.manage_jobs.list_jobs("acme", before=None, limit=10) == ([], False)


def test_jobs_are_listed_newest_first_page_by_page(world: JobWorld) -> None:
    ids = []
    for _ in range(5):
        ids.insert(0, world.accept().key.id)
    pages, before, more = [], None, True
    while more:
        jobs, more = world.manage_jobs.list_jobs("acme", before=before, limit=2)
        pages.append([job.key.id for job in jobs])
        before = jobs[-1].key.id
    assert pages == [ids[:2], ids[2:4], ids[4:]]


# Results


def test_an_image_of_a_job_with_a_result_life_is_kept_as_a_result_that_long(world: JobWorld) -> None:
    key = world.accept(count=2, references=1, result_life_seconds=120).key
    world.clock.advance(3600)
    world.work_off()
    images = world.jobs.jobs[key].images
    names = [image.result or "" for image in images.values()]
    results = [read_result_name(name, InMemoryPeppers().read()) for name in names]
    assert [each and each.expires_at for each in results] == [int(world.clock()) + 120] * 2
    assert sorted(world.results.contents) == sorted(each.key for each in results if each)
    assert list(world.bucket.contents) == [key.reference_object(0)]
    world.manage_jobs.delete("acme", key.id)
    assert not world.results.contents
    assert not world.bucket.contents


def test_of_a_job_that_fails_or_is_cancelled_no_result_is_kept(world: JobWorld) -> None:
    failing = world.accept(count=2, result_life_seconds=120).key

    def fail_the_second() -> None:
        world.backends.error = ModelError() if world.results.contents else None

    world.backends.during = fail_the_second
    world.clock.advance(1)
    asyncio.run(world.run_job.run(failing, seconds_left=WORKER_SECONDS))
    assert world.jobs.jobs[failing].state is JobState.FAILED
    world.backends.error = None
    cancelled = world.accept(result_life_seconds=120).key
    world.backends.during = lambda: world.manage_jobs.cancel("acme", cancelled.id)
    world.work_off()
    assert world.jobs.jobs[cancelled].state is JobState.CANCELLED
    assert not world.results.contents


def test_an_api_shows_only_the_jobs_that_it_accepted(world: JobWorld) -> None:
    own, foreign = world.accept().key, world.accept(api="another").key
    for act in (world.manage_jobs.find, world.manage_jobs.cancel, world.manage_jobs.delete):
        with pytest.raises(UnknownRequestError):
            act("acme", foreign.id)
    jobs, has_more = world.manage_jobs.list_jobs("acme", before=None, limit=1)
    assert ([job.key for job in jobs], has_more) == ([own], False)

"""Whatever is killed at whatever step, no job is lost, and at most one call to a backend is repeated."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imagineart.jobs.model import MAX_ATTEMPTS, JobState
from tests.fakes.job_world import JobWorld

ENOUGH_MINUTES = 90


def steps_of(count: int, references: int = 0) -> int:
    """How many steps a job takes in which nothing is killed, from its acceptance on."""
    world = JobWorld()
    world.accept(count=count, references=references)
    world.run_minutes(3)
    return world.mortality.steps


def run_with_kills(kill_at: frozenset[int], *, count: int, references: int = 0) -> JobWorld:
    world = JobWorld(kill_at=kill_at)
    world.attempt(lambda: world.accept(count=count, references=references))
    world.work_off()
    kept = {100 + position for job in world.jobs.jobs.values() for position in job.images}
    world.run_minutes(ENOUGH_MINUTES)
    assert all(world.backends.calls[seed] == 1 for seed in kept)
    return world


def assert_nothing_is_lost_or_doubled(world: JobWorld, *, count: int, kills: int) -> None:
    for key, job in world.jobs.jobs.items():
        assert job.state is JobState.COMPLETED, job
        assert sorted(job.images) == list(range(count))
        kept = [name for name in world.bucket.contents if "/images/" in name]
        assert sorted(kept) == [key.image_object(position) for position in range(count)]
        assert all(calls <= 1 + kills for calls in world.backends.calls.values())
        assert sum(calls > 1 for calls in world.backends.calls.values()) <= job.repeated_calls
    assert world.queue.messages == world.queue.dead == []
    assert not world.places.find("acme").in_flight
    assert not [slot for slot in world.consumers.slots.get("acme", {}) if slot.expires_at > world.clock()]
    assert len(world.usage.requests) <= 1


@pytest.mark.parametrize("kill_at", range(steps_of(1)))
def test_a_job_of_one_image_survives_a_kill_at_any_step_with_one_repeated_call(kill_at: int) -> None:
    world = run_with_kills(frozenset({kill_at}), count=1)
    assert_nothing_is_lost_or_doubled(world, count=1, kills=1)
    assert sum(world.backends.calls.values()) <= 2
    assert all(job.repeated_calls <= 1 for job in world.jobs.jobs.values())


def test_an_edit_of_several_images_survives_a_kill_at_any_step() -> None:
    for kill_at in range(steps_of(3, references=2)):
        world = run_with_kills(frozenset({kill_at}), count=3, references=2)
        assert_nothing_is_lost_or_doubled(world, count=3, kills=1)


def test_a_job_that_was_accepted_is_never_lost() -> None:
    """Where the acceptance itself is killed, the caller knows of no job."""
    for kill_at in range(steps_of(1)):
        world = JobWorld(kill_at=frozenset({kill_at}))
        is_accepted = world.attempt(world.accept)
        world.run_minutes(ENOUGH_MINUTES)
        assert not is_accepted or [job.state for job in world.jobs.jobs.values()] == [JobState.COMPLETED]


def test_the_next_job_need_not_wait_for_the_message_of_a_killed_worker() -> None:
    for kill_at in range(2 * steps_of(1)):
        world = JobWorld(kill_at=frozenset({kill_at}), concurrent_requests=1)
        world.attempt(world.accept)
        world.attempt(world.accept)
        world.run_minutes(15)
        assert {job.state for job in world.jobs.jobs.values()} <= {JobState.COMPLETED}


@pytest.mark.parametrize("is_cancelled", [False, True])
def test_a_kill_at_any_step_loses_no_report_of_the_end(is_cancelled: bool) -> None:
    for kill_at in range(2 * steps_of(1)):
        world = JobWorld(kill_at=frozenset({kill_at}))
        is_accepted = world.attempt(
            lambda world=world: world.accept(webhook_url="https://hooks.example.com/", session_id="a")
        )
        for key in list(world.jobs.jobs) if is_cancelled else []:
            world.attempt(lambda key=key, world=world: world.manage_jobs.cancel("acme", key.id))
        world.run_minutes(ENOUGH_MINUTES)
        jobs = world.jobs.jobs.values()
        assert len(jobs) == 1 or not is_accepted
        sent = {key: webhook["type"] for key, webhook in world.webhooks.webhooks.items()}
        assert sent == {job.key.id: f"job.{job.state}" for job in jobs}
        pushed = world.sessions.pushed.get("a", [])
        assert set(pushed) == {(job.key.id, job.state) for job in jobs}
        assert not any(job.has_listener for job in jobs)
        assert max(world.webhooks.queued, len(pushed)) <= 2


def test_a_kill_at_any_step_leaves_one_result_and_deletes_it_with_the_job() -> None:
    for kill_at in range(steps_of(1)):
        world = JobWorld(kill_at=frozenset({kill_at}))
        world.attempt(lambda world=world: world.accept(result_life_seconds=60))
        world.run_minutes(ENOUGH_MINUTES)
        for key, job in list(world.jobs.jobs.items()):
            assert list(world.results.contents) == job.results()
            assert job.images[0].result
            world.manage_jobs.delete("acme", key.id)
        assert not world.results.contents


@example({17, 64})
@given(st.sets(st.integers(0, 120), min_size=2, max_size=MAX_ATTEMPTS - 1))
def test_a_job_survives_as_many_kills_as_it_has_attempts(kill_at: set[int]) -> None:
    world = run_with_kills(frozenset(kill_at), count=2)
    assert_nothing_is_lost_or_doubled(world, count=2, kills=len(kill_at))


@given(st.sets(st.integers(0, 400), min_size=3, max_size=25))
def test_a_job_ends_however_often_its_worker_is_killed(kill_at: set[int]) -> None:
    world = run_with_kills(frozenset(kill_at), count=2)
    for job in world.jobs.jobs.values():
        assert job.state in (JobState.COMPLETED, JobState.FAILED)
        assert job.attempts <= MAX_ATTEMPTS
        assert job.state is JobState.COMPLETED or (job.error and "failed 3 times" in job.error.message)
    assert not world.places.find("acme").in_flight
    assert all(calls <= MAX_ATTEMPTS for calls in world.backends.calls.values())

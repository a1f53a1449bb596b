"""A job of other media: made once, or ordered once and polled, whatever is killed, repeated or cancelled."""

import pytest

from imagineart.errors import InternalError, InvalidRequestError
from imagineart.images.sizes import Size
from imagineart.jobs.model import MAX_ATTEMPTS, JobState
from imagineart.media.model import MediaRequest, TextRequest, VideoRequest
from tests.fakes.job_world import JobWorld

TEXT = TextRequest("An ode to \u00fcbermut", max_tokens=100)
VIDEO = VideoRequest("a boat", seconds=4, size=Size(640, 360), seed=7)


def steps_of(request: MediaRequest) -> int:
    """How many steps a job takes in which nothing is killed, from its acceptance on."""
    world = JobWorld()
    world.accept_media(request)
    world.run_minutes(5)
    return world.mortality.steps


def run_for(world: JobWorld, seconds: int) -> None:
    """Let workers handle messages as they become visible."""
    for _ in range(seconds):
        world.work_off()
        world.clock.advance(1)


@pytest.mark.parametrize("request_", [TEXT, VIDEO], ids=["text", "video"])
def test_a_kill_at_any_step_leaves_one_file_and_deletes_it_with_the_job(request_: MediaRequest) -> None:
    for kill_at in range(steps_of(request_)):
        world = JobWorld(kill_at=frozenset({kill_at}))
        is_accepted = world.attempt(lambda world=world: world.accept_media(request_))
        run_for(world, 90)
        ordered = [job.order.id for job in world.jobs.jobs.values() if job.order]
        orders = len(world.media_backends.orders)
        world.run_minutes(90)
        assert len(world.jobs.jobs) == 1 or not is_accepted
        for key, job in list(world.jobs.jobs.items()):
            assert (job.state, job.attempts <= 2) == (JobState.COMPLETED, True)
            assert job.media is not None
            assert job.media.text == (request_.prompt if request_ is TEXT else None)
            world.manage_jobs.delete("acme", key.id)
        # What was killed before its order was kept is ordered again, and nothing else is.
        assert not ordered or len(world.media_backends.orders) == orders
        assert len(world.media_backends.orders) <= 2
        assert not world.results.contents
        assert world.queue.messages == world.queue.dead == []
        assert not world.places.find("acme").in_flight


def test_a_file_counts_as_no_image() -> None:
    world = JobWorld(images_per_day=1)
    for _ in range(3):
        world.accept_media(TEXT)
    world.work_off()
    assert world.images_today() == 0
    assert [each.images for each in world.usage.requests] == [0, 0, 0]


def test_a_long_order_is_polled_often_and_takes_no_slot_and_no_attempt_between_polls() -> None:
    world = JobWorld(concurrent_requests=1)
    world.media_backends.seconds = 1_800
    job = world.accept_media(VIDEO)
    run_for(world, 900)
    paused = world.jobs.jobs[job.key]
    assert (paused.state, paused.attempts) == (JobState.PROCESSING, 0)
    assert 900 / 15 <= world.media_backends.calls <= 900 / 15 + 15
    assert not [slot for slot in world.consumers.slots.get("acme", {}) if slot.expires_at > world.clock()]
    run_for(world, 920)
    assert world.jobs.jobs[job.key].state is JobState.COMPLETED
    assert world.media_backends.calls > 10 * MAX_ATTEMPTS
    assert len(world.media_backends.orders) == 1


def test_an_order_outlives_more_interruptions_than_a_job_has_attempts_if_polls_succeed_between() -> None:
    world = JobWorld()
    world.media_backends.seconds = 600
    job = world.accept_media(VIDEO)
    for _ in range(2 * MAX_ATTEMPTS):
        run_for(world, 30)
        world.media_backends.error = InternalError(detail="the key could not be read")
        run_for(world, 16)
        world.media_backends.error = None
        world.clock.advance(60)
        world.attempt(world.sweep_jobs.sweep)
    world.run_minutes(60)
    assert world.jobs.jobs[job.key].state is JobState.COMPLETED
    assert len(world.media_backends.orders) == 1


def test_a_message_that_comes_twice_leads_to_no_more_polls() -> None:
    polls = []
    for repeats in (0, 20):
        world = JobWorld()
        world.media_backends.seconds = 300
        job = world.accept_media(VIDEO)
        for _ in range(repeats):
            world.run_job.sender.send(job.key, delay_seconds=30)
        run_for(world, 400)
        polls.append(world.media_backends.calls)
        assert world.jobs.jobs[job.key].state is JobState.COMPLETED
        assert not world.queue.messages
    assert polls[1] <= polls[0] + 2


def test_the_sweeper_sends_the_message_of_a_paused_job_that_was_lost() -> None:
    world = JobWorld()
    job = world.accept_media(VIDEO)
    world.work_off()
    world.queue.messages.clear()
    world.run_minutes(4)
    assert world.jobs.jobs[job.key].state is JobState.COMPLETED


def test_a_job_that_is_cancelled_between_polls_keeps_no_file_and_gives_its_place_to_the_next() -> None:
    world = JobWorld(concurrent_requests=1)
    job, following = world.accept_media(VIDEO), world.accept_media(TEXT)
    run_for(world, 10)
    assert world.manage_jobs.cancel("acme", job.key.id).state is JobState.CANCELLED
    run_for(world, 120)
    assert world.jobs.jobs[following.key].state is JobState.COMPLETED
    assert list(world.results.contents) == following.results()
    assert len(world.usage.requests) == 2


def test_a_failed_order_fails_its_job_for_the_reason_of_the_backend() -> None:
    world = JobWorld()
    job = world.accept_media(VIDEO)
    run_for(world, 10)
    world.media_backends.error = InvalidRequestError("prompt", "the model refused it.")
    run_for(world, 20)
    failed = world.jobs.jobs[job.key]
    assert failed.state is JobState.FAILED
    assert failed.error is not None
    assert (failed.error.code, failed.error.field) == ("invalid_request", "prompt")

"""Everything that jobs need, in memory, with workers that may be killed between any two calls to AWS."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from imagineart.access.admit import RequestLimits
from imagineart.access.consumers import Consumer
from imagineart.access.job_limits import JobLimits
from imagineart.access.limits import Limits
from imagineart.errors import ImagineArtError
from imagineart.images.kinds import PNG
from imagineart.images.model import Image, ImageRequest, ReferenceImage
from imagineart.images.sizes import Size
from imagineart.jobs.accept_job import AcceptJob
from imagineart.jobs.end_job import JobSettlement
from imagineart.jobs.make_images import MakeImages
from imagineart.jobs.make_infographic import MakeInfographic
from imagineart.jobs.make_media import MakeMedia
from imagineart.jobs.manage_jobs import ManageJobs
from imagineart.jobs.model import Job, JobState
from imagineart.jobs.report_job_end import Notice, ReportJobEnd
from imagineart.jobs.run_job import Makes, RunJob
from imagineart.jobs.send_jobs import JobSender, read_message
from imagineart.jobs.sweep_jobs import SweepJobs
from imagineart.media.model import MadeMedia, MediaFile, MediaRequest, Order, TextRequest
from imagineart.outbound.http import OutboundHttp
from imagineart.results.results import Results
from imagineart.safety.check_content import PromptChecker
from tests.fakes.bucket import InMemoryBucket
from tests.fakes.clock import FakeClock
from tests.fakes.consumers import InMemoryConsumers
from tests.fakes.jobs import (
    InMemoryJobs,
    InMemoryPlaces,
    InMemoryQueue,
    InMemorySessions,
    InMemoryWebhooks,
    Message,
)
from tests.fakes.randomness import repeatable_random_below
from tests.fakes.tokens import InMemoryPeppers
from tests.fakes.usage import InMemoryUsage

WORKER_SECONDS = 300.0
SIZE = Size(64, 64)
API = "imagineart"


class KilledError(BaseException):
    """The environment died; nothing of it runs any more."""


@dataclass
class Mortality:
    """Kills whatever runs at the given steps, counted over all calls, each of which is two steps."""

    kill_at: frozenset[int] = frozenset()
    steps: int = 0
    is_dead: bool = False

    def step(self) -> None:
        if not self.is_dead:
            self.is_dead = self.steps in self.kill_at
            self.steps += 1
        if self.is_dead:
            raise KilledError

    def protect(self, target: Any) -> Any:
        """`target`, each of whose calls may be the last one, before its effect or after it."""
        return _Protected(target, self)


@dataclass(frozen=True)
class _Protected:
    target: Any
    mortality: Mortality

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.target, name)

        def call(*args: Any, **options: Any) -> Any:
            self.mortality.step()
            result = method(*args, **options)
            self.mortality.step()
            return result

        return call


@dataclass
class CountingBackends:
    """Backends that make an image of a request, or raise `error`; `during` is called amid each call."""

    mortality: Mortality
    calls: Counter[int] = field(default_factory=Counter)
    """How often each seed was called for."""
    error: ImagineArtError | None = None
    during: Callable[[], object] = lambda: None
    running: int = 0
    most_running: int = 0

    async def generate(self, request: ImageRequest, *, deadline_seconds: float) -> list[Image]:
        self.mortality.step()
        self.calls[request.seed] += 1
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        await asyncio.sleep(0)
        self.running -= 1
        self.during()
        self.mortality.step()
        if self.error:
            raise self.error
        content = b"%d %s" % (request.seed, b"".join(each.content for each in request.references))
        return [Image(content, request.delivered_size, request.seed, "fake", 1.0)]


@dataclass
class CountingMedia:
    """Makes text at once, and all else by orders that are ready after `seconds`; or raises `error`."""

    mortality: Mortality
    clock: FakeClock
    seconds: float = 60.0
    calls: int = 0
    orders: list[str] = field(default_factory=list)
    error: ImagineArtError | None = None

    async def make(
        self, request: MediaRequest, order: Order | None, *, deadline_seconds: float
    ) -> MadeMedia | Order:
        self.mortality.step()
        self.calls += 1
        if self.error:
            raise self.error
        if order is None and not isinstance(request, TextRequest):
            self.orders.append(f"order-{len(self.orders)}")
            self.mortality.step()
            return Order("here", self.orders[-1], self.clock())
        if order is not None and self.clock() - order.ordered_at < self.seconds:
            return order
        self.mortality.step()
        return MadeMedia(MediaFile(request.prompt.encode(), request.media_type, 1.0), "fake", 1.0)


def _notices(job: Job, _: float) -> list[Notice]:
    return [Notice(job.key.id, f"job.{job.state}", json.dumps({"status": str(job.state)}))]


class JobWorld:
    """One deployment and its consumers; workers, sweeper and API share its stores."""

    def __init__(self, *, kill_at: frozenset[int] = frozenset(), **limits: int) -> None:
        self.clock, self.random_below = FakeClock(), repeatable_random_below()
        self.mortality = Mortality(kill_at)
        self.consumers, self.usage = InMemoryConsumers(), InMemoryUsage()
        self.jobs, self.places = InMemoryJobs(), InMemoryPlaces()
        self.bucket, self.results = InMemoryBucket(), InMemoryBucket()
        self.queue, self.webhooks = InMemoryQueue(self.clock), InMemoryWebhooks()
        self.sessions = InMemorySessions()
        self.backends = CountingBackends(self.mortality)
        self.media_backends = CountingMedia(self.mortality, self.clock)
        self.reports: list[str] = []
        self.charge: Callable[[Job, JobState], None] = lambda *_: None
        self.add_consumer("acme", **limits)
        guard = self.mortality.protect
        jobs, places, bucket, queue = map(guard, (self.jobs, self.places, self.bucket, self.queue))
        webhooks = guard(self.webhooks)
        counters = guard(self.consumers)
        self.requests = RequestLimits(counters, self.random_below, self.clock)
        limits_of_jobs = JobLimits(counters, self.random_below, self.clock)
        sender = JobSender(jobs, places, queue, counters.concurrent_requests)
        report = self.reports.append
        job_reports = ReportJobEnd(jobs, webhooks, _notices, guard(self.sessions).push, self.clock)
        settlement = JobSettlement(
            jobs,
            limits_of_jobs,
            guard(self.usage),
            bucket,
            self.results,
            job_reports,
            lambda job, state: self.charge(job, state),
            lambda _: None,
            report,
            self.random_below,
            self.clock,
        )
        results = Results(guard(self.results), InMemoryPeppers(), self.random_below, self.clock)
        self.accept_job = AcceptJob(
            jobs, bucket, sender, limits_of_jobs, self.random_below, self.clock, report
        )
        images = MakeImages(
            jobs,
            bucket,
            results,
            PromptChecker(),
            OutboundHttp(allows_loopback=False),
            lambda _: self.backends,
        )
        media = MakeMedia(jobs, results, sender, lambda _: self.media_backends, self.clock)
        infographics = MakeInfographic(jobs, lambda _: (self.media_backends, 100), images)
        makers: dict[bool, Makes] = {True: images, False: media}
        self.run_job = RunJob(
            jobs, sender, limits_of_jobs, settlement,
            lambda job: infographics if job.layout_model else makers[isinstance(job.request, ImageRequest)],
            self.random_below, self.clock,
        )  # fmt: skip
        self.sweep_jobs = SweepJobs(jobs, places, sender, settlement, job_reports, report, self.clock)
        self.manage_jobs = ManageJobs(API, jobs, bucket, settlement, webhooks, self.random_below, self.clock)

    def add_consumer(
        self, consumer_id: str, *, concurrent_requests: int = 2, images_per_day: int = 5_000
    ) -> None:
        limits = Limits(100_000, concurrent_requests, images_per_day)
        self.consumers.add_consumer(Consumer(consumer_id, limits))

    def accept(
        self,
        consumer_id: str = "acme",
        *,
        count: int = 1,
        references: int = 0,
        webhook_url: str | None = None,
        api: str = API,
        result_life_seconds: int | None = None,
        session_id: str | None = None,
    ) -> Job:
        """A job of `count` images, the seeds of which are its own."""
        admission = self.requests.enter(consumer_id, lease_seconds=None)
        seed = 100 * (1 + len(self.jobs.jobs))
        request = ImageRequest(
            "a boat", SIZE, seed,
            tuple(ReferenceImage(b"reference %d" % each, PNG, SIZE) for each in range(references)),
            count=count,
        )  # fmt: skip
        accepted = self.accept_job.accept(
            admission,
            request,
            api=api,
            model_id="text-to-image",
            resolution="1K",
            result_life_seconds=result_life_seconds,
            webhook_url=webhook_url,
            session_id=session_id,
        )
        job = asyncio.run(accepted)
        self.clock.advance(0.01)
        return job

    def accept_media(self, request: MediaRequest, **options: Any) -> Job:
        """A job of other media than images."""
        admission = self.requests.enter("acme", lease_seconds=None)
        accepted = self.accept_job.accept(
            admission, request, api=API, model_id="media", resolution="", result_life_seconds=60, **options
        )
        return asyncio.run(accepted)

    def attempt(self, act: Callable[[], object]) -> bool:
        """Whether `act` returned; where it was killed, another environment takes over."""
        try:
            act()
        except (KilledError, BaseExceptionGroup):
            self.mortality.is_dead = False
            return False
        except ImagineArtError:
            return False
        return True

    def work(self, message: Message) -> bool:
        """What a worker does with a message, which it deletes where it handled it; whether it did."""
        key = read_message(message.body)

        def run() -> None:
            asyncio.run(self.run_job.run(key, seconds_left=WORKER_SECONDS))

        is_handled = self.attempt(run)
        if is_handled:
            self.queue.delete(message)
        return is_handled

    def work_off(self) -> None:
        """Let workers handle every message that is visible, one after another."""
        while message := self.queue.receive():
            self.work(message)

    def run_minutes(self, minutes: int) -> None:
        """Let time pass with workers, the sweeper and the reader of dead messages."""
        for _ in range(minutes):
            self.work_off()
            self.clock.advance(60)
            self.attempt(self.sweep_jobs.sweep)
            for message in list(self.queue.dead):
                key = read_message(message.body)
                if self.attempt(lambda key=key: self.sweep_jobs.fail_dead(key)):
                    self.queue.dead.remove(message)

    def images_today(self, consumer_id: str = "acme") -> int:
        return self.consumers.standing(consumer_id, int(self.clock())).images_today

"""Generations and credits agree in the end, whatever is killed at whatever step, and whatever races."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from imagineart.accounts.model import Account
from imagineart.credits.change_credits import Credits
from imagineart.credits.model import EntryKind
from imagineart.generations.create_generation import Asked, CreateGeneration
from imagineart.generations.manage_generations import ManageGenerations
from imagineart.generations.model import API, Generation, GenerationType, Order
from imagineart.generations.settle_credits import RepairCredits, SettleCredits
from imagineart.images.model import ImageRequest
from imagineart.images.sizes import Size
from imagineart.jobs.manage_jobs import ManageJobs
from imagineart.jobs.model import Job, JobState
from imagineart.media.model import TextRequest, VideoRequest
from tests.fakes.job_world import JobWorld
from tests.fakes.wallets import InMemoryNumbers, InMemoryWallets

ACCOUNT = Account(7, "ada@example.com", "", 0)
GRANTED, COST = 20, 5
ENOUGH_MINUTES = 10
IMAGE = ImageRequest("a boat", Size(64, 64), 1)
ASKED = {
    GenerationType.IMAGE: Asked(IMAGE, "a", "1K"),
    GenerationType.INFOGRAPHIC: Asked(IMAGE, "a", "1K", layout_model="b"),
    GenerationType.TEXT: Asked(TextRequest("a boat", 100), "a"),
    GenerationType.VIDEO: Asked(VideoRequest("a boat", 4, Size(64, 64), 1), "a"),
}
of_each_type = pytest.mark.parametrize("kind", ASKED)


class GenerationWorld(JobWorld):
    """A deployment whose account has credits, and generates."""

    def __init__(self, kill_at: frozenset[int] = frozenset()) -> None:
        super().__init__(kill_at=kill_at)
        self.add_consumer(ACCOUNT.consumer_id)
        self.wallets = InMemoryWallets()
        Credits(self.wallets, self.clock).grant(ACCOUNT.id, GRANTED, reference="a")
        guard = self.mortality.protect
        self.credits = Credits(guard(self.wallets), self.clock)
        settle = SettleCredits(self.credits)
        self.charge = settle.settle
        self.repair = RepairCredits(self.credits, self.jobs, self.clock)
        numbers = guard(InMemoryNumbers())
        self.create_generation = CreateGeneration(
            numbers, self.credits, self.repair, self.accept_job, self.random_below, self.clock
        )
        jobs = ManageJobs(
            API, self.manage_jobs.jobs, self.manage_jobs.objects, self.manage_jobs.settlement,
            self.manage_jobs.webhooks, self.random_below, self.clock,
        )  # fmt: skip
        self.manage_generations = ManageGenerations(numbers, jobs, settle)

    def create(self, kind: GenerationType) -> Generation:
        admission = self.requests.enter(ACCOUNT.consumer_id, lease_seconds=None)
        order = Order(kind, "a", {}, None, COST)
        return asyncio.run(self.create_generation.create(ACCOUNT, admission, order, ASKED[kind], base_url=""))

    def settle_everything(self) -> None:
        """Let time pass, and look at the balance, as often as something is killed."""
        self.run_minutes(ENOUGH_MINUTES)
        while not self.attempt(lambda: self.repair.repair(ACCOUNT.id, ACCOUNT.consumer_id)):
            pass

    def assert_credits_paid_for_what_was_made(self, delivered: int = 0) -> None:
        """The account paid for each job that completed, and for `delivered` ones that it has deleted."""
        wallet = self.wallets.find(ACCOUNT.id)
        entries = {each.reference: each for each in self.wallets.entries(ACCOUNT.id)}
        completed = {key.id for key, job in self.jobs.jobs.items() if job.state is JobState.COMPLETED}
        taken = {name for name, each in entries.items() if each.kind is EntryKind.TAKEN}
        assert {f"generation#{each}" for each in completed} <= taken
        assert len(taken) == len(completed) + delivered
        assert (wallet.balance, wallet.reservations) == (GRANTED - COST * len(taken), {})
        assert sum(each.amount for each in entries.values()) == wallet.balance

    @property
    def own_jobs(self) -> list[Job]:
        return [job for key, job in self.jobs.jobs.items() if key.consumer_id == ACCOUNT.consumer_id]

    def delete_all(self) -> None:
        """As who calls again after a failure."""
        for name in [str(job.details["id"]) for job in self.own_jobs]:
            for _ in range(2):
                self.attempt(lambda name=name: self.manage_generations.delete(ACCOUNT, name))


def worlds(act: Callable[[GenerationWorld], object]) -> Iterator[GenerationWorld]:
    """A world for each step of what is done, in which that step was the last one of its environment."""
    whole = GenerationWorld()
    act(whole)
    whole.settle_everything()
    for kill_at in range(whole.mortality.steps):
        world = GenerationWorld(frozenset({kill_at}))
        act(world)
        yield world


@of_each_type
def test_a_generation_is_paid_for_if_it_completes_whatever_is_killed(kind: GenerationType) -> None:
    def create_and_run(world: GenerationWorld) -> None:
        world.attempt(lambda: world.create(kind))
        world.run_minutes(2)

    for world in worlds(create_and_run):
        world.settle_everything()
        world.assert_credits_paid_for_what_was_made()
        assert {job.state for job in world.own_jobs} <= {JobState.COMPLETED}
        texts_or_orders = world.media_backends.calls if kind is not GenerationType.VIDEO else 0
        assert texts_or_orders + len(world.media_backends.orders) <= 2
        assert world.backends.calls.total() <= 2


@of_each_type
def test_a_generation_that_is_deleted_while_it_waits_costs_nothing_whatever_is_killed(
    kind: GenerationType,
) -> None:
    def create_and_delete(world: GenerationWorld) -> None:
        world.attempt(lambda: world.create(kind))
        world.delete_all()

    for world in worlds(create_and_delete):
        world.settle_everything()
        world.assert_credits_paid_for_what_was_made()


@of_each_type
def test_an_output_that_was_delivered_is_paid_for_though_it_is_deleted_before_it_is_settled(
    kind: GenerationType,
) -> None:
    """Its account deletes what it sees as completed at once."""
    delivered: list[JobState] = []

    def create_run_and_delete(world: GenerationWorld) -> None:
        world.attempt(lambda: world.create(kind))
        for _ in range(2 if kind is GenerationType.VIDEO else 1):
            world.work_off()
            world.clock.advance(70)
        delivered[:] = [job.state for job in world.own_jobs]
        world.delete_all()

    for world in worlds(create_run_and_delete):
        world.settle_everything()
        world.assert_credits_paid_for_what_was_made(delivered=delivered.count(JobState.COMPLETED))

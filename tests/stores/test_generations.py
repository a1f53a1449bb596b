"""Generations and credits agree in the end, whatever is killed at whatever step, and whatever races."""

import asyncio
from collections.abc import Callable

from imagineart.accounts.model import Account
from imagineart.aws import AwsClients
from imagineart.credits.change_credits import Credits
from imagineart.credits.model import EntryKind
from imagineart.credits.wallet_store import WalletStore
from imagineart.generations.create_generation import CreateGeneration
from imagineart.generations.manage_generations import ManageGenerations
from imagineart.generations.model import API, Generation, GenerationType, Order
from imagineart.generations.number_store import NumberStore
from imagineart.generations.settle_credits import RepairCredits, SettleCredits
from imagineart.images.model import ImageRequest
from imagineart.images.sizes import Size
from imagineart.jobs.manage_jobs import ManageJobs
from imagineart.jobs.model import JobState
from tests.fakes.job_world import JobWorld
from tests.stores.tables import new_table

ACCOUNT = Account(7, "ada@example.com", "", 0)
GRANTED, COST = 20, 5
ENOUGH_MINUTES = 10
ORDER = Order(GenerationType.IMAGE, "seedream", {}, None, COST)
REQUEST = ImageRequest("a boat", Size(64, 64), 1)


class GenerationWorld(JobWorld):
    """A deployment whose account generates; its wallet and ids are in DynamoDB."""

    def __init__(self, aws: AwsClients, kill_at: frozenset[int] = frozenset()) -> None:
        super().__init__(kill_at=kill_at)
        self.add_consumer(ACCOUNT.consumer_id)
        self.wallets = WalletStore(new_table(aws, "CreditsTable"))
        Credits(self.wallets, self.clock).grant(ACCOUNT.id, GRANTED, reference="a")
        guard = self.mortality.protect
        self.credits = Credits(guard(self.wallets), self.clock)
        settle = SettleCredits(self.credits)
        self.charge = settle.settle
        self.repair = RepairCredits(self.credits, self.jobs, self.clock)
        numbers = guard(NumberStore(new_table(aws, "JobsTable")))
        self.create_generation = CreateGeneration(
            numbers, self.credits, self.repair, self.accept_job, self.random_below, self.clock
        )
        jobs = ManageJobs(
            API, self.manage_jobs.jobs, self.manage_jobs.objects, self.manage_jobs.settlement,
            self.manage_jobs.webhooks, self.random_below, self.clock,
        )  # fmt: skip
        self.manage_generations = ManageGenerations(numbers, jobs, settle)

    def create(self) -> Generation:
        admission = self.requests.enter(ACCOUNT.consumer_id, lease_seconds=None)
        created = self.create_generation.create(
            ACCOUNT, admission, ORDER, REQUEST, model_id="text-to-image", resolution="1K", base_url=""
        )
        return asyncio.run(created)

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


def steps_of(world: GenerationWorld, act: Callable[[GenerationWorld], object]) -> int:
    act(world)
    world.settle_everything()
    return world.mortality.steps


def create_and_run(world: GenerationWorld) -> None:
    world.attempt(world.create)
    world.work_off()


def delete_the_newest(world: GenerationWorld) -> bool:
    """Whether it was deleted, as who calls again after each failure learns."""
    jobs = [job for key, job in world.jobs.jobs.items() if key.consumer_id == ACCOUNT.consumer_id]
    deletions = [str(job.details["id"]) for job in jobs]
    return all(
        world.attempt(lambda name=name: world.manage_generations.delete(ACCOUNT, name))
        or world.attempt(lambda name=name: world.manage_generations.delete(ACCOUNT, name))
        for name in deletions
    )


def test_a_generation_that_is_killed_at_any_step_is_paid_for_if_it_completes(moto: AwsClients) -> None:
    for kill_at in range(steps_of(GenerationWorld(moto), create_and_run)):
        world = GenerationWorld(moto, frozenset({kill_at}))
        create_and_run(world)
        world.settle_everything()
        world.assert_credits_paid_for_what_was_made()


def test_a_generation_that_fails_or_waits_and_is_killed_at_any_step_costs_nothing(moto: AwsClients) -> None:
    def create_and_delete(world: GenerationWorld) -> None:
        world.attempt(world.create)
        delete_the_newest(world)

    for kill_at in range(steps_of(GenerationWorld(moto), create_and_delete)):
        world = GenerationWorld(moto, frozenset({kill_at}))
        create_and_delete(world)
        world.settle_everything()
        world.assert_credits_paid_for_what_was_made()


def test_an_output_that_was_delivered_is_paid_for_though_it_is_deleted_before_it_is_settled(
    moto: AwsClients,
) -> None:
    """The worker is killed at any step; its account deletes what it sees as completed at once."""
    for kill_at in range(steps_of(GenerationWorld(moto), create_and_run)):
        world = GenerationWorld(moto, frozenset({kill_at}))
        create_and_run(world)
        seen = [job.state for job in world.jobs.jobs.values()]
        delete_the_newest(world)
        world.settle_everything()
        world.assert_credits_paid_for_what_was_made(delivered=seen.count(JobState.COMPLETED))

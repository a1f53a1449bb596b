"""What an account does with its generations: it finds, lists and deletes them."""

from dataclasses import dataclass
from typing import Final, Protocol

from imagineart.accounts.model import Account
from imagineart.errors import UnknownRequestError
from imagineart.generations.model import Generation, GenerationStatus, GenerationType, generation_of
from imagineart.generations.settle_credits import SettleCredits
from imagineart.jobs.manage_jobs import ManageJobs
from imagineart.jobs.model import JobKey
from imagineart.quoting import shown

MAX_LISTED: Final = 10_000
"""The newest generations of an account that a list can reach."""


class Numbers(Protocol):
    """The ids of generations. See `NumberStore` for what each method does."""

    def find(self, consumer_id: str, generation_id: int) -> JobKey | None: ...

    def free(self, consumer_id: str, generation_id: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Filters:
    """Which generations a list has; None for each."""

    type: GenerationType | None = None
    status: GenerationStatus | None = None
    project_id: str | None = None

    def admit(self, generation: Generation) -> bool:
        """Whether the list has a generation."""
        project = generation.order.project_id
        return (
            self.type in (None, generation.order.type)
            and self.status in (None, generation.status)
            and (self.project_id is None or (project is not None and str(project) == self.project_id))
        )


@dataclass(frozen=True, slots=True)
class ManageGenerations:
    """The generations of all accounts. Every method raises AwsCallError."""

    numbers: Numbers
    jobs: ManageJobs
    credits: SettleCredits

    def find(self, account: Account, generation_id: str) -> Generation:
        """The generation. Raises UnknownRequestError where the account has none of this id."""
        key = self._key(account, generation_id)
        if key is not None:
            try:
                return generation_of(self.jobs.find(account.consumer_id, key.id))
            except UnknownRequestError:
                pass
        raise UnknownRequestError(f"No generation has the id {shown(generation_id)}.")

    def list(
        self, account: Account, filters: Filters, *, skip: int, limit: int
    ) -> tuple[list[Generation], int]:
        """A part of the generations that `filters` admit, the newest first, and how many there are in all."""
        jobs, _ = self.jobs.list_jobs(account.consumer_id, before=None, limit=MAX_LISTED)
        admitted = [each for each in map(generation_of, jobs) if filters.admit(each)]
        return admitted[skip : skip + limit], len(admitted)

    def delete(self, account: Account, generation_id: str) -> None:
        """Delete a generation and its outputs; the credits of one that has not ended come back.

        Raises UnknownRequestError.
        """
        generation = self.find(account, generation_id)
        job = self.jobs.cancel(account.consumer_id, generation.job.key.id)
        # A later settlement finds no job, and so cannot know that its output was delivered.
        self.credits.settle(job, job.state)
        self.jobs.delete(account.consumer_id, job.key.id)
        self.numbers.free(account.consumer_id, generation.id)

    def _key(self, account: Account, generation_id: str) -> JobKey | None:
        is_number = generation_id.isascii() and generation_id.isdigit() and len(generation_id) <= 16
        return self.numbers.find(account.consumer_id, int(generation_id)) if is_number else None

"""An order becomes a generation: it gets an id, its credits are reserved, and its job is accepted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from imagineart.access.admit import Admission
from imagineart.accounts.model import MAX_SAFE_INTEGER, Account
from imagineart.credits.change_credits import Credits
from imagineart.credits.model import InsufficientCreditsError, TooManyReservationsError
from imagineart.errors import ImagineArtError, InternalError
from imagineart.generations.model import API, Generation, Order, generation_of
from imagineart.generations.settle_credits import RepairCredits
from imagineart.images.model import ImageRequest
from imagineart.images.seeds import RandomBelow
from imagineart.jobs.accept_job import AcceptJob
from imagineart.jobs.model import JobKey, create_key
from imagineart.media.model import MediaRequest
from imagineart.results.model import MAX_RESULT_LIFE_SECONDS

_MAX_TRIES: Final = 3


class Numbers(Protocol):
    """The ids of generations. See `NumberStore` for what each method does."""

    def take(self, key: JobKey, generation_id: int) -> bool: ...

    def free(self, consumer_id: str, generation_id: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """What a job is to make; `layout_model` is the id of the model that writes an infographic's prompt."""

    request: ImageRequest | MediaRequest
    model_id: str
    resolution: str = ""
    layout_model: str | None = None


@dataclass(frozen=True, slots=True)
class CreateGeneration:
    """Creates generations."""

    numbers: Numbers
    credits: Credits
    repair: RepairCredits
    accept_job: AcceptJob
    random_below: RandomBelow
    clock: Callable[[], float]

    async def create(
        self,
        account: Account,
        admission: Admission,
        order: Order,
        asked: Asked,
        *,
        base_url: str,
    ) -> Generation:
        """The generation, whose credits are reserved and whose job is kept when this returns.

        Raises InsufficientCreditsError, TooManyReservationsError, LimitReachedError, AwsCallError.
        """
        key = create_key(account.consumer_id, now=self.clock(), random_below=self.random_below)
        self._reserve(account, key, order.credit_cost)
        generation_id: int | None = None
        try:
            generation_id = self._take_number(key)
            job = await self.accept_job.accept(
                admission,
                asked.request,
                api=API,
                model_id=asked.model_id,
                resolution=asked.resolution,
                layout_model=asked.layout_model,
                base_url=base_url,
                result_life_seconds=MAX_RESULT_LIFE_SECONDS,
                details=order.details(generation_id),
                key=key,
            )
        except InternalError:
            # The job may be kept though the response was lost: its credits are settled with it, or repaired.
            raise
        except ImagineArtError:
            self.credits.give_back(account.id, key.id)
            if generation_id is not None:
                self.numbers.free(account.consumer_id, generation_id)
            raise
        return generation_of(job)

    def _reserve(self, account: Account, key: JobKey, amount: int) -> None:
        try:
            self.credits.reserve(account.id, key.id, amount)
        except (InsufficientCreditsError, TooManyReservationsError):
            self.repair.repair(account.id, account.consumer_id)
            self.credits.reserve(account.id, key.id, amount)

    def _take_number(self, key: JobKey) -> int:
        for _ in range(_MAX_TRIES):
            generation_id = 1 + self.random_below(MAX_SAFE_INTEGER)
            if self.numbers.take(key, generation_id):
                return generation_id
        raise InternalError(detail="no random id of a generation was free")

"""What a generation is, and what it costs."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from imagineart.jobs.model import Job, JobState
from imagineart.models.model import Model

API: Final = "imaginelab"
"""What jobs of generations have as their API."""

MAX_GENERATION_ID: Final = 2**53 - 1
"""The largest integer that JavaScript reads exactly."""


class GenerationType(StrEnum):
    """What a generation makes."""

    IMAGE = "image"


CREDIT_COSTS: Final[Mapping[GenerationType, int]] = MappingProxyType({GenerationType.IMAGE: 5})
"""What a generation costs whose model has no price of its own. Source: ImagineLab API, "Credits & Wallet"."""


class GenerationStatus(StrEnum):
    """Where a generation is."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


_STATUSES: Final = MappingProxyType(
    {
        JobState.QUEUED: GenerationStatus.PENDING,
        JobState.PROCESSING: GenerationStatus.PROCESSING,
        JobState.COMPLETED: GenerationStatus.COMPLETED,
        JobState.FAILED: GenerationStatus.FAILED,
        # Only while its deletion goes on.
        JobState.CANCELLED: GenerationStatus.FAILED,
    }
)


@dataclass(frozen=True, slots=True)
class Order:
    """What an account asks for; `model_name` is the name that it gave."""

    type: GenerationType
    model_name: str
    settings: Mapping[str, Any]
    project_id: int | str | None
    credit_cost: int

    def details(self, generation_id: int) -> dict[str, Any]:
        """What the job keeps of it."""
        return {
            "id": generation_id,
            "type": self.type,
            "model_name": self.model_name,
            "settings": dict(self.settings),
            "project_id": self.project_id,
            "credit_cost": self.credit_cost,
        }


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation as its account sees it, over the job that makes it."""

    id: int
    order: Order
    job: Job

    @property
    def status(self) -> GenerationStatus:
        """Where it is."""
        return _STATUSES[self.job.state]

    @property
    def progress(self) -> int:
        """How much of it is finished, in percent."""
        if self.status is GenerationStatus.COMPLETED:
            return 100
        return 100 * len(self.job.images) // (self.job.image_count + 1)


def generation_of(job: Job) -> Generation:
    """The generation that a job makes. Raises LookupError, ValueError for a job of something else."""
    details = job.details
    order = Order(
        GenerationType(details["type"]),
        details["model_name"],
        details["settings"],
        details["project_id"],
        details["credit_cost"],
    )
    return Generation(details["id"], order, job)


def credit_cost(kind: GenerationType, model: Model) -> int:
    """What a generation of a model costs."""
    return CREDIT_COSTS[kind] if model.credits is None else model.credits

"""What a generation is, and what it costs."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from imagineart.jobs.model import Job, JobState
from imagineart.models.model import OfferedModel

API: Final = "imaginelab"
"""What jobs of generations have as their API."""


class GenerationType(StrEnum):
    """What a generation makes; an infographic is an image whose prompt a text model writes first."""

    IMAGE = "image"
    VIDEO = "video"
    VOICE = "voice"
    MUSIC = "music"
    INFOGRAPHIC = "infographic"
    TEXT = "text"


CREDIT_COSTS: Final[Mapping[GenerationType, int]] = MappingProxyType(
    {
        GenerationType.TEXT: 2,
        GenerationType.VOICE: 3,
        GenerationType.IMAGE: 5,
        GenerationType.MUSIC: 8,
        GenerationType.INFOGRAPHIC: 10,
        GenerationType.VIDEO: 15,
    }
)
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


def credit_cost(kind: GenerationType, model: OfferedModel) -> int:
    """What a generation of a model costs."""
    return CREDIT_COSTS[kind] if model.credits is None else model.credits

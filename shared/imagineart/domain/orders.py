"""What is asked of an inference backend, and the finished picture that answers it."""

from dataclasses import dataclass

from imagineart.domain.images import ReferenceImage
from imagineart.domain.pieces import BegunPieces
from imagineart.domain.sizes import Size


@dataclass(frozen=True, slots=True)
class GenerationOrder:
    """A picture to make from text."""

    prompt: str
    size: Size
    seed: int
    reasoning: str


@dataclass(frozen=True, slots=True)
class EditOrder:
    """A picture to make from reference images and an instruction."""

    prompt: str
    size: Size
    seed: int
    references: tuple[ReferenceImage, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A finished picture: a clean PNG of exactly `size` that has begun to arrive, and what made it.

    `seed` is None where the model that made it has none. `backend` is the name of the route that served it,
    and `backend_seconds` how long that took to the first piece, earlier routes included.
    """

    png: BegunPieces
    size: Size
    seed: int | None
    model_id: str
    backend: str
    backend_seconds: float

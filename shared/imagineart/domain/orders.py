"""What callers ask for, what is asked of an inference backend, and the finished picture that answers it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from imagineart.domain.images import ReferenceImage
from imagineart.domain.pieces import BegunPieces
from imagineart.domain.sizes import Size
from imagineart.domain.usage import Usage


@dataclass(frozen=True, slots=True)
class SeriesRequest:
    """What a caller asks of one model: `count` pictures by the text `fields` of the API reference.

    `delivered_as` is set where the pictures are to have another size than the fields say.
    """

    fields: Mapping[str, str]
    delivered_as: Size | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class GenerationOrder:
    """A picture to make from text; `size` is one of the size table.

    What is delivered is scaled and cropped to `delivered_as`, where given.
    """

    prompt: str
    size: Size
    seed: int
    reasoning: str
    delivered_as: Size | None = None

    @property
    def delivered_size(self) -> Size:
        """The size that the caller gets."""
        return self.delivered_as or self.size


@dataclass(frozen=True, slots=True)
class EditOrder:
    """A picture to make from reference images and an instruction; sizes as in `GenerationOrder`."""

    prompt: str
    size: Size
    seed: int
    references: tuple[ReferenceImage, ...]
    delivered_as: Size | None = None

    @property
    def delivered_size(self) -> Size:
        """The size that the caller gets."""
        return self.delivered_as or self.size


@dataclass(frozen=True, slots=True)
class Picture:
    """A finished picture: a clean PNG of exactly `size` that has begun to arrive, and what made it.

    `seed` is None where the model that made it has none. `backend` is the name of the route that served it,
    and `backend_seconds` how long that took to the first piece, earlier routes included. `usage` gives what
    it cost, once `png` was read to its end, or None where the backend does not tell.
    """

    png: BegunPieces
    size: Size
    seed: int | None
    model_id: str
    backend: str
    backend_seconds: float
    usage: Callable[[], Usage | None] = lambda: None

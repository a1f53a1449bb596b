"""The protocol of an inference backend, and the route that leads to one."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias, runtime_checkable

from imagineart.errors import ModelUnavailableError
from imagineart.images.model import ImageRequest, TokenUsage
from imagineart.models.routes import DEFAULT_RETRIES

MAX_IMAGE_BYTES: Final = 32 * 1024 * 1024
MAX_DOCUMENT_BYTES: Final = MAX_IMAGE_BYTES * 4 // 3 + 1024 * 1024
"""An image in base64, and what surrounds it."""


class BackendBusyError(ModelUnavailableError):
    """The inference backend did not start to work, and says when it may."""

    code = "model_error"

    def __init__(self, message: str, *, retry_after_seconds: int, detail: str | None = None) -> None:
        super().__init__(message, detail=detail)
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True)
class GeneratedImage:
    """An image file as a backend returned it, of any format and size.

    `has_seed` is False where the model ignores the request's seed. `usage` is None where it is not reported.
    """

    content: bytes
    has_seed: bool
    usage: TokenUsage | None = None


class ImageBackend(Protocol):
    """A server that makes images."""

    async def generate(self, request: ImageRequest) -> GeneratedImage:
        """One image; from the request's references where it has any, else from its prompt alone.

        The caller bounds the time with `asyncio.timeout` and may cancel. Raises ModelError,
        ModelUnavailableError, RequestRefusedError, ModelAuthError, ModelNotAvailableError, RateLimitedError,
        ModelTimeoutError where the backend itself reports one, and InvalidRequestError where it refuses the
        prompt or a reference under its content policy.
        """


PartialMade: TypeAlias = Callable[[int, bytes], Awaitable[None]]
"""Gets the number of an unfinished image, from 0, and its file, of any format and size."""


@runtime_checkable
class MakesPartialImages(Protocol):
    """A backend that may show an image before it is finished."""

    async def generate_in_steps(self, request: ImageRequest, partial_made: PartialMade) -> GeneratedImage:
        """As `ImageBackend.generate`; up to `partial_images` of the request are given to `partial_made`."""


@dataclass(frozen=True, slots=True)
class Route[BackendT = ImageBackend]:
    """A backend under the `name` that callers see; `attempt_seconds` bounds one attempt.

    Without it, each remaining route gets an equal share of the remaining time.
    """

    name: str
    backend: BackendT
    attempt_seconds: float | None = None
    retries: int = DEFAULT_RETRIES

"""The roles that foreign systems play for the use cases; adapters fill them."""

from collections.abc import Callable
from typing import Protocol

from imagineart.domain.consumers import Consumer
from imagineart.domain.images import ReferenceImage
from imagineart.domain.orders import EditOrder, GenerationOrder
from imagineart.domain.pieces import Pieces
from imagineart.domain.sizes import Size
from imagineart.domain.tokens import Peppers, StoredToken
from imagineart.domain.uploads import UploadRequest
from imagineart.domain.usage import Usage

Clock = Callable[[], float]
"""Unix time in seconds."""


class ImageBackend(Protocol):
    """An inference backend. Its answer is any picture file, of any size, in pieces; see `PictureFinisher`.

    Nothing is asked before the first piece is read. Reading the pieces of either may raise ModelError,
    ModelUnavailableError, ModelAuthError, ModelNotAvailableError, ModelTimeoutError, RateLimitedError, or
    InvalidRequestError where the backend refuses the prompt itself.
    """

    @property
    def has_seed(self) -> bool:
        """Whether the model takes the order's seed, so that the same order gives the same picture."""

    @property
    def usage(self) -> Usage | None:
        """What the latest picture cost, known once it was read to its end; None where nobody tells it."""

    def generate(self, order: GenerationOrder, *, deadline_seconds: float) -> Pieces:
        """A picture made from text."""

    def edit(self, order: EditOrder, *, deadline_seconds: float) -> Pieces:
        """A picture made from references and an instruction."""


class PictureFinisher(Protocol):
    """Turns what a backend answered into the PNG to deliver."""

    def finish(self, answer: Pieces, size: Size) -> Pieces:
        """A clean PNG of exactly `size`. Reading it raises ModelError where `answer` is no usable picture."""


class ReferenceReader(Protocol):
    """Turns an uploaded file into a reference image."""

    def read(self, content: bytes, *, label: str) -> ReferenceImage:
        """The picture in `content`. Raises InvalidImageError, its message beginning with `label`."""


class UploadStorage(Protocol):
    """Where reference images wait that were too large for a request."""

    def grant(self, key: str, *, media_type: str, size_bytes: int, life_seconds: int) -> UploadRequest:
        """How to send a content of exactly this size and type, for a while."""

    def read(self, key: str) -> bytes | None:
        """The content, or None where nothing was uploaded."""


class TokenStore(Protocol):
    """Where stored tokens are found."""

    def find(self, token_id: str) -> StoredToken | None:
        """The stored token, revoked and expired ones too, or None."""

    def has_tokens(self) -> bool:
        """Whether any token was ever put here."""


class TokenRegister(Protocol):
    """Where new tokens are put; the operator's side of a TokenStore."""

    def add_token(self, token: StoredToken) -> None:
        """Keep a new token beside its consumer's earlier ones."""

    def list_tokens(self) -> list[StoredToken]:
        """Every token, revoked and expired ones too."""


class ConsumerRegister(Protocol):
    """The consumers that tokens may be issued to."""

    def add_consumer(self, consumer: Consumer) -> bool:
        """Keep a new consumer; False where the id is taken."""

    def find_consumer(self, consumer_id: str) -> Consumer | None:
        """The consumer, or None."""

    def list_consumers(self) -> list[Consumer]:
        """Every consumer."""


class Revocations(Protocol):
    """The record of ended tokens, read on every request, whichever store holds the token."""

    def revoke(self, token_id: str, *, now: int) -> None:
        """From now on the token is refused, on the very next request."""

    def revoked_at(self, token_id: str) -> int | None:
        """When the token was ended, in Unix seconds, or None."""


class PepperSource(Protocol):
    """Where the peppers are kept."""

    def read(self) -> Peppers:
        """All versions and which is current."""


class RequestCounter(Protocol):
    """Counts requests of a consumer in a window, atomically across every environment."""

    def count(self, consumer_id: str, *, window_start: int) -> int:
        """Count one request; return how many the window holds now, this one included."""

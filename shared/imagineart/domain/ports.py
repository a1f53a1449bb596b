"""The roles that foreign systems play for the use cases; adapters fill them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from imagineart.domain.accounting import AnsweredRequest, UsageRow
from imagineart.domain.consumers import Consumer
from imagineart.domain.images import ReferenceImage
from imagineart.domain.limits import Slot, Standing
from imagineart.domain.observations import ObservedRequest, TokenCensus
from imagineart.domain.orders import EditOrder, GenerationOrder
from imagineart.domain.pieces import Pieces
from imagineart.domain.repeatable_answers import AnswerRecord, Claim
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

    def prepare(self) -> None:
        """Begin to load what finishing may need, and return at once: a backend is about to be asked."""

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

    def set_expiry(self, token: StoredToken, expires_at: int) -> None:
        """Let a token that is here end at that time (Unix seconds), if it does not end sooner."""


class ConsumerRegister(Protocol):
    """The consumers that tokens may be issued to."""

    def add_consumer(self, consumer: Consumer) -> bool:
        """Keep a new consumer; False where the id is taken."""

    def replace_consumer(self, consumer: Consumer) -> bool:
        """Give a consumer other limits and models, from its next request on; False where there is none."""

    def find_consumer(self, consumer_id: str) -> Consumer | None:
        """The consumer, or None."""

    def list_consumers(self) -> list[Consumer]:
        """Every consumer."""


class TokenMarks(Protocol):
    """What is noted of tokens while they are used, whichever store holds the token."""

    def revoke(self, token_id: str, *, now: int) -> None:
        """From now on the token is refused, on the very next request."""

    def note_use(self, token_id: str, *, day: str) -> None:
        """Remember the last day (UTC, ISO form) on which it was used."""


class PepperSource(Protocol):
    """Where the peppers are kept."""

    def read(self) -> Peppers:
        """All versions and which is current, as of some minutes ago at most."""

    def read_anew(self) -> Peppers:
        """The same as of some seconds ago at most, for whoever misses a version."""


class PepperRegister(PepperSource, Protocol):
    """Where peppers are added and taken away; the operator's side of a PepperSource."""

    def change(self, make: Callable[[Peppers], Peppers]) -> None:
        """Replace all peppers by what `make` makes of them; no change of others is ever lost.

        `make` may be called more than once; what it raises ends the change, and nothing is changed.
        """


@dataclass(frozen=True, slots=True)
class Entrance:
    """What a `ConsumerLedger` says to one more request: let in or not, and where the consumer stands.

    `standing` counts the request if it was let in. `past_counters` names what is to be forgotten on leaving.
    """

    admitted: bool
    consumer: Consumer
    standing: Standing
    past_counters: tuple[str, ...] = ()


class ConsumerLedger(Protocol):
    """Counts requests and slots of consumers, atomically across every environment."""

    def enter(
        self, consumer_id: str, *, now: int, slot: Slot | None, counts_request: bool = True
    ) -> Entrance | None:
        """Count one request, with its image and its slot if it takes one, if every limit leaves room.

        One that was counted before only takes its slot and its image. None where no such consumer is
        registered.
        """

    def reserve(
        self, consumer_id: str, *, entered_at: int, slot: Slot, more: int, images_per_day: int
    ) -> Entrance | None:
        """Count `more` images for a request that has its slot, if the day's limit leaves room for all.

        None where no such consumer is registered.
        """

    def leave(
        self,
        consumer_id: str,
        *,
        entered_at: int,
        slot: Slot | None,
        images: int,
        past_counters: Sequence[str],
        reserved: int = 1,
    ) -> None:
        """Give the slot back, and count the `images` that were made in place of those that were reserved.

        Leaving a second time with the same slot changes nothing.
        """

    def drop_slots(self, consumer_id: str, slots: Iterable[Slot]) -> None:
        """Forget slots of requests that never left."""


class UsageLedger(Protocol):
    """The account of every answered request."""

    def count(self, request: AnsweredRequest) -> None:
        """Add one request."""

    def rows(self, consumer_id: str, *, first_day: str, last_day: str) -> list[UsageRow]:
        """What is counted of a consumer from the first to the last day (UTC, ISO form)."""


class AnswerRecords(Protocol):
    """Which keys of consumers have been claimed or answered; every change is atomic."""

    def claim(self, claim: Claim, *, now: float) -> AnswerRecord | None:
        """Claim the key; None where it was free, else the record that is in the way."""

    def find(self, record_id: str, *, now: float) -> AnswerRecord | None:
        """The record, or None where the key is free, as after a lease that ended."""

    def complete(self, claim: Claim, answer: AnswerRecord, *, now: float) -> bool:
        """Keep the answer of the attempt that holds the claim; False where it holds it no longer."""

    def release(self, claim: Claim) -> None:
        """Free the key, if this attempt still holds the claim."""

    def forget(self, record_id: str, answer: AnswerRecord) -> None:
        """Free the key of an answer that can no longer be given."""


class AnswerStorage(Protocol):
    """Where the bodies of answers are kept."""

    def put(self, key: str, content: bytes, *, within_seconds: float) -> None:
        """Keep a body. Raises InternalError where it is not kept in time."""

    def get(self, key: str, *, within_seconds: float) -> bytes | None:
        """The body, or None where there is none. Raises InternalError where it does not come in time."""


class Metrics(Protocol):
    """What the operator watches: numbers over time, of no caller in particular. Nothing here fails."""

    def note_request(self, request: ObservedRequest) -> None:
        """Count a request that was answered, and its time."""

    def note_attempt(self, backend: str, *, failed: bool) -> None:
        """Count an attempt at the backend of a route."""

    def note_unsettled(self) -> None:
        """Count something that failed when the answer was given."""

    def note_tokens(self, census: TokenCensus) -> None:
        """Note how tokens stand today."""

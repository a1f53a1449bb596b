"""An image backend, a reference reader and a picture finisher that handle labelled bytes, not pictures."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from imagineart.domain.errors import ImagineArtError, InvalidImageError
from imagineart.domain.images import PNG, ReferenceImage
from imagineart.domain.orders import EditOrder, GenerationOrder
from imagineart.domain.sizes import Size
from imagineart.use_cases.call_backends import CallBackends, Route
from tests.fakes.metrics import RecordedMetrics

from imagineart.domain.pieces import Piece, Pieces
from imagineart.domain.usage import Usage
from tests.fakes.clock import FakeClock


@dataclass(slots=True)
class PieceSource:
    """Pieces that remember how many were read and whether they were let go; after them, `failure` if any.

    `pieces` begins to count with the first read, as every source does.
    """

    contents: Iterable[Piece]
    failure: BaseException | None = None
    read: int = 0
    closed: bool = False

    def pieces(self) -> Pieces:
        try:
            for content in self.contents:
                self.read += 1
                yield content
            if self.failure:
                raise self.failure
        finally:
            self.closed = True


@dataclass(slots=True)
class FakeImageBackend:
    """An ImageBackend that remembers orders and deadlines, and answers `answer` or raises `failure`.

    As with a real one, nothing happens before the answer is read.
    """

    answer: tuple[bytes, ...] = (b"a ", b"picture")
    failure: ImagineArtError | None = None
    has_seed: bool = True
    usage: Usage | None = None
    orders: list[GenerationOrder | EditOrder] = field(default_factory=list)
    deadlines_seconds: list[float] = field(default_factory=list)
    sources: list[PieceSource] = field(default_factory=list)

    def generate(self, order: GenerationOrder, *, deadline_seconds: float) -> Pieces:
        return self._answer(order, deadline_seconds)

    def edit(self, order: EditOrder, *, deadline_seconds: float) -> Pieces:
        return self._answer(order, deadline_seconds)

    def _answer(self, order: GenerationOrder | EditOrder, deadline_seconds: float) -> Pieces:
        self.orders.append(order)
        self.deadlines_seconds.append(deadline_seconds)
        if self.failure:
            raise self.failure
        self.sources.append(PieceSource(self.answer))
        yield from self.sources[-1].pieces()


@dataclass(slots=True)
class FakeReferenceReader:
    """A ReferenceReader that knows the size of each content it was told of; any other is no picture.

    Reading a picture takes `seconds_a_picture` of its clock.
    """

    sizes: dict[bytes, Size]
    clock: FakeClock = field(default_factory=FakeClock)
    seconds_a_picture: float = 0.0

    def read(self, content: bytes, *, label: str) -> ReferenceImage:
        self.clock.advance(self.seconds_a_picture)
        if content not in self.sizes:
            raise InvalidImageError(label, "the content is text.")
        return ReferenceImage(b"upright " + content, PNG, self.sizes[content])


def only(backend: FakeImageBackend) -> CallBackends:
    """The one backend there is."""
    return CallBackends(
        [Route("fake", backend)],
        FakePictureFinisher(),
        random_fraction=lambda: 0.0,
        note_attempt=RecordedMetrics().note_attempt,
        clock=lambda: 0.0,
    )


class FakePictureFinisher:
    """A PictureFinisher that writes the size behind the content."""

    def __init__(self) -> None:
        self.is_prepared = False

    def prepare(self) -> None:
        self.is_prepared = True

    def finish(self, answer: Pieces, size: Size) -> Pieces:
        yield from answer
        yield b" at %s" % str(size).encode()

"""An image backend, a reference reader and a picture finisher that handle labelled bytes, not pictures."""

from dataclasses import dataclass, field

from imagineart.domain.errors import ImagineArtError, InvalidImageError
from imagineart.domain.images import PNG, ReferenceImage
from imagineart.domain.orders import EditOrder, GenerationOrder
from imagineart.domain.sizes import Size
from tests.fakes.clock import FakeClock


@dataclass(slots=True)
class FakeImageBackend:
    """An ImageBackend that remembers orders and deadlines, and answers `answer` or raises `failure`."""

    answer: bytes = b"a picture"
    failure: ImagineArtError | None = None
    orders: list[GenerationOrder | EditOrder] = field(default_factory=list)
    deadlines_seconds: list[float] = field(default_factory=list)

    async def generate(self, order: GenerationOrder, *, deadline_seconds: float) -> bytes:
        return self._answer(order, deadline_seconds)

    async def edit(self, order: EditOrder, *, deadline_seconds: float) -> bytes:
        return self._answer(order, deadline_seconds)

    def _answer(self, order: GenerationOrder | EditOrder, deadline_seconds: float) -> bytes:
        self.orders.append(order)
        self.deadlines_seconds.append(deadline_seconds)
        if self.failure:
            raise self.failure
        return self.answer


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


class FakePictureFinisher:
    """A PictureFinisher that writes the size beside the content."""

    def finish(self, content: bytes, size: Size) -> bytes:
        return b"%s at %s" % (content, str(size).encode())

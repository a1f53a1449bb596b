"""Several pictures of one order are made one after another, and fail together before the last has begun."""

from dataclasses import dataclass, field

import pytest

from imagineart.domain.errors import ModelError, ModelTimeoutError
from imagineart.domain.orders import GenerationOrder, Picture
from imagineart.domain.pieces import BegunPieces, Pieces
from imagineart.domain.sizes import Size
from imagineart.domain.usage import Usage
from imagineart.use_cases.paint_series import paint_series
from tests.fakes.clock import FakeClock
from tests.fakes.image_making import PieceSource

ORDER = GenerationOrder("a fox", Size(1024, 1024), seed=7, reasoning="low", delivered_as=Size(512, 512))


def held(pieces: Pieces) -> Pieces:
    yield from list(pieces)


@dataclass(slots=True)
class Painter:
    """Paints pictures of three pieces, each in `seconds`, until `failures` say otherwise."""

    clock: FakeClock = field(default_factory=FakeClock)
    seconds: float = 10.0
    begin_failures: dict[int, Exception] = field(default_factory=dict)
    """By the seed whose picture does not begin."""
    read_failures: dict[int, Exception] = field(default_factory=dict)
    """By the seed whose picture breaks off."""
    has_seed: bool = True
    orders: list[GenerationOrder] = field(default_factory=list)
    deadlines_seconds: list[float] = field(default_factory=list)
    sources: list[PieceSource] = field(default_factory=list)

    def __call__(self, order: GenerationOrder, deadline_seconds: float, whole: bool) -> Picture:
        self.orders.append(order)
        self.deadlines_seconds.append(deadline_seconds)
        self.clock.advance(self.seconds)
        if order.seed in self.begin_failures:
            raise self.begin_failures[order.seed]
        text = b"%d" % order.seed
        source = PieceSource([text, memoryview(b", "), text], self.read_failures.get(order.seed))
        self.sources.append(source)
        seed = order.seed if self.has_seed else None
        pieces = held(source.pieces()) if whole else source.pieces()
        return Picture(BegunPieces(pieces), order.delivered_size, seed, "text-to-image", "gpu", 1.5)

    def series(self, count: int, deadline_seconds: float = 60.0) -> tuple[Picture, ...]:
        return paint_series(self, ORDER, count, deadline_seconds, self.clock)


@pytest.fixture
def painter() -> Painter:
    return Painter()


@pytest.mark.parametrize("count", [1, 2, 4])
def test_the_seeds_follow_one_another_and_nothing_else_changes(painter: Painter, count: int) -> None:
    pictures = painter.series(count)
    seeds = [7, 8, 9, 10][:count]
    assert [picture.seed for picture in pictures] == seeds
    assert [b"".join(picture.png) for picture in pictures] == [b"%d, %d" % (seed, seed) for seed in seeds]
    assert {(order.prompt, order.size, order.delivered_size) for order in painter.orders} == {
        ("a fox", Size(1024, 1024), Size(512, 512))
    }
    assert [order.seed for order in painter.orders] == seeds


def test_a_model_without_a_seed_gives_none_to_any_picture(painter: Painter) -> None:
    painter.has_seed = False
    assert [picture.seed for picture in painter.series(3)] == [None, None, None]


def test_all_pictures_share_one_deadline(painter: Painter) -> None:
    painter.series(4, deadline_seconds=25.0)
    assert painter.deadlines_seconds == [25.0, 15.0, 5.0, 0.0]


def test_all_but_the_last_picture_are_held_and_their_sources_let_go(painter: Painter) -> None:
    pictures = painter.series(3)
    assert [(source.read, source.closed) for source in painter.sources] == [
        (3, True), (3, True), (1, False),
    ]  # fmt: skip
    pictures[-1].png.close()
    assert painter.sources[-1].closed


@pytest.mark.parametrize("seed", [7, 8, 9])
def test_a_picture_that_does_not_begin_fails_the_series(painter: Painter, seed: int) -> None:
    painter.begin_failures[seed] = ModelTimeoutError(deadline_seconds=5)
    with pytest.raises(ModelTimeoutError):
        painter.series(3)
    assert len(painter.orders) == seed - 6
    assert all(source.closed for source in painter.sources)


@pytest.mark.parametrize("seed", [7, 8])
def test_an_early_picture_that_breaks_off_fails_the_series(painter: Painter, seed: int) -> None:
    painter.read_failures[seed] = ModelError()
    with pytest.raises(ModelError):
        painter.series(3)
    assert len(painter.orders) == seed - 6


def test_the_last_picture_may_break_off_while_it_is_read(painter: Painter) -> None:
    painter.read_failures[8] = ModelError()
    first, last = painter.series(2)
    assert b"".join(first.png) == b"7, 7"
    with pytest.raises(ModelError):
        b"".join(last.png)


def test_each_picture_keeps_what_it_cost() -> None:
    """A backend knows the cost of its latest picture only."""
    costs = iter([Usage(1, 1, 1), Usage(2, 2, 2), Usage(3, 3, 3)])
    latest: list[Usage] = []

    def paint(order: GenerationOrder, _: float, whole: bool) -> Picture:
        def pieces() -> Pieces:
            yield b"png"
            latest.append(next(costs))

        begun = BegunPieces(held(pieces()) if whole else pieces())
        return Picture(begun, order.size, order.seed, "text-to-image", "gpu", 1.0, lambda: latest[-1])

    pictures = paint_series(paint, ORDER, 3, 60.0)
    list(pictures[-1].png)
    assert [picture.usage() for picture in pictures] == [Usage(1, 1, 1), Usage(2, 2, 2), Usage(3, 3, 3)]

"""Whatever the backend, an order gives the same kind of picture, and says the same of it."""

import io
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

import pytest
from PIL import Image

from imagineart.domain.errors import InternalError
from imagineart.domain.png import verify_png
from imagineart.domain.ports import ImageBackend
from imagineart.domain.sizes import (
    EDIT_ASPECT_RATIOS,
    GENERATION_ASPECT_RATIOS,
    RESOLUTIONS,
    output_size,
)
from tests.conformance.contestant import Asked, Contestant, essence, painted
from tests.conformance.orders import (
    EDIT,
    GENERATION,
    REFERENCES,
    Order,
    answer_to,
    finished,
    resized,
)
from tests.fault_backend import FaultBackend, RecordedRequest


def asked_in_turn(
    contestant: Contestant, server: FaultBackend, backend: ImageBackend, orders: Sequence[Order]
) -> list[tuple[Asked, list[RecordedRequest], bytes]]:
    """What each order asked for, with which requests, and its picture."""
    found = []
    for order in orders:
        before = len(server.requests)
        png = finished(backend, order)
        requests = server.requests[before:]
        found.append((contestant.read(requests), requests, png))
    return found


@pytest.mark.parametrize(
    ("order", "ratios"),
    [(GENERATION, GENERATION_ASPECT_RATIOS), (EDIT, EDIT_ASPECT_RATIOS)],
    ids=["generation", "edit"],
)
def test_every_size_of_the_table_is_made_exactly(
    contestant: Contestant,
    server: FaultBackend,
    backend: ImageBackend,
    order: Order,
    ratios: Sequence[str],
) -> None:
    sizes = [output_size(ratio, resolution) for resolution in RESOLUTIONS for ratio in ratios]
    found = asked_in_turn(contestant, server, backend, [resized(order, size) for size in sizes])
    for size, (asked, _, png) in zip(sizes, found, strict=True):
        verify_png(png)
        with Image.open(io.BytesIO(png)) as picture:
            assert (picture.format, picture.size) == ("PNG", (size.width, size.height))
        if contestant.makes_every_size:
            assert png == painted(asked, size), f"{size}: not the picture that the server made"


def test_the_prompt_arrives_as_it_was_written(
    contestant: Contestant, server: FaultBackend, backend: ImageBackend, order: Order
) -> None:
    ((asked, _, _),) = asked_in_turn(contestant, server, backend, [order])
    assert asked.prompt == order.prompt


def test_the_same_order_is_asked_for_in_the_same_words_and_gives_the_same_picture(
    contestant: Contestant, server: FaultBackend, backend: ImageBackend, order: Order
) -> None:
    first, second = asked_in_turn(contestant, server, backend, [order, order])
    assert first[0] == second[0]
    assert list(map(essence, first[1])) == list(map(essence, second[1]))
    assert first[2] == second[2]


def test_another_seed_is_another_order_where_the_model_has_one_and_else_none_is_sent(
    contestant: Contestant, server: FaultBackend, backend: ImageBackend, order: Order
) -> None:
    seeds = [order.seed, order.seed + 1, 2**63 - 1]
    found = asked_in_turn(contestant, server, backend, [replace(order, seed=seed) for seed in seeds])
    sent = [asked.seed for asked, _, _ in found]
    pictures = {png for _, _, png in found}
    if backend.has_seed:
        assert None not in sent
        assert (len(set(sent)), len(pictures)) == (3, 3)
    else:
        assert sent == [None, None, None]
        assert len({repr(list(map(essence, requests))) for _, requests, _ in found}) == 1


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_references_arrive_whole_and_in_their_order(
    contestant: Contestant, server: FaultBackend, backend: ImageBackend, count: int
) -> None:
    order = replace(EDIT, references=REFERENCES[:count])
    ((asked, _, _),) = asked_in_turn(contestant, server, backend, [order])
    assert asked.references == tuple(map(contestant.arrived, order.references))


def test_other_references_and_another_order_of_them_are_another_order(
    contestant: Contestant, server: FaultBackend, backend: ImageBackend
) -> None:
    orders = [replace(EDIT, references=each) for each in permutations(REFERENCES[:3])]
    found = asked_in_turn(contestant, server, backend, orders)
    assert len({png for _, _, png in found}) == len(orders)


def test_nothing_is_asked_before_the_first_piece_is_read(
    server: FaultBackend, backend: ImageBackend, order: Order
) -> None:
    answer = answer_to(backend, order)
    assert server.connections == 0
    assert next(answer)
    assert server.connections > 0
    answer.close()


def test_the_credential_is_asked_on_every_call(
    contestant: Contestant, server: FaultBackend, order: Order
) -> None:
    credentials = iter(["first-credential", "rotated-credential"])
    with contestant.connect(server.origin, lambda: next(credentials)) as backend:
        first, second = asked_in_turn(contestant, server, backend, [order, order])
    assert [first[0].credential, second[0].credential] == ["first-credential", "rotated-credential"]


def test_a_credential_that_cannot_be_read_is_our_own_failure(
    contestant: Contestant, server: FaultBackend, order: Order
) -> None:
    def unreadable() -> str:
        raise InternalError(detail="no such secret")

    with contestant.connect(server.origin, unreadable) as backend, pytest.raises(InternalError):
        finished(backend, order)
    assert server.requests == []

"""Whatever the backend, it gets the time it was given, and whoever has enough may go."""

import random

import pytest

from imagineart.domain.errors import ModelTimeoutError
from imagineart.domain.ports import ImageBackend
from tests.conformance.contestant import Contestant, plain_png
from tests.conformance.orders import SIZE, Order, answer_to, finished
from tests.fault_backend import Delivery, FaultBackend

A_PICTURE = plain_png(b"\x10\x20\x30", SIZE)
SHORT_SECONDS = 0.05
A_LARGE_FILE = random.Random(0).randbytes(3_000_000)


@pytest.mark.parametrize(
    "delivery",
    [Delivery.HELD, Delivery.HELD_BODY, Delivery.DRIPPED, Delivery.DRIPPED_BODY],
    ids=lambda delivery: delivery.name.lower(),
)
def test_the_deadline_holds_however_slowly_the_server_answers(
    contestant: Contestant, server: FaultBackend, backend: ImageBackend, order: Order, delivery: Delivery
) -> None:
    server.script(contestant.picture(A_PICTURE).delivered(delivery))
    with pytest.raises(ModelTimeoutError):
        finished(backend, order, SHORT_SECONDS)
    assert not server.released.is_set()


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_a_deadline_that_has_passed_is_a_timeout_before_anything_is_asked(
    server: FaultBackend, backend: ImageBackend, order: Order, seconds: float
) -> None:
    with pytest.raises(ModelTimeoutError):
        finished(backend, order, seconds)
    assert server.requests == []


def test_a_server_that_was_late_is_asked_again_like_any_other(
    contestant: Contestant, server: FaultBackend, backend: ImageBackend, order: Order
) -> None:
    server.script(contestant.picture(A_PICTURE).delivered(Delivery.HELD))
    with pytest.raises(ModelTimeoutError):
        finished(backend, order, SHORT_SECONDS)
    server.script(contestant.picture(A_PICTURE))
    assert finished(backend, order) == A_PICTURE


def test_an_answer_that_nobody_reads_to_its_end_is_let_go_and_the_next_call_succeeds(
    contestant: Contestant, server: FaultBackend, backend: ImageBackend, order: Order
) -> None:
    """What is large stays in the connection, where the next call would find it."""
    for _ in range(4):
        server.script(contestant.picture(A_LARGE_FILE))
        answer = answer_to(backend, order)
        assert next(answer)
        answer.close()
        assert list(answer) == []
    server.script(contestant.picture(A_PICTURE))
    assert finished(backend, order) == A_PICTURE

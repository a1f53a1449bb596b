"""Whatever the backend, each of its faults is the same error, which tells callers nothing from inside."""

import socket
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from imagineart.domain.errors import (
    ImagineArtError,
    InvalidRequestError,
    ModelAuthError,
    ModelError,
    ModelNotAvailableError,
    ModelUnavailableError,
    RateLimitedError,
)
from imagineart.domain.ports import ImageBackend
from tests.conformance.conftest import CREDENTIAL
from tests.conformance.contestant import Contestant, Fault, plain_png
from tests.conformance.orders import SIZE, Order, finished
from tests.fault_backend import Answer, Delivery, FaultBackend, page
from tests.sample_pictures import sample

A_PICTURE = plain_png(b"\x10\x20\x30", SIZE)

FAULTS: dict[str, tuple[Callable[[Contestant], Answer], type[ImagineArtError]]] = {
    "throttled": (lambda it: it.refuse(Fault.THROTTLED), RateLimitedError),
    "unauthorised": (lambda it: it.refuse(Fault.UNAUTHORISED), ModelAuthError),
    "unknown model": (lambda it: it.refuse(Fault.UNKNOWN_MODEL), ModelNotAvailableError),
    "overloaded": (lambda it: it.refuse(Fault.OVERLOADED), ModelUnavailableError),
    "failed": (lambda it: it.refuse(Fault.FAILED), ModelError),
    "refused prompt": (lambda it: it.refuse(Fault.REFUSED_PROMPT), InvalidRequestError),
    "no picture": (lambda it: it.refuse(Fault.NO_PICTURE), ModelError),
    "empty picture": (lambda it: it.picture(b""), ModelError),
    "garbage": (lambda it: it.picture(b"no picture at all"), ModelError),
    "half a picture": (lambda it: it.picture(A_PICTURE[: len(A_PICTURE) // 2]), ModelError),
    "foreign picture": (lambda it: it.picture(sample("gif", SIZE.width, SIZE.height)), ModelError),
    "proxy's page": (lambda _: page(502), ModelError),
    "proxy's page as success": (lambda _: page(200), ModelError),
    "nothing": (lambda _: Answer(500), ModelError),
    "deep nonsense": (lambda _: Answer(500, body=b"[" * 100_000), ModelError),
    "redirect": (lambda _: Answer(307, headers={"Location": "http://127.0.0.1/v1"}), ModelError),
    "cut off": (lambda it: it.picture(A_PICTURE).delivered(Delivery.CUT), ModelError),
    "reset": (lambda it: it.picture(A_PICTURE).delivered(Delivery.RESET), ModelError),
}


def failure(backend: ImageBackend, order: Order) -> ImagineArtError:
    """What becomes of an order that fails."""
    with pytest.raises(ImagineArtError) as caught:
        finished(backend, order)
    return caught.value


def assert_nothing_leaks(error: ImagineArtError, contestant: Contestant, origin: str, order: Order) -> None:
    address = urlsplit(origin)
    inner = (address.hostname or "", str(address.port), CREDENTIAL, order.prompt, error.detail)
    for word in (*inner, *contestant.inner_words, "Scripted", "Error", "Errno", "<"):
        assert str(word) not in error.message
    for word in (CREDENTIAL, order.prompt):
        assert word not in (error.detail or "")


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_its_error_that_leaks_nothing_and_leaves_the_next_call_alone(
    contestant: Contestant, server: FaultBackend, backend: ImageBackend, order: Order, fault: str
) -> None:
    answer, expected = FAULTS[fault]
    server.script(answer(contestant))
    error = failure(backend, order)
    assert type(error) is expected, f"{error} ({error.detail})"
    assert error.detail, "the log is told nothing"
    assert_nothing_leaks(error, contestant, server.origin, order)
    server.script()
    assert finished(backend, order)


def test_a_refused_prompt_is_named_as_the_callers_to_mend(
    contestant: Contestant, server: FaultBackend, backend: ImageBackend, order: Order
) -> None:
    server.script(contestant.refuse(Fault.REFUSED_PROMPT))
    assert failure(backend, order).message == "prompt: the model refused it under its content policy."


def test_a_backend_at_its_limit_says_when_to_retry(
    contestant: Contestant, server: FaultBackend, backend: ImageBackend, order: Order
) -> None:
    server.script(contestant.refuse(Fault.THROTTLED))
    error = failure(backend, order)
    assert isinstance(error, RateLimitedError)
    assert 1 <= error.retry_after_seconds <= 3600


def test_a_fault_is_not_asked_about_again(
    contestant: Contestant, server: FaultBackend, backend: ImageBackend, order: Order
) -> None:
    """Retries are the caller's to choose, who knows the deadline and the other backends."""
    server.script(*[contestant.refuse(Fault.OVERLOADED)] * 3)
    failure(backend, order)
    assert len(server.requests) == 1


def test_a_server_that_refuses_connections_did_not_begin_to_work(
    contestant: Contestant, order: Order
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        origin = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with contestant.connect(origin, lambda: CREDENTIAL) as backend:
        error = failure(backend, order)
    assert type(error) is ModelUnavailableError
    assert_nothing_leaks(error, contestant, origin, order)

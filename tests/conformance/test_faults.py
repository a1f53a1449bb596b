"""Whatever the backend, each of its faults is the same error, which shows callers nothing from inside."""

import socket
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from imagineart.backends.http import HttpClient
from imagineart.backends.model import BackendBusyError, ImageBackend
from imagineart.errors import (
    ImagineArtError,
    InvalidRequestError,
    ModelAuthError,
    ModelError,
    ModelNotAvailableError,
    ModelUnavailableError,
    RateLimitedError,
    RequestRefusedError,
)
from imagineart.images.model import ImageRequest
from tests.conformance.conftest import Run
from tests.conformance.requests import SIZE, finished
from tests.conformance.subject import CREDENTIAL, Fault, Subject, plain_png
from tests.fault_backend import Delivery, FaultBackend, Response, page
from tests.sample_images import sample

AN_IMAGE = plain_png(b"\x10\x20\x30", SIZE)

FAULTS: dict[str, tuple[Callable[[Subject], Response], type[ImagineArtError]]] = {
    "throttled": (lambda it: it.refuse(Fault.THROTTLED), RateLimitedError),
    "unauthorised": (lambda it: it.refuse(Fault.UNAUTHORISED), ModelAuthError),
    "cannot pay": (lambda it: it.refuse(Fault.CANNOT_PAY), ModelAuthError),
    "unknown model": (lambda it: it.refuse(Fault.UNKNOWN_MODEL), ModelNotAvailableError),
    "overloaded": (lambda it: it.refuse(Fault.OVERLOADED), BackendBusyError),
    "failed": (lambda it: it.refuse(Fault.FAILED), ModelError),
    "refused prompt": (lambda it: it.refuse(Fault.REFUSED_PROMPT), InvalidRequestError),
    "no image": (lambda it: it.refuse(Fault.NO_IMAGE), RequestRefusedError),
    "empty image": (lambda it: it.image(b""), RequestRefusedError),
    "garbage": (lambda it: it.image(b"not an image"), ModelError),
    "half an image": (lambda it: it.image(AN_IMAGE[: len(AN_IMAGE) // 2]), ModelError),
    "foreign image": (lambda it: it.image(sample("gif", SIZE.width, SIZE.height)), ModelError),
    "proxy's page": (lambda _: page(502), ModelError),
    "proxy's page as success": (lambda _: page(200), ModelError),
    "nothing": (lambda _: Response(500), ModelError),
    "deep nonsense": (lambda _: Response(500, body=b"[" * 100_000), ModelError),
    "redirect": (lambda _: Response(307, headers={"Location": "http://127.0.0.1/v1"}), ModelError),
    "cut off": (lambda it: it.image(AN_IMAGE).delivered(Delivery.CUT), ModelError),
    "reset": (lambda it: it.image(AN_IMAGE).delivered(Delivery.RESET), ModelError),
}


@pytest.fixture
def failure(run: Run):
    """The error of a request that fails."""

    def fail(backend: ImageBackend, request: ImageRequest) -> ImagineArtError:
        with pytest.raises(ImagineArtError) as caught:
            run(finished(backend, request))
        return caught.value

    return fail


def assert_nothing_leaks(
    error: ImagineArtError, subject: Subject, origin: str, request: ImageRequest
) -> None:
    address = urlsplit(origin)
    inner = (address.hostname or "", str(address.port), CREDENTIAL, request.prompt, error.detail)
    for word in (*inner, *subject.inner_words, "Scripted", "Error", "Errno", "<"):
        assert str(word) not in error.message
    for word in (CREDENTIAL, request.prompt):
        assert word not in (error.detail or "")


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_its_error_that_leaks_nothing_and_leaves_the_next_call_alone(
    subject: Subject, server: FaultBackend, backend: ImageBackend, run: Run, failure, request_, fault: str
) -> None:
    response, expected = FAULTS[fault]
    server.script(response(subject))
    error = failure(backend, request_)
    assert type(error) is expected, f"{error} ({error.detail})"
    assert error.detail, "nothing for the log"
    assert_nothing_leaks(error, subject, server.origin, request_)
    assert len(server.requests) == 1, "a retry is for the caller to choose, who knows the deadline"
    server.script()
    assert run(finished(backend, request_))


def test_a_refused_prompt_is_named_as_the_callers_to_change(
    subject: Subject, server: FaultBackend, backend: ImageBackend, failure, request_: ImageRequest
) -> None:
    server.script(subject.refuse(Fault.REFUSED_PROMPT))
    assert failure(backend, request_).message == "prompt: the model refused it under its content policy."


@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.OVERLOADED])
def test_a_backend_that_has_no_room_says_when_to_retry(
    subject: Subject, server: FaultBackend, backend: ImageBackend, failure, request_, fault: Fault
) -> None:
    response = subject.refuse(fault)
    server.script(response)
    seconds = failure(backend, request_).retry_after_seconds
    assert seconds == (7 if "Retry-After" in response.headers else 5)


def test_a_server_that_refuses_connections_did_not_begin_to_work(
    subject: Subject, http: HttpClient, failure, request_: ImageRequest
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        origin = f"http://127.0.0.1:{closed.getsockname()[1]}"
    error = failure(subject.connect(http, origin, lambda: CREDENTIAL), request_)
    assert type(error) is ModelUnavailableError
    assert_nothing_leaks(error, subject, origin, request_)

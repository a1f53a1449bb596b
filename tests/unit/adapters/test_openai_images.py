"""The inference backend over the OpenAI-compatible protocol, on its good days and on its bad ones."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from email.utils import formatdate
from typing import TypeVar

import httpx
import pytest

from imagineart.adapters import openai_images
from imagineart.adapters.openai_images import OpenAiImagesBackend, new_http_client
from imagineart.domain.errors import (
    ImagineArtError,
    InternalError,
    InvalidRequestError,
    ModelAuthError,
    ModelError,
    ModelNotAvailableError,
    ModelTimeoutError,
    RateLimitedError,
)
from imagineart.domain.images import JPEG, PNG, ReferenceImage
from imagineart.domain.orders import EditOrder, GenerationOrder
from imagineart.domain.sizes import Size
from tests.fault_backend import Answer, Delivery, FaultBackend, document, page, picture, raw_picture, refusal
from tests.sample_pictures import sample

SIZE = Size(64, 48)
GENERATION = GenerationOrder("a fox 🦊 at “night”\r\n", SIZE, seed=2**63 - 1, reasoning="high")
EDIT = EditOrder(
    "make it night 🌙",
    SIZE,
    seed=7,
    references=(
        ReferenceImage(b"first\r\n--bytes\xff", PNG, SIZE),
        ReferenceImage(b"second bytes", JPEG, SIZE),
        ReferenceImage(b"", PNG, SIZE),
    ),
)
A_PICTURE = sample("png")
AMPLE_SECONDS = 30.0

T = TypeVar("T")


@pytest.fixture
def server() -> Iterator[FaultBackend]:
    with FaultBackend() as server:
        yield server


def adapter(base_url: str, *, api_key: str | None = "backend-key", transport=None) -> OpenAiImagesBackend:
    http = httpx.AsyncClient(transport=transport, timeout=None) if transport else new_http_client()
    return OpenAiImagesBackend(base_url, "imagine-2", "imagine-2-edit", lambda: api_key, http)


def run(backend: OpenAiImagesBackend, conversation: Callable[[OpenAiImagesBackend], Awaitable[T]]) -> T:
    """The outcome of a conversation with the backend, its connections closed at the end."""

    async def converse() -> T:
        async with backend.http:
            return await conversation(backend)

    return asyncio.run(converse())


def generate(
    server: FaultBackend, *, deadline_seconds: float = AMPLE_SECONDS, api_key: str | None = "backend-key"
) -> bytes:
    return run(
        adapter(server.base_url, api_key=api_key),
        lambda backend: backend.generate(GENERATION, deadline_seconds=deadline_seconds),
    )


def edit(server: FaultBackend) -> bytes:
    return run(adapter(server.base_url), lambda backend: backend.edit(EDIT, deadline_seconds=AMPLE_SECONDS))


def failure(server: FaultBackend, answer: Answer, **options: float) -> ImagineArtError:
    """What becomes of a call that the server answers with `answer`."""
    server.script(answer)
    with pytest.raises(ImagineArtError) as caught:
        generate(server, **options)
    return caught.value


def test_a_generation_carries_the_whole_order(server: FaultBackend) -> None:
    generate(server)
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/v1/images/generations")
    assert request.json == {
        "model": "imagine-2",
        "prompt": GENERATION.prompt,
        "n": 1,
        "size": "64x48",
        "seed": 2**63 - 1,
        "reasoning": "high",
        "response_format": "b64_json",
    }


def test_an_edit_carries_the_whole_order_and_its_references_in_order(server: FaultBackend) -> None:
    edit(server)
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/v1/images/edits")
    assert request.fields == {
        "model": "imagine-2-edit",
        "prompt": EDIT.prompt,
        "n": "1",
        "size": "64x48",
        "seed": "7",
        "response_format": "b64_json",
    }
    assert [(file.name, file.content, file.content_type) for file in request.files] == [
        ("image", b"first\r\n--bytes\xff", "image/png"),
        ("image", b"second bytes", "image/jpeg"),
        ("image", b"", "image/png"),
    ]


def test_the_credential_is_sent_and_asked_for_on_every_call(server: FaultBackend) -> None:
    keys = iter(["first key", "rotated key"])
    backend = OpenAiImagesBackend(server.base_url, "g", "e", lambda: next(keys), new_http_client())

    async def twice(backend: OpenAiImagesBackend) -> None:
        await backend.generate(GENERATION, deadline_seconds=AMPLE_SECONDS)
        await backend.edit(EDIT, deadline_seconds=AMPLE_SECONDS)

    run(backend, twice)
    assert [request.headers["authorization"] for request in server.requests] == [
        "Bearer first key", "Bearer rotated key",
    ]  # fmt: skip


def test_a_backend_that_wants_no_credential_gets_none(server: FaultBackend) -> None:
    generate(server, api_key=None)
    assert "authorization" not in server.requests[0].headers


def test_a_credential_that_cannot_be_read_is_our_own_failure(server: FaultBackend) -> None:
    def unreadable() -> str:
        raise InternalError(detail="no such secret")

    backend = OpenAiImagesBackend(server.base_url, "g", "e", unreadable, new_http_client())
    with pytest.raises(InternalError):
        run(backend, lambda backend: backend.generate(GENERATION, deadline_seconds=AMPLE_SECONDS))
    assert server.requests == []


@pytest.mark.parametrize("ask", [generate, edit])
@pytest.mark.parametrize(
    "answer",
    [
        picture(A_PICTURE),
        raw_picture(A_PICTURE),
        raw_picture(A_PICTURE, "image/png; charset=binary"),
        picture(A_PICTURE).delivered(Delivery.HELD),
        picture(A_PICTURE).delivered(Delivery.DRIPPED),
        raw_picture(A_PICTURE).delivered(Delivery.DRIPPED_BODY),
    ],
    ids=["base64", "raw", "raw with options", "held a while", "dripped", "dripped body"],
)
def test_a_picture_is_taken_however_it_is_delivered(
    server: FaultBackend, ask: Callable[[FaultBackend], bytes], answer: Answer
) -> None:
    server.script(answer)
    server.release()
    assert ask(server) == A_PICTURE


@pytest.mark.parametrize("kind", ["jpeg", "webp"])
def test_other_kinds_of_picture_are_left_to_the_finisher(server: FaultBackend, kind: str) -> None:
    server.script(picture(sample(kind)))
    assert generate(server) == sample(kind)
    server.script(raw_picture(sample(kind), f"image/{kind}"))
    assert generate(server) == sample(kind)


def test_one_connection_serves_many_calls(server: FaultBackend) -> None:
    async def thrice(backend: OpenAiImagesBackend) -> None:
        for _ in range(3):
            await backend.generate(GENERATION, deadline_seconds=AMPLE_SECONDS)

    run(adapter(server.base_url), thrice)
    assert (len(server.requests), server.connections) == (3, 1)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refusal(401, "invalid_api_key"), ModelAuthError),
        (refusal(403), ModelAuthError),
        (page(401), ModelAuthError),
        (refusal(404), ModelNotAvailableError),
        (page(404), ModelNotAvailableError),
        (refusal(400, "model_not_found"), ModelNotAvailableError),
        (refusal(400, "unknown_model"), ModelNotAvailableError),
        (refusal(503, "model_not_available"), ModelNotAvailableError),
        (refusal(429), RateLimitedError),
        (page(429), RateLimitedError),
        (refusal(400, "content_policy_violation"), InvalidRequestError),
        (refusal(400, "moderation_blocked"), InvalidRequestError),
        (refusal(400, "invalid_size"), ModelError),
        (refusal(422), ModelError),
        (refusal(500), ModelError),
        (page(502), ModelError),
        (Answer(503), ModelError),
        (document({"error": "a text"}, 400), ModelError),
        (document({"error": {"code": ["model_not_found"]}}, 400), ModelError),
        (document(["model_not_found"], 400), ModelError),
        (Answer(500, body=b"[" * 100_000), ModelError),
        (refusal(200, "model_not_found"), ModelError),
        (page(), ModelError),
        (Answer(), ModelError),
        (Answer(201, body=picture(A_PICTURE).body), ModelError),
        (Answer(204), ModelError),
        (Answer(body=picture(A_PICTURE).body[:-40]), ModelError),
        (Answer(body=b"[" * 100_000), ModelError),
        (Answer(body=b"\xff\xfe\x00"), ModelError),
        (document(None), ModelError),
        (document({"data": []}), ModelError),
        (document({"data": {}}), ModelError),
        (document({"data": [None]}), ModelError),
        (document({"data": [{"url": "http://127.0.0.1/a.png"}]}), ModelError),
        (document({"data": [{"b64_json": None}]}), ModelError),
        (document({"data": [{"b64_json": 17}]}), ModelError),
        (document({"data": [{"b64_json": "no base64!"}]}), ModelError),
        (document({"data": [{"b64_json": "füchse"}]}), ModelError),
        (document({"data": [{"b64_json": "QUJ"}]}), ModelError),
        (picture(A_PICTURE).delivered(Delivery.CUT), ModelError),
        (raw_picture(A_PICTURE).delivered(Delivery.CUT), ModelError),
        (picture(A_PICTURE).delivered(Delivery.RESET), ModelError),
        (Answer(200, headers={"X-Broken": "a\r\nno header"}), ModelError),
        (Answer(99), ModelError),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else ascii(value.body[:24]),
)
def test_every_bad_answer_becomes_its_error(
    server: FaultBackend, answer: Answer, expected: type[ImagineArtError]
) -> None:
    assert type(failure(server, answer)) is expected


def test_a_refused_prompt_is_the_callers_to_mend(server: FaultBackend) -> None:
    error = failure(server, refusal(400, "content_policy_violation"))
    assert error.message == "prompt: the model refused it under its content policy."


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [({}, 5), ({"Retry-After": "7"}, 7), ({"Retry-After": "0"}, 1), ({"Retry-After": "3600"}, 3600),
     ({"Retry-After": "999999999999999999999"}, 3600), ({"Retry-After": "-3"}, 5),
     ({"Retry-After": "1.5"}, 5), ({"Retry-After": formatdate(2_000_000_000, usegmt=True)}, 5),
     ({"Retry-After": "soon"}, 5),
     ({"Retry-After": "9" * 5000}, 3600), ({"Retry-After": ""}, 5), ({"Retry-After": "²"}, 5)],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_a_backend_at_its_limit_says_when_to_retry_within_reason(
    server: FaultBackend, retry_after: dict[str, str], seconds: int
) -> None:
    error = failure(server, refusal(429, headers=retry_after))
    assert isinstance(error, RateLimitedError)
    assert error.retry_after_seconds == seconds


@pytest.mark.parametrize(
    "answer", [refusal(500, "boom"), page(), document({"data": []}), refusal(401, "key")]
)
def test_what_the_backend_said_is_for_the_log_and_not_for_the_caller(
    server: FaultBackend, answer: Answer
) -> None:
    error = failure(server, answer)
    assert error.detail
    for inner in ("127.0.0.1", "boom", "Scripted", "html", "KeyError", "backend-key"):
        assert inner not in error.message
    assert "backend-key" not in error.detail


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_never_followed(server: FaultBackend, status: int) -> None:
    elsewhere = f"{server.base_url}/elsewhere"
    answer = Answer(status, headers={"Location": elsewhere})
    assert isinstance(failure(server, answer), ModelError)
    assert [request.path for request in server.requests] == ["/v1/images/generations"]


@pytest.mark.parametrize(
    "delivery", [Delivery.HELD, Delivery.DRIPPED, Delivery.DRIPPED_BODY], ids=lambda delivery: delivery.name
)
def test_the_deadline_holds_however_slowly_the_backend_answers(
    server: FaultBackend, delivery: Delivery
) -> None:
    error = failure(server, picture(A_PICTURE).delivered(delivery), deadline_seconds=0.2)
    assert isinstance(error, ModelTimeoutError)


@pytest.mark.parametrize("deadline_seconds", [0.0, -3.0])
def test_a_deadline_that_has_passed_is_a_timeout_at_once(
    server: FaultBackend, deadline_seconds: float
) -> None:
    with pytest.raises(ModelTimeoutError):
        generate(server, deadline_seconds=deadline_seconds)
    assert server.requests == []


def test_a_backend_that_accepts_no_bytes_meets_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        with pytest.raises(ModelTimeoutError):
            run(adapter(url), lambda backend: backend.generate(GENERATION, deadline_seconds=0.2))


def test_a_refused_connection_is_a_model_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
    with pytest.raises(ModelError, match="could not be reached") as caught:
        run(adapter(url), lambda backend: backend.generate(GENERATION, deadline_seconds=AMPLE_SECONDS))
    assert caught.value.detail.startswith("ConnectError")


def test_the_backend_is_reached_again_after_timeouts_cancellations_and_resets(server: FaultBackend) -> None:
    """More ended calls than the pool has places, so that a place lost by each would be noticed."""
    held = picture(A_PICTURE).delivered(Delivery.HELD)

    async def converse(backend: OpenAiImagesBackend) -> bytes:
        for failing in (held, held.delivered(Delivery.DRIPPED_BODY), held.delivered(Delivery.RESET)):
            server.script(*[failing] * 4)
            calls = [backend.generate(GENERATION, deadline_seconds=0.1) for _ in range(4)]
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
            assert {type(outcome) for outcome in outcomes} <= {ModelTimeoutError, ModelError}
        server.script(held)
        asked = len(server.requests)
        cancelled = asyncio.create_task(backend.edit(EDIT, deadline_seconds=AMPLE_SECONDS))
        await asyncio.to_thread(server.wait_for_requests, asked + 1)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        server.script(picture(A_PICTURE))
        return await backend.generate(GENERATION, deadline_seconds=AMPLE_SECONDS)

    limits = httpx.Limits(max_connections=4)
    http = httpx.AsyncClient(timeout=None, limits=limits)
    backend = OpenAiImagesBackend(server.base_url, "g", "e", lambda: None, http)
    assert run(backend, converse) == A_PICTURE


class FailingTransport(httpx.AsyncBaseTransport):
    """A transport that fails as it is told to, before the answer or within it."""

    def __init__(self, failure: Exception, *, within_answer: bool) -> None:
        self._failure = failure
        self._within_answer = within_answer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._within_answer:
            return httpx.Response(200, stream=FailingStream(self._failure))
        raise self._failure


class FailingStream(httpx.AsyncByteStream):
    def __init__(self, failure: Exception) -> None:
        self._failure = failure

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b'{"data": ['
        raise self._failure


HTTPX_FAILURES = [
    each
    for each in vars(httpx).values()
    # A CookieConflict comes only of reading a cookie by name, which nothing here does.
    if isinstance(each, type) and issubclass(each, Exception) and each is not httpx.CookieConflict
]


def test_the_enumeration_of_the_library_finds_its_failures() -> None:
    assert {httpx.ConnectError, httpx.PoolTimeout, httpx.StreamConsumed, httpx.InvalidURL} < set(
        HTTPX_FAILURES
    )


@pytest.mark.parametrize("within_answer", [False, True], ids=["before the answer", "within the answer"])
@pytest.mark.parametrize("failure_class", HTTPX_FAILURES, ids=lambda each: each.__name__)
def test_every_failure_of_the_http_library_is_translated(
    failure_class: type[Exception], within_answer: bool
) -> None:
    transport = FailingTransport(failure_class.__new__(failure_class, "a cause"), within_answer=within_answer)
    expected = ModelTimeoutError if issubclass(failure_class, httpx.TimeoutException) else ModelError
    with pytest.raises(ImagineArtError) as caught:
        run(
            adapter("http://127.0.0.1/v1", transport=transport),
            lambda backend: backend.generate(GENERATION, deadline_seconds=AMPLE_SECONDS),
        )
    assert type(caught.value) is expected


@pytest.mark.parametrize("base_url", ["http://[nonsense/v1", "ftp://127.0.0.1/v1", "http:///v1"])
def test_a_url_that_cannot_be_called_is_a_model_error(base_url: str) -> None:
    with pytest.raises(ModelError):
        run(adapter(base_url), lambda backend: backend.generate(GENERATION, deadline_seconds=AMPLE_SECONDS))


def test_an_endless_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_images, "MAX_ANSWER_BYTES", 1 << 20)

    class EndlessStream(httpx.AsyncByteStream):
        pieces = 0

        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                self.pieces += 1
                yield bytes(1 << 16)

    stream = EndlessStream()
    transport = httpx.MockTransport(lambda request: httpx.Response(200, stream=stream))
    with pytest.raises(ModelError) as caught:
        run(
            adapter("http://127.0.0.1/v1", transport=transport),
            lambda backend: backend.generate(GENERATION, deadline_seconds=AMPLE_SECONDS),
        )
    assert "exceeds" in caught.value.detail
    assert stream.pieces == 17

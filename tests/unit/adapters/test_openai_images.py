"""The inference backend over the OpenAI-compatible protocol, on its good days and on its bad ones."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from email.utils import formatdate
from typing import NoReturn

import pytest

from imagineart.adapters import backend_answers
from imagineart.adapters.deadline_http import Deadline, DeadlineHttpClient
from imagineart.adapters.openai_images import OpenAiImagesBackend
from imagineart.adapters.openai_profiles import PROFILES
from imagineart.domain.errors import (
    ImagineArtError,
    InternalError,
    InvalidRequestError,
    ModelAuthError,
    ModelError,
    ModelNotAvailableError,
    ModelTimeoutError,
    ModelUnavailableError,
    OrderRefusedError,
    RateLimitedError,
)
from imagineart.domain.images import JPEG, PNG, ReferenceImage
from imagineart.domain.orders import EditOrder, GenerationOrder
from imagineart.domain.pieces import Piece
from imagineart.domain.sizes import Size
from imagineart.domain.usage import Usage
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


@pytest.fixture
def server() -> Iterator[FaultBackend]:
    with FaultBackend() as server:
        yield server


@pytest.fixture
def http(server: FaultBackend) -> Iterator[DeadlineHttpClient]:
    with closing(DeadlineHttpClient(server.base_url)) as http:
        yield http


def adapter(http: DeadlineHttpClient, **options: str) -> OpenAiImagesBackend:
    return OpenAiImagesBackend(
        http, PROFILES["openai-compatible"], "imagine-2", lambda: "backend-key", **options
    )


def generate(http: DeadlineHttpClient, deadline_seconds: float = AMPLE_SECONDS) -> bytes:
    return b"".join(adapter(http).generate(GENERATION, deadline_seconds=deadline_seconds))


def edit(http: DeadlineHttpClient) -> bytes:
    return b"".join(adapter(http).edit(EDIT, deadline_seconds=AMPLE_SECONDS))


def failure(server: FaultBackend, answer: Answer, deadline_seconds: float = AMPLE_SECONDS) -> ImagineArtError:
    """What becomes of a call that the server answers with `answer`."""
    server.script(answer)
    with closing(DeadlineHttpClient(server.base_url)) as http, pytest.raises(ImagineArtError) as caught:
        generate(http, deadline_seconds)
    return caught.value


def test_a_generation_carries_the_whole_order(server: FaultBackend, http: DeadlineHttpClient) -> None:
    generate(http)
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


def test_an_edit_carries_the_whole_order_and_its_references_in_order(
    server: FaultBackend, http: DeadlineHttpClient
) -> None:
    edit(http)
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/v1/images/edits")
    assert request.fields == {
        "model": "imagine-2",
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


@pytest.mark.parametrize("response_format", ["b64_json", "png", "url"])
def test_the_configured_form_of_the_answer_is_asked_for(
    server: FaultBackend, http: DeadlineHttpClient, response_format: str
) -> None:
    backend = adapter(http, response_format=response_format)
    list(backend.generate(GENERATION, deadline_seconds=AMPLE_SECONDS))
    list(backend.edit(EDIT, deadline_seconds=AMPLE_SECONDS))
    generation, edit = server.requests
    assert generation.json["response_format"] == edit.fields["response_format"] == response_format


def test_an_answer_is_asked_for_as_it_is(server: FaultBackend, http: DeadlineHttpClient) -> None:
    generate(http)
    assert server.requests[0].headers["accept-encoding"] == "identity"


def test_nothing_is_asked_before_the_answer_is_read(server: FaultBackend, http: DeadlineHttpClient) -> None:
    answer = adapter(http).generate(GENERATION, deadline_seconds=AMPLE_SECONDS)
    assert server.connections == 0
    assert b"".join(answer) == A_PICTURE


def test_the_credential_is_sent_and_asked_for_on_every_call(
    server: FaultBackend, http: DeadlineHttpClient
) -> None:
    keys = iter(["first key", "rotated key"])
    backend = OpenAiImagesBackend(http, PROFILES["openai-compatible"], "g", lambda: next(keys))
    list(backend.generate(GENERATION, deadline_seconds=AMPLE_SECONDS))
    list(backend.edit(EDIT, deadline_seconds=AMPLE_SECONDS))
    assert [request.headers["authorization"] for request in server.requests] == [
        "Bearer first key", "Bearer rotated key",
    ]  # fmt: skip


@pytest.mark.parametrize("api_key", [None, ""])
def test_a_backend_that_wants_no_credential_gets_none(
    server: FaultBackend, http: DeadlineHttpClient, api_key: str | None
) -> None:
    backend = OpenAiImagesBackend(http, PROFILES["openai-compatible"], "g", lambda: api_key)
    list(backend.generate(GENERATION, deadline_seconds=AMPLE_SECONDS))
    assert "authorization" not in server.requests[0].headers


def test_a_credential_that_cannot_be_read_is_our_own_failure(
    server: FaultBackend, http: DeadlineHttpClient
) -> None:
    def unreadable() -> str:
        raise InternalError(detail="no such secret")

    backend = OpenAiImagesBackend(http, PROFILES["openai-compatible"], "g", unreadable)
    with pytest.raises(InternalError):
        list(backend.generate(GENERATION, deadline_seconds=AMPLE_SECONDS))
    assert server.connections == 0


@pytest.mark.parametrize(
    "api_key", ["backend-key\n", "backend-key\r\nX-More: 1", "backend-key\0", "backend-key-ü"], ids=ascii
)
def test_a_credential_that_no_header_can_carry_is_the_operators_to_mend_and_is_not_told(
    server: FaultBackend, http: DeadlineHttpClient, api_key: str
) -> None:
    backend = OpenAiImagesBackend(http, PROFILES["openai-compatible"], "g", lambda: api_key)
    with pytest.raises(ModelAuthError) as caught:
        list(backend.generate(GENERATION, deadline_seconds=AMPLE_SECONDS))
    assert "backend-key" not in f"{caught.value} {caught.value.detail}"
    assert server.requests == []


@pytest.mark.parametrize("ask", [generate, edit])
@pytest.mark.parametrize(
    "answer",
    [
        picture(A_PICTURE),
        raw_picture(A_PICTURE),
        raw_picture(A_PICTURE, "image/png; charset=binary"),
        picture(A_PICTURE).delivered(Delivery.HELD),
        picture(A_PICTURE).delivered(Delivery.HELD_BODY),
        picture(A_PICTURE).delivered(Delivery.DRIPPED),
        raw_picture(A_PICTURE).delivered(Delivery.DRIPPED_BODY),
    ],
    ids=["base64", "raw", "raw with options", "held a while", "half held", "dripped", "dripped body"],
)
def test_a_picture_is_taken_however_it_is_delivered(
    server: FaultBackend,
    http: DeadlineHttpClient,
    ask: Callable[[DeadlineHttpClient], bytes],
    answer: Answer,
) -> None:
    server.script(answer)
    server.release()
    assert ask(http) == A_PICTURE


@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg", "image/webp; q=1"])
def test_the_pictures_own_bytes_flow_while_the_backend_still_holds_the_rest(
    server: FaultBackend, http: DeadlineHttpClient, media_type: str
) -> None:
    content = bytes(range(256)) * 40
    server.script(raw_picture(content, media_type).delivered(Delivery.HELD_BODY))
    answer = adapter(http).generate(GENERATION, deadline_seconds=AMPLE_SECONDS)
    received = b""
    while len(received) < len(content) // 2:
        received += next(answer)
    assert not server.released.is_set()
    assert received == content[: len(content) // 2]
    server.release()
    assert received + b"".join(answer) == content


def test_an_answer_that_nobody_reads_to_its_end_is_let_go_and_the_next_call_succeeds(
    server: FaultBackend, http: DeadlineHttpClient
) -> None:
    backend = adapter(http)
    for _ in range(12):
        server.script(raw_picture(A_PICTURE).delivered(Delivery.HELD_BODY))
        answer = backend.generate(GENERATION, deadline_seconds=AMPLE_SECONDS)
        assert next(answer)
        answer.close()
        assert list(answer) == []
    assert b"".join(backend.edit(EDIT, deadline_seconds=AMPLE_SECONDS)) == A_PICTURE
    assert server.connections == 13


@pytest.mark.parametrize(
    ("delivery", "expected"), [(Delivery.CUT, ModelError), (Delivery.HELD_BODY, ModelTimeoutError)]
)
def test_an_answer_that_breaks_off_fails_after_what_came(
    server: FaultBackend,
    http: DeadlineHttpClient,
    delivery: Delivery,
    expected: type[ImagineArtError],
) -> None:
    server.script(raw_picture(A_PICTURE).delivered(delivery))
    answer = adapter(http).generate(GENERATION, deadline_seconds=0.3)
    received: list[Piece] = []
    with pytest.raises(ImagineArtError) as caught:
        received.extend(answer)
    assert type(caught.value) is expected
    assert b"".join(received) == A_PICTURE[: len(A_PICTURE) // 2]


@pytest.mark.parametrize("kind", ["jpeg", "webp"])
def test_other_kinds_of_picture_are_left_to_the_finisher(
    server: FaultBackend, http: DeadlineHttpClient, kind: str
) -> None:
    server.script(picture(sample(kind)), raw_picture(sample(kind), f"image/{kind}"))
    assert generate(http) == sample(kind)
    assert generate(http) == sample(kind)


def test_one_connection_serves_many_calls(server: FaultBackend, http: DeadlineHttpClient) -> None:
    server.script(picture(A_PICTURE), raw_picture(A_PICTURE), refusal(500), page(404), document({}))
    for _ in range(2):
        generate(http)
    for _ in range(3):
        with pytest.raises(ImagineArtError):
            edit(http)
    generate(http)
    assert (len(server.requests), server.connections) == (6, 1)


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
        (refusal(400, "invalid_size"), OrderRefusedError),
        (refusal(422), OrderRefusedError),
        (refusal(408), ModelError),
        (refusal(409), ModelError),
        (refusal(500), ModelError),
        (page(502), ModelError),
        (Answer(503), ModelUnavailableError),
        (document({"error": "a text"}, 400), OrderRefusedError),
        (document({"error": {"code": ["model_not_found"]}}, 400), OrderRefusedError),
        (document(["model_not_found"], 400), OrderRefusedError),
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
    "delivery",
    [Delivery.HELD, Delivery.HELD_BODY, Delivery.DRIPPED, Delivery.DRIPPED_BODY],
    ids=lambda delivery: delivery.name,
)
def test_the_deadline_holds_however_slowly_the_backend_answers(
    server: FaultBackend, delivery: Delivery
) -> None:
    error = failure(server, picture(A_PICTURE).delivered(delivery), deadline_seconds=0.2)
    assert isinstance(error, ModelTimeoutError)


@pytest.mark.parametrize("deadline_seconds", [0.0, -3.0])
def test_a_deadline_that_has_passed_is_a_timeout_at_once(
    server: FaultBackend, http: DeadlineHttpClient, deadline_seconds: float
) -> None:
    with pytest.raises(ModelTimeoutError):
        generate(http, deadline_seconds)
    assert server.requests == []


def test_a_backend_that_accepts_no_bytes_meets_the_deadline(http: DeadlineHttpClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        with pytest.raises(ModelTimeoutError):
            generate(DeadlineHttpClient(url), deadline_seconds=0.2)


def test_a_refused_connection_is_a_model_error(http: DeadlineHttpClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
    with pytest.raises(ModelUnavailableError, match="could not be reached") as caught:
        generate(DeadlineHttpClient(url))
    assert caught.value.detail.startswith("ConnectionRefusedError")


def test_the_backend_is_reached_again_after_timeouts_and_resets(
    server: FaultBackend, http: DeadlineHttpClient
) -> None:
    """More ended calls than the pool has places, so that a place lost by each would be noticed."""
    held = picture(A_PICTURE).delivered(Delivery.HELD)
    for failing in (held, held.delivered(Delivery.DRIPPED_BODY), held.delivered(Delivery.RESET)):
        for _ in range(12):
            server.script(failing)
            with pytest.raises((ModelTimeoutError, ModelError)):
                generate(http, deadline_seconds=0.05)
    server.script(picture(A_PICTURE))
    assert generate(http) == A_PICTURE


@pytest.mark.parametrize("media_type", ["application/json", "image/png"])
def test_an_endless_answer_is_given_up(
    monkeypatch: pytest.MonkeyPatch, server: FaultBackend, media_type: str
) -> None:
    monkeypatch.setattr(backend_answers, "MAX_ANSWER_BYTES", 1 << 20)
    endless = Answer(200, media_type, bytes(32 << 20)).delivered(Delivery.HELD_BODY)
    error = failure(server, endless)
    assert error.detail is not None
    assert "exceeds 1048576 bytes" in error.detail
    assert not server.released.is_set()


def test_of_an_endless_refusal_only_the_beginning_is_read(server: FaultBackend) -> None:
    endless = Answer(500, body=bytes(32 << 20)).delivered(Delivery.HELD_BODY)
    assert type(failure(server, endless)) is ModelError
    assert not server.released.is_set()


def test_a_picture_as_large_as_an_answer_may_be_is_taken(
    monkeypatch: pytest.MonkeyPatch, server: FaultBackend, http: DeadlineHttpClient
) -> None:
    monkeypatch.setattr(backend_answers, "MAX_ANSWER_BYTES", len(A_PICTURE))
    server.script(raw_picture(A_PICTURE), raw_picture(A_PICTURE + b"x"))
    assert generate(http) == A_PICTURE
    with pytest.raises(ModelError):
        generate(http)


TOLD = {
    "input_tokens": 50, "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
    "output_tokens": 1000, "total_tokens": 1050,
}  # fmt: skip


def telling(usage: object, content: bytes = A_PICTURE) -> Answer:
    """A picture whose document has a `usage`."""
    return document({**json.loads(picture(content).body), "usage": usage})


@pytest.mark.parametrize("before", [{}, {"sizes": []}], ids=["as it arrives", "held whole"])
def test_what_a_picture_cost_is_known_once_it_was_read(
    server: FaultBackend, http: DeadlineHttpClient, before: dict[str, object]
) -> None:
    told = json.loads(telling(TOLD).body)
    server.script(document(before | told))
    backend = adapter(http)
    assert backend.usage is None
    assert b"".join(backend.generate(GENERATION, deadline_seconds=AMPLE_SECONDS)) == A_PICTURE
    assert backend.usage == Usage(10, 40, 1000)


def test_the_cost_of_another_picture_is_never_taken_for_this_ones(
    server: FaultBackend, http: DeadlineHttpClient
) -> None:
    backend = adapter(http)
    for answer in (picture(A_PICTURE), raw_picture(A_PICTURE), refusal(500)):
        server.script(telling(TOLD), answer)
        b"".join(backend.edit(EDIT, deadline_seconds=AMPLE_SECONDS))
        with suppress(ModelError):
            b"".join(backend.edit(EDIT, deadline_seconds=AMPLE_SECONDS))
        assert backend.usage is None


@pytest.mark.parametrize(
    "usage",
    [
        None, 17, [], {}, {"input_tokens": 50, "output_tokens": 1000},
        {**TOLD, "output_tokens": -1}, {**TOLD, "output_tokens": "1000"}, {**TOLD, "output_tokens": True},
        {**TOLD, "input_tokens_details": None}, {**TOLD, "input_tokens_details": {"text_tokens": 1}},
    ],
    ids=ascii,
)  # fmt: skip
def test_a_usage_of_another_shape_is_no_usage(
    server: FaultBackend, http: DeadlineHttpClient, usage: object
) -> None:
    server.script(telling(usage))
    backend = adapter(http)
    assert b"".join(backend.generate(GENERATION, deadline_seconds=AMPLE_SECONDS)) == A_PICTURE
    assert backend.usage is None


def test_the_time_that_reading_the_credential_takes_counts_against_the_deadline() -> None:
    asked_at: list[float] = []

    class RecordingHttp(DeadlineHttpClient):
        def send(self, *_: object, deadline: Deadline, **__: object) -> NoReturn:
            assert deadline.at < asked_at[0] + AMPLE_SECONDS
            raise ModelError(detail="enough seen")

    def read_credential() -> None:
        asked_at.append(time.monotonic())

    backend = OpenAiImagesBackend(
        RecordingHttp("http://127.0.0.1"), PROFILES["openai-compatible"], "g", read_credential
    )
    with pytest.raises(ModelError, match="failed") as caught:
        b"".join(backend.generate(GENERATION, deadline_seconds=AMPLE_SECONDS))
    assert caught.value.detail == "enough seen"

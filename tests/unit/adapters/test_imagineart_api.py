"""Another deployment of this API as the backend: what it is asked, and what its answers mean here."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, NoReturn

import pytest

from imagineart.adapters import backend_answers
from imagineart.adapters.deadline_http import Deadline, DeadlineHttpClient
from imagineart.adapters.imagineart_api import MAX_INLINE_BYTES, ImagineArtApiBackend
from imagineart.adapters.pictures import PillowPictureFinisher
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
from imagineart.domain.parameters import EDIT_PARAMETERS, GENERATION_PARAMETERS
from imagineart.domain.sizes import Size, output_size
from imagineart.use_cases.call_backends import CallBackends, Route
from imagineart.web.errors import STATUS_BY_CODE
from imagineart.web.forms import parse_form
from tests.fakes.metrics import RecordedMetrics
from tests.fault_backend import Answer, Delivery, FaultBackend, RecordedRequest, document, page, raw_picture
from tests.sample_pictures import sample

SIZE = output_size("3:2", "1K")
GENERATION = GenerationOrder("a fox 🦊 at “night”\r\n", SIZE, seed=2**63 - 1, reasoning="high")
SMALL = (
    ReferenceImage(b"first\r\n--bytes\xff", PNG, SIZE),
    ReferenceImage(b"second bytes", JPEG, SIZE),
    ReferenceImage(b"third", PNG, SIZE),
)
EDIT = EditOrder("make it night 🌙", SIZE, seed=7, references=SMALL)
A_PICTURE = sample("png", SIZE.width, SIZE.height)
AMPLE_SECONDS = 30.0
UPLOAD_ID = f"upl_{'0aZ' * 17}"

Ask = Callable[[ImagineArtApiBackend], bytes]


class OtherDeployment(FaultBackend):
    """Grants uploads, takes them, and answers every order with a picture."""

    def paint(self, request: RecordedRequest) -> Answer:
        if request.path == "/v1/uploads":
            number = sum(each.path == "/v1/uploads" for each in self.requests)
            return self.grant(f"{UPLOAD_ID[:-1]}{number}")
        if request.method == "PUT":
            return Answer(200, "", b"")
        return raw_picture(A_PICTURE)

    def grant(self, upload_id: str = UPLOAD_ID, **changes: Any) -> Answer:
        """What POST /v1/uploads answers; storage is another host, as far as HTTP can tell."""
        port = self.origin.rpartition(":")[2]
        answer = {
            "id": upload_id,
            "method": "PUT",
            "url": f"http://localhost:{port}/bucket/{upload_id}?X-Amz-Signature=a%2Fb&x=1",
            "headers": {"Content-Type": "image/png"},
            "expires_at": "2026-11-21T09:00:00+00:00",
        }
        return document(answer | changes)

    def paths(self) -> list[str]:
        """Method and path of every request, in order."""
        return [f"{request.method} {request.path.partition('?')[0]}" for request in self.requests]


@pytest.fixture
def server() -> Iterator[OtherDeployment]:
    with OtherDeployment() as server:
        yield server


@pytest.fixture
def http(server: OtherDeployment) -> Iterator[DeadlineHttpClient]:
    with closing(DeadlineHttpClient(server.base_url)) as http:
        yield http


@pytest.fixture
def backend(http: DeadlineHttpClient) -> ImagineArtApiBackend:
    return ImagineArtApiBackend(http, lambda: "the-token")


def generate(backend: ImagineArtApiBackend, seconds: float = AMPLE_SECONDS) -> bytes:
    return b"".join(backend.generate(GENERATION, deadline_seconds=seconds))


def edit(backend: ImagineArtApiBackend, *references: ReferenceImage, seconds: float = AMPLE_SECONDS) -> bytes:
    order = EditOrder(EDIT.prompt, SIZE, EDIT.seed, references or SMALL)
    return b"".join(backend.edit(order, deadline_seconds=seconds))


def of_bytes(size: int, fill: bytes = b"x") -> ReferenceImage:
    """A reference with a content of `size` bytes."""
    return ReferenceImage(fill * size, JPEG, SIZE)


def envelope(
    code: str, message: str = "Scripted: refusal.", status: int | None = None, **headers: str
) -> Answer:
    """An error of the API under its own status."""
    error = {"code": code, "message": message, "request_id": "6a0b3c-told"}
    body = json.dumps({"error": error}).encode()
    return Answer(status or STATUS_BY_CODE[code], body=body, headers=headers)


def failure(server: FaultBackend, answer: Answer, ask: Ask = generate) -> ImagineArtError:
    """What becomes of a call that the server answers with `answer`."""
    server.script(answer)
    with closing(DeadlineHttpClient(server.base_url)) as http, pytest.raises(ImagineArtError) as caught:
        ask(ImagineArtApiBackend(http, lambda: "the-token"))
    return caught.value


def test_a_generation_is_a_form_of_the_public_contract(
    server: OtherDeployment, backend: ImagineArtApiBackend
) -> None:
    assert generate(backend) == A_PICTURE
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/v1/images/generations")
    form = parse_form(request.headers["content-type"], request.body, GENERATION_PARAMETERS)
    assert form.fields == {
        "prompt": GENERATION.prompt,
        "aspect_ratio": "3:2",
        "resolution": "1K",
        "seed": str(2**63 - 1),
        "reasoning": "high",
    }
    assert request.headers["accept"] == "image/png"
    assert request.headers["accept-encoding"] == "identity"


def test_an_edit_is_a_form_of_the_public_contract_with_its_references_in_order(
    server: OtherDeployment, backend: ImagineArtApiBackend
) -> None:
    assert edit(backend) == A_PICTURE
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/v1/images/edits")
    form = parse_form(request.headers["content-type"], request.body, EDIT_PARAMETERS)
    assert form.fields == {
        "prompt": EDIT.prompt,
        "aspect_ratio": "3:2",
        "resolution": "1K",
        "seed": "7",
    }
    assert form.files == tuple(each.content for each in SMALL)
    assert [file.content_type for file in request.files] == ["image/png", "image/jpeg", "image/png"]


@pytest.mark.parametrize("size", [Size(64, 48), Size(2047, 2048)], ids=str)
def test_a_size_that_the_api_does_not_make_is_not_asked_for(
    server: OtherDeployment, backend: ImagineArtApiBackend, size: Size
) -> None:
    order = GenerationOrder("a fox", size, seed=1, reasoning="low")
    with pytest.raises(ModelNotAvailableError) as caught:
        list(backend.generate(order, deadline_seconds=AMPLE_SECONDS))
    assert str(size) in (caught.value.detail or "")
    assert server.connections == 0


def test_a_ratio_that_edits_do_not_offer_is_not_asked_for(
    server: OtherDeployment, backend: ImagineArtApiBackend
) -> None:
    order = EditOrder("a fox", output_size("1:4", "2K"), 1, SMALL)
    with pytest.raises(ModelNotAvailableError) as caught:
        list(backend.edit(order, deadline_seconds=AMPLE_SECONDS))
    assert "1:4" in (caught.value.detail or "")
    assert server.connections == 0


def test_references_that_fit_together_go_with_the_form(
    server: OtherDeployment, backend: ImagineArtApiBackend
) -> None:
    edit(backend, of_bytes(MAX_INLINE_BYTES - 10), of_bytes(10))
    assert server.paths() == ["POST /v1/images/edits"]
    assert len(server.requests[0].body) < 4_400_000


def test_a_reference_that_is_too_large_is_uploaded_and_named_in_its_place(
    server: OtherDeployment, backend: ImagineArtApiBackend
) -> None:
    large = of_bytes(MAX_INLINE_BYTES, b"L")
    assert edit(backend, SMALL[0], large, SMALL[1]) == A_PICTURE
    asked, put, order = server.requests
    upload_id = f"{UPLOAD_ID[:-1]}1"
    assert server.paths() == ["POST /v1/uploads", f"PUT /bucket/{upload_id}", "POST /v1/images/edits"]
    assert asked.json == {"content_type": "image/jpeg", "size": MAX_INLINE_BYTES}
    assert put.body == large.content
    assert put.path.endswith("?X-Amz-Signature=a%2Fb&x=1")
    assert put.headers["content-type"] == "image/png", "not the headers that were granted"
    form = parse_form(order.headers["content-type"], order.body, EDIT_PARAMETERS)
    assert form.files == (SMALL[0].content, upload_id, SMALL[1].content)


@pytest.mark.parametrize(
    ("sizes", "uploaded"),
    [
        ([MAX_INLINE_BYTES + 1], [0]),
        ([3_000_000, 3_000_000], [0]),
        ([1_000_000, 3_000_000, 500_000], [1]),
        ([3_000_000, 100, 4_000_000, 3_100_000], [2, 3]),
        ([5_000_000, 6_000_000, 5_000_000, 6_000_000], [0, 1, 2, 3]),
    ],
)
def test_as_few_references_as_possible_are_uploaded(
    server: OtherDeployment, backend: ImagineArtApiBackend, sizes: list[int], uploaded: list[int]
) -> None:
    edit(backend, *(of_bytes(size, bytes([position])) for position, size in enumerate(sizes)))
    order = server.requests[-1]
    images = [part for part in order.parts if part.name == "images"]
    assert [position for position, part in enumerate(images) if part.filename is None] == uploaded
    assert [put.body[:1] for put in server.requests if put.method == "PUT"] == [
        bytes([position]) for position in uploaded
    ]
    assert [part.content.decode() for part in images if part.filename is None] == [
        f"{UPLOAD_ID[:-1]}{number}" for number in range(1, len(uploaded) + 1)
    ]
    assert sum(len(part.content) for part in images) <= MAX_INLINE_BYTES


def test_the_storage_never_sees_the_token(server: OtherDeployment, backend: ImagineArtApiBackend) -> None:
    edit(backend, of_bytes(5_000_000))
    tokens = [request.headers.get("authorization") for request in server.requests]
    assert tokens == ["Bearer the-token", None, "Bearer the-token"]


def test_an_upload_that_was_granted_but_cannot_be_followed_is_a_model_error(
    server: OtherDeployment,
) -> None:
    unusable: list[dict[str, Any]] = [
        {"url": "ftp://localhost/a"}, {"url": "/a"}, {"url": "http://"}, {"url": 7}, {"url": "http://[/"},
        {"url": "http://a..b/"}, {"url": "http://localhost:99999/"}, {"url": "http://löcal/"},
        {"url": f"http://{'a' * 64}/"}, {"url": "http://localhost:0/"},
        {"url": server.origin + "/a b"}, {"url": server.origin + "/a\r\nX: y"},
        {"headers": []}, {"headers": {"X-A": 1}}, {"headers": {"X-A": "a\r\nX-B: c"}},
        {"headers": {"X A": "a"}}, {"headers": {"": "a"}}, {"headers": {"X-A": "ü"}},
        {"id": None}, {"id": ""}, {"id": "upl 1"}, {"id": "upl_1\r\n"},
    ]  # fmt: skip
    for changes in unusable:
        error = failure(server, server.grant(**changes), lambda backend: edit(backend, of_bytes(5_000_000)))
        assert type(error) is ModelError, changes
    assert "PUT /a" not in server.paths()


class SecureClient(DeadlineHttpClient):
    """A client that says of its server that it is spoken to over TLS."""

    is_secure = True


@pytest.mark.parametrize(
    "url",
    ["http://storage.example.com/a", "https://127.0.0.1/a", "https://10.0.0.7/a", "https://169.254.169.254/a",
     "https://[::1]/a", "https://localhost/a", "https://LOCALHOST./a", "https://192.168.1.1:8443/a"],
)  # fmt: skip
def test_a_public_deployment_grants_no_upload_inside(server: OtherDeployment, url: str) -> None:
    reached: list[str] = []

    def refuse_to_open(origin: str) -> DeadlineHttpClient:
        reached.append(origin)
        raise ModelError

    http = SecureClient(server.base_url)
    backend = ImagineArtApiBackend(http, lambda: None, open_storage=refuse_to_open)
    server.script(server.grant(url=url))
    with closing(http), pytest.raises(ModelError):
        edit(backend, of_bytes(5_000_000))
    assert reached == []


def test_a_public_deployment_grants_uploads_at_public_hosts(server: OtherDeployment) -> None:
    reached: list[str] = []

    def refuse_to_open(origin: str) -> DeadlineHttpClient:
        reached.append(origin)
        raise ModelError

    http = SecureClient(server.base_url)
    backend = ImagineArtApiBackend(http, lambda: None, open_storage=refuse_to_open)
    server.script(server.grant(url="https://bucket.s3.eu-central-1.amazonaws.com/a"))
    with closing(http), pytest.raises(ModelError):
        edit(backend, of_bytes(5_000_000))
    assert reached == ["https://bucket.s3.eu-central-1.amazonaws.com"]


@pytest.mark.parametrize(
    "answer", [Answer(), document([]), document({}), page(), Answer(body=b"[" * 70_000), Answer(body=b"\xff")]
)
def test_an_answer_that_grants_no_upload_is_a_model_error(server: OtherDeployment, answer: Answer) -> None:
    error = failure(server, answer, lambda backend: edit(backend, of_bytes(5_000_000)))
    assert type(error) is ModelError


def test_a_refused_upload_is_the_error_that_its_envelope_says(server: OtherDeployment) -> None:
    error = failure(
        server, envelope("rate_limited", **{"Retry-After": "9"}), lambda each: edit(each, of_bytes(5_000_000))
    )
    assert isinstance(error, RateLimitedError)
    assert error.retry_after_seconds == 9
    assert server.paths() == ["POST /v1/uploads"]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(Answer(403, "application/xml", b"<Error/>"), ModelError), (Answer(307), ModelError),
     (Answer(delivery=Delivery.RESET), ModelError)],
    ids=["403", "307", "reset"],
)  # fmt: skip
def test_without_its_upload_an_order_is_not_sent(
    server: OtherDeployment,
    backend: ImagineArtApiBackend,
    answer: Answer,
    expected: type[ImagineArtError],
) -> None:
    server.script(server.grant(), answer)
    with pytest.raises(ImagineArtError) as caught:
        edit(backend, of_bytes(5_000_000))
    assert type(caught.value) is expected
    assert server.paths()[2:] == []


def test_a_storage_that_nobody_reaches_is_an_unavailable_model(
    server: OtherDeployment, backend: ImagineArtApiBackend
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}/a"
    server.script(server.grant(url=nowhere))
    with pytest.raises(ModelUnavailableError):
        edit(backend, of_bytes(5_000_000))


@pytest.mark.parametrize("held", [0, 1, 2], ids=["grant", "upload", "order"])
def test_one_deadline_holds_over_uploads_and_order(
    server: OtherDeployment, backend: ImagineArtApiBackend, held: int
) -> None:
    answers = [server.grant(), Answer(), raw_picture(A_PICTURE)]
    answers[held] = answers[held].delivered(Delivery.HELD)
    server.script(*answers)
    with pytest.raises(ModelTimeoutError, match=r"within 0 seconds"):
        edit(backend, of_bytes(5_000_000), seconds=0.4)


def test_time_that_uploads_took_is_not_given_to_the_order_again(
    server: OtherDeployment, backend: ImagineArtApiBackend
) -> None:
    deadlines: list[float] = []

    class RecordingHttp(DeadlineHttpClient):
        def send(self, *args: Any, **options: Any) -> Any:
            deadlines.append(options["deadline"].at)
            return super().send(*args, **options)

    with closing(RecordingHttp(server.base_url)) as http:
        edit(ImagineArtApiBackend(http, lambda: None, RecordingHttp), of_bytes(5_000_000))
    assert len(deadlines) == 3
    assert len(set(deadlines)) == 1


def test_the_time_that_reading_the_credential_takes_counts_against_the_deadline() -> None:
    asked_at: list[float] = []

    class RecordingHttp(DeadlineHttpClient):
        def send(self, *_: object, deadline: Deadline, **__: object) -> NoReturn:
            assert deadline.at < asked_at[0] + AMPLE_SECONDS
            raise ModelError(detail="enough seen")

    def read_credential() -> None:
        asked_at.append(time.monotonic())

    with pytest.raises(ModelError) as caught:
        generate(ImagineArtApiBackend(RecordingHttp("http://127.0.0.1"), read_credential))
    assert caught.value.detail == "enough seen"


def test_nothing_is_asked_before_the_answer_is_read(
    server: OtherDeployment, backend: ImagineArtApiBackend
) -> None:
    generation = backend.generate(GENERATION, deadline_seconds=AMPLE_SECONDS)
    edited = backend.edit(EDIT, deadline_seconds=AMPLE_SECONDS)
    assert server.connections == 0
    assert b"".join(generation) == b"".join(edited) == A_PICTURE


def test_the_credential_is_asked_once_for_every_order(
    server: OtherDeployment, http: DeadlineHttpClient
) -> None:
    keys = iter(["first", "rotated"])
    backend = ImagineArtApiBackend(http, lambda: next(keys))
    generate(backend)
    edit(backend, of_bytes(5_000_000))
    sent = [each.headers["authorization"] for each in server.requests if each.method == "POST"]
    assert sent == ["Bearer first", "Bearer rotated", "Bearer rotated"]


@pytest.mark.parametrize("api_key", [None, ""])
def test_without_a_credential_none_is_sent(
    server: OtherDeployment, http: DeadlineHttpClient, api_key: str | None
) -> None:
    generate(ImagineArtApiBackend(http, lambda: api_key))
    assert "authorization" not in server.requests[0].headers


def test_a_credential_that_no_header_can_carry_is_not_told(
    server: OtherDeployment, http: DeadlineHttpClient
) -> None:
    with pytest.raises(ModelAuthError) as caught:
        generate(ImagineArtApiBackend(http, lambda: "the-token\r\nX: y"))
    assert "the-token" not in f"{caught.value} {caught.value.detail}"
    assert server.connections == 0


def test_a_credential_that_cannot_be_read_is_our_own_failure(http: DeadlineHttpClient) -> None:
    def unreadable() -> str:
        raise InternalError(detail="no such secret")

    with pytest.raises(InternalError):
        generate(ImagineArtApiBackend(http, unreadable))


def test_a_picture_flows_while_the_deployment_still_holds_the_rest(
    server: OtherDeployment, backend: ImagineArtApiBackend
) -> None:
    server.script(raw_picture(A_PICTURE).delivered(Delivery.HELD_BODY))
    answer = backend.generate(GENERATION, deadline_seconds=AMPLE_SECONDS)
    received = b""
    while len(received) < len(A_PICTURE) // 2:
        received += next(answer)
    assert not server.released.is_set()
    server.release()
    assert received + b"".join(answer) == A_PICTURE


@pytest.mark.parametrize("code", sorted(STATUS_BY_CODE))
def test_every_code_of_the_contract_has_its_meaning_here(server: OtherDeployment, code: str) -> None:
    expected = {
        "missing_bearer_token": ModelAuthError,
        "invalid_token": ModelAuthError,
        "model_auth_error": ModelAuthError,
        "no_tokens_configured": ModelAuthError,
        "rate_limited": RateLimitedError,
        "timeout": ModelTimeoutError,
        "model_not_available": ModelNotAvailableError,
        "unknown_request": ModelNotAvailableError,
        "invalid_request": OrderRefusedError,
        "invalid_image": OrderRefusedError,
    }
    error = failure(server, envelope(code))
    assert type(error) is expected.get(code, ModelError)
    assert error.detail == (
        f"the deployment answered {STATUS_BY_CODE[code]} with code '{code}', request 6a0b3c-told"
    )


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (page(401), ModelAuthError),
        (page(403), ModelAuthError),
        (page(404), ModelNotAvailableError),
        (page(429), RateLimitedError),
        (page(503), ModelUnavailableError),
        (envelope("model_error", status=503), ModelUnavailableError),
        (page(500), ModelError),
        (page(502), ModelError),
        (page(504), ModelError),
        (page(), ModelError),
        (page(400), ModelError),
        (Answer(204), ModelError),
        (Answer(301, headers={"Location": "http://127.0.0.1/"}), ModelError),
        (document({"data": []}), ModelError),
        (document({"error": "text"}, 400), ModelError),
        (document({"error": {"code": ["timeout"]}}, 400), ModelError),
        (document({"error": {"code": "timeout\n"}}, 400), ModelError),
        (document({"error": {"code": "invalid_request", "message": 7}}, 400), OrderRefusedError),
        (document(["timeout"], 400), ModelError),
        (Answer(500, body=b"[" * 100_000), ModelError),
        (Answer(401, body=b"x" * 1_000_000), ModelAuthError),
        (raw_picture(A_PICTURE).delivered(Delivery.CUT), ModelError),
        (raw_picture(A_PICTURE).delivered(Delivery.RESET), ModelError),
        (Answer(99), ModelError),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else ascii(value.body[:24]),
)
@pytest.mark.parametrize("ask", [generate, edit])
def test_every_other_bad_answer_becomes_its_error(
    server: OtherDeployment, answer: Answer, expected: type[ImagineArtError], ask: Ask
) -> None:
    assert type(failure(server, answer, ask)) is expected


def test_a_prompt_that_the_far_model_refused_is_the_callers_to_mend(server: OtherDeployment) -> None:
    told = InvalidRequestError("prompt", "the model refused it under its content policy.").message
    error = failure(server, envelope("invalid_request", told))
    assert isinstance(error, InvalidRequestError)
    assert error.message == told
    assert error.detail == (
        "the deployment answered 400 with code 'invalid_request' about prompt, request 6a0b3c-told"
    )


def test_a_refused_reference_is_still_the_callers_to_mend(server: OtherDeployment) -> None:
    told = InvalidRequestError("images", "the model refused a reference image under its content policy.")
    error = failure(server, envelope("invalid_request", told.message))
    assert isinstance(error, InvalidRequestError)
    assert error.message == told.message


@pytest.mark.parametrize(
    ("message", "about"),
    [
        ("prompt: got 4001 characters after trimming; allowed are 1 to 4000 characters.", " about prompt"),
        ("seed: got 'my secret'; its content policy allows integers.", " about seed"),
        ("images[2]: my secret", " about images"),
        ("my secret: my secret", ""),
        ("my secret", ""),
        ("", ""),
    ],
)
@pytest.mark.parametrize("code", ["invalid_request", "invalid_image"])
def test_what_else_the_deployment_refuses_is_a_refused_order_that_names_the_field_alone(
    server: OtherDeployment, code: str, message: str, about: str
) -> None:
    error = failure(server, envelope(code, message))
    assert type(error) is OrderRefusedError
    assert error.detail == f"the deployment answered 400 with code '{code}'{about}, request 6a0b3c-told"
    assert "secret" not in error.message


def test_the_request_is_named_by_its_header_where_there_is_one(server: OtherDeployment) -> None:
    error = failure(server, envelope("internal_error", **{"X-Request-Id": "7f-head"}))
    assert (error.detail or "").endswith("request 7f-head")


@pytest.mark.parametrize("request_id", ["a b", "a" * 65, ""])
def test_an_id_that_is_none_is_not_logged(server: OtherDeployment, request_id: str) -> None:
    error = failure(server, Answer(500, headers={"X-Request-Id": request_id}))
    assert error.detail == "the deployment answered 500 with code None"


def test_a_deployment_whose_own_backend_was_late_says_how_long_it_waited(server: OtherDeployment) -> None:
    error = failure(server, envelope("timeout"))
    assert error.message == "The model did not answer within 0 seconds. Retry."


@pytest.mark.parametrize(("text", "seconds"), [("7", 7), ("0", 1), ("soon", 5), ("", 5), ("99999", 3600)])
def test_a_deployment_at_its_limit_says_when_to_retry(
    server: OtherDeployment, text: str, seconds: int
) -> None:
    error = failure(server, envelope("rate_limited", **{"Retry-After": text}))
    assert isinstance(error, RateLimitedError)
    assert error.retry_after_seconds == seconds


@pytest.mark.parametrize("status", [200, 500])
def test_an_endless_answer_is_given_up(
    monkeypatch: pytest.MonkeyPatch, server: OtherDeployment, status: int
) -> None:
    monkeypatch.setattr(backend_answers, "MAX_ANSWER_BYTES", 1 << 20)
    endless = Answer(status, "image/png", bytes(32 << 20)).delivered(Delivery.HELD_BODY)
    assert type(failure(server, endless)) is ModelError
    assert not server.released.is_set()


def test_one_connection_serves_many_calls(server: OtherDeployment, backend: ImagineArtApiBackend) -> None:
    generate(backend)
    server.script(envelope("internal_error"))
    with pytest.raises(ModelError):
        edit(backend)
    edit(backend)
    assert (len(server.requests), server.connections) == (3, 1)


def test_callers_are_told_of_a_seed_only_where_the_far_model_took_it(
    server: OtherDeployment, backend: ImagineArtApiBackend
) -> None:
    """The deployment may answer one request from a model with a seed and the next from one without."""
    calls = CallBackends(
        [Route("imagineart", backend)],
        PillowPictureFinisher(),
        random_fraction=lambda: 0.0,
        note_attempt=RecordedMetrics().note_attempt,
    )
    without = Answer(200, "image/png", A_PICTURE, {"X-Seed-Supported": "false"})
    server.script(raw_picture(A_PICTURE), without, raw_picture(A_PICTURE))
    seeds = [
        calls.generate(GENERATION, deadline_seconds=AMPLE_SECONDS).deliver(GENERATION, "model").seed
        for _ in range(3)
    ]
    assert seeds == [GENERATION.seed, None, GENERATION.seed]
    assert all(request.fields["seed"] == str(GENERATION.seed) for request in server.requests)

"""An answer is the same whether it is streamed or buffered, and only its way out differs."""

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from imagineart.domain.consumers import Consumer
from imagineart.domain.errors import InvalidRequestError, ModelError, RateLimitedError
from imagineart.domain.limits import Limits
from imagineart.domain.openai_parameters import OPENAI_GENERATION_PARAMETERS
from imagineart.domain.operations import GENERATE_IMAGE, LIST_MODELS
from imagineart.domain.orders import Picture
from imagineart.domain.parameters import UPLOAD_PARAMETERS
from imagineart.domain.pieces import BegunPieces
from imagineart.domain.repeatable_answers import Claim, fingerprint, record_id
from imagineart.domain.sizes import Size
from imagineart.web import answer_request
from imagineart.web.answer_request import Endpoint, Gate
from imagineart.web.calls import PATIENCE_SECONDS, Call
from imagineart.web.forms import Form
from imagineart.web.lambda_entry import LambdaHandler, Runtime, authenticated_handler
from imagineart.web.streaming_entry import StreamingEntry
from lambda_response_streaming import FollowedResponse, StreamedResponse
from tests.fakes.access import Deployment
from tests.fakes.clock import FakeClock
from tests.fakes.image_making import PieceSource
from tests.fakes.metrics import RecordedMetrics

ACME = Consumer("acme", Limits(requests_per_minute=2, concurrent_requests=2))
CONTENTS = (b"\x89PNG", memoryview(b"\0\xff"), b"end")
CONTENT = b"\x89PNG\0\xffend"
NO_FORM = Form({}, ())
CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 285_000)
FUNCTION_ENDS_AT = FakeClock().now + 285


@dataclass(slots=True)
class RecordingLogger:
    """A Logger that remembers its lines."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    exceptions: list[str] = field(default_factory=list)

    def info(self, _: str, **fields: Any) -> None:
        self.lines.append(fields)

    def exception(self, message: str, **_: Any) -> None:
        self.exceptions.append(message)


@dataclass(slots=True)
class Environments:
    """Handlers as Lambda environments hold them: each with its event loop, all closed at the end."""

    loops: set[asyncio.AbstractEventLoop] = field(default_factory=set)

    def start(self, build: Callable[[], LambdaHandler]) -> LambdaHandler:
        # Mangum takes the thread's loop, and makes one only where there was never any.
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        handler = build()
        self.loops |= {loop, asyncio.get_event_loop()}
        return handler

    def end(self) -> None:
        asyncio.set_event_loop(None)
        for loop in self.loops:
            loop.close()


@pytest.fixture
def environments() -> Iterator[Environments]:
    running = Environments()
    yield running
    running.end()


def event(token: str, *, body: str = "", method: str = "POST", **headers: str) -> dict[str, Any]:
    given = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"} | headers
    return {
        "resource": GENERATE_IMAGE.path,
        "path": GENERATE_IMAGE.path,
        "httpMethod": method,
        "headers": given,
        "multiValueHeaders": {name: [value] for name, value in given.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "requestContext": {"requestId": "req-1", "identity": {"sourceIp": "127.0.0.1"}},
        "body": base64.b64encode(body.encode()).decode(),
        "isBase64Encoded": True,
    }


@dataclass(frozen=True, slots=True)
class Answer:
    """What reaches the caller; header names are in lower case."""

    status: int
    headers: dict[str, list[str]]
    body: bytes


def streamed(answer: StreamedResponse) -> Answer:
    """Read from its wire form."""
    prelude, _, body = b"".join(answer.pieces()).partition(bytes(8))
    metadata = json.loads(prelude)
    headers = {name: [value] for name, value in metadata["headers"].items()} | metadata["multiValueHeaders"]
    return Answer(
        metadata["statusCode"], {name.lower(): values for name, values in headers.items()}, body
    )  # fmt: skip


def buffered(answer: dict[str, Any]) -> Answer:
    """Read from a REST proxy answer."""
    headers = {name: [value] for name, value in answer["headers"].items()} | answer["multiValueHeaders"]
    body = base64.b64decode(answer["body"]) if answer["isBase64Encoded"] else answer["body"].encode()
    return Answer(answer["statusCode"], {name.lower(): values for name, values in headers.items()}, body)


@dataclass(slots=True)
class Way:
    """One of the two ways out, over the same endpoint."""

    environments: Environments
    streaming: bool
    logger: RecordingLogger = field(default_factory=RecordingLogger)
    metrics: RecordedMetrics = field(default_factory=RecordedMetrics)
    deployment: Deployment = field(default_factory=lambda: Deployment(ACME))
    token: str = ""

    def handler(self, endpoint: Endpoint) -> LambdaHandler:
        self.deployment = Deployment(ACME)
        self.token = self.deployment.issue_token()
        gate = Gate(
            self.deployment.access,
            self.deployment.settle,
            self.deployment.clock,
            self.logger,  # type: ignore[arg-type]
            self.metrics,
            lambda: self.deployment.answer_once,
        )
        runtime = Runtime(is_extended=self.streaming)
        return self.environments.start(lambda: authenticated_handler(GENERATE_IMAGE, endpoint, gate, runtime))

    def read(self, answer: Any) -> Answer:
        return streamed(answer) if self.streaming else buffered(answer)

    def answer(self, endpoint: Endpoint, **request: str) -> Answer:
        handler = self.handler(endpoint)
        return self.read(handler(event(self.token, **request), CONTEXT))


@pytest.fixture
def ways(environments: Environments) -> tuple[Way, Way]:
    """The streamed way and the buffered way."""
    return Way(environments, streaming=True), Way(environments, streaming=False)


def picture(source: PieceSource) -> Picture:
    return Picture(BegunPieces(source.pieces()), Size(64, 48), 7, "text-to-image", "gpu", 1.5)


async def answer_picture(call: Call) -> Response:
    return call.answer_pictures(NO_FORM, 1, lambda: [picture(PieceSource(CONTENTS))])


async def answer_series(call: Call) -> Response:
    return call.answer_pictures(NO_FORM, 2, lambda: [picture(PieceSource(CONTENTS)) for _ in range(2)])


async def answer_openai_form(call: Call) -> Response:
    series, _ = await call.read_openai_form(OPENAI_GENERATION_PARAMETERS)
    return JSONResponse({"count": series.count, "fields": dict(series.fields)})


async def answer_json(call: Call) -> Response:
    return JSONResponse({"consumer": call.consumer.id, "seconds": call.deadline_seconds})


async def answer_form(call: Call) -> Response:
    return JSONResponse(dict((await call.read_form(UPLOAD_PARAMETERS, accepts_json=True)).fields))


async def answer_cookies(_: Call) -> Response:
    response = Response("füchse", 201, media_type="text/plain")
    for name in ("one", "two"):
        response.set_cookie(name, "x")
    return response


async def answer_nothing(_: Call) -> Response:
    return Response(status_code=204)


async def answer_in_parts(_: Call) -> Response:
    return StreamingResponse(iter(["part ", "by ", "part"]), media_type="text/plain")


async def refuse(_: Call) -> Response:
    raise InvalidRequestError("seed", "got 'x'; allowed is an integer.", detail="for the log")


async def refuse_for_a_while(_: Call) -> Response:
    raise RateLimitedError("The backend is at its limit.", retry_after_seconds=17)


async def break_down(_: Call) -> Response:
    raise ZeroDivisionError("an inner secret")


ENDPOINTS = [
    answer_json, answer_form, answer_cookies, answer_nothing, answer_in_parts, refuse, refuse_for_a_while,
    break_down,
]  # fmt: skip


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: each.__name__)
def test_both_ways_give_the_same_answer_and_the_same_line_in_the_log(
    ways: tuple[Way, Way], endpoint: Endpoint
) -> None:
    body = '{"size": 5}'
    streamed_answer, buffered_answer = (way.answer(endpoint, body=body) for way in ways)
    assert streamed_answer == buffered_answer
    for way in ways:
        (line,) = way.logger.lines
        del line["duration_ms"]
    assert ways[0].logger == ways[1].logger


def test_both_ways_give_the_same_picture(ways: tuple[Way, Way]) -> None:
    """The length alone is known beforehand only where the picture is held whole."""
    streamed_answer, buffered_answer = (way.answer(answer_picture, Accept="image/png") for way in ways)
    assert buffered_answer.headers.pop("content-length") == [str(len(CONTENT))]
    assert streamed_answer == buffered_answer
    assert (streamed_answer.status, streamed_answer.body) == (200, CONTENT)
    assert streamed_answer.headers == {
        "content-type": ["image/png"], "x-seed": ["7"], "x-model": ["text-to-image"], "x-backend": ["gpu"],
        "x-image-width": ["64"], "x-image-height": ["48"], "x-request-id": ["req-1"],
        "x-ratelimit-resource": ["requests_per_minute"],
        "x-ratelimit-limit": ["2"], "x-ratelimit-remaining": ["1"], "x-ratelimit-reset": ["1800000060"],
    }  # fmt: skip


def test_both_ways_give_the_same_pictures_inside_json(ways: tuple[Way, Way]) -> None:
    streamed_answer, buffered_answer = (way.answer(answer_series) for way in ways)
    assert buffered_answer.headers.pop("content-length") == [str(len(buffered_answer.body))]
    assert streamed_answer == buffered_answer
    assert json.loads(streamed_answer.body) == {
        "created": 1_800_000_000,
        "output_format": "png",
        "size": "64x48",
        "data": [{"seed": 7, "b64_json": base64.b64encode(CONTENT).decode()}] * 2,
    }
    assert streamed_answer.headers == {
        "content-type": ["application/json"], "x-seed": ["7"], "x-model": ["text-to-image"],
        "x-backend": ["gpu"], "x-image-width": ["64"], "x-image-height": ["48"], "x-request-id": ["req-1"],
        "x-ratelimit-resource": ["requests_per_minute"],
        "x-ratelimit-limit": ["2"], "x-ratelimit-remaining": ["1"], "x-ratelimit-reset": ["1800000060"],
    }  # fmt: skip


FORM = "multipart/form-data; boundary=b"
READ_AS = [
    (FORM, None, "the reference's form, answered with a PNG"),
    (FORM, "*/*", "the reference's form, answered with a PNG"),
    (FORM, "image/png", "the reference's form, answered with a PNG"),
    (FORM, "application/json, text/plain, */*", "the reference's form, answered with a PNG"),
    (FORM, "application/json;q=0.8, image/png", "the reference's form, answered with a PNG"),
    ("application/x-www-form-urlencoded", "*/*", "the reference's form, answered with a PNG"),
    (FORM, "application/json", "OpenAI's words, answered with JSON"),
    ("application/x-www-form-urlencoded", "application/json", "OpenAI's words, answered with JSON"),
    ("application/json", None, "OpenAI's words, answered with JSON"),
    ("application/json", "*/*", "OpenAI's words, answered with JSON"),
    ("application/json", "application/json", "OpenAI's words, answered with JSON"),
    ("application/json", "image/png", "OpenAI's words, answered with a PNG"),
    ("application/json", "image/png, application/json;q=0.5", "OpenAI's words, answered with a PNG"),
]


@pytest.mark.parametrize(("content_type", "accept", "expected"), READ_AS)
def test_body_and_accept_tell_whose_words_are_spoken_and_what_the_answer_is(
    ways: tuple[Way, Way], content_type: str, accept: str | None, expected: str
) -> None:
    spoken: list[str] = []

    async def answer_either(call: Call) -> Response:
        spoken.append("the reference's form" if call.is_reference_form else "OpenAI's words")
        made = picture(PieceSource(CONTENTS))
        return call.answer_pictures(NO_FORM, 1, lambda: [made])

    headers = {"Content-Type": content_type} | ({} if accept is None else {"Accept": accept})
    for way in ways:
        answer = way.answer(answer_either, **headers)
        media = {"image/png": "a PNG", "application/json": "JSON"}[answer.headers["content-type"][0]]
        assert f"{spoken[-1]}, answered with {media}" == expected
        assert (answer.body == CONTENT) == (media == "a PNG")


def test_several_accept_headers_are_one_list(ways: tuple[Way, Way]) -> None:
    for way in ways:
        handler = way.handler(answer_series)
        asked = event(way.token)
        asked["multiValueHeaders"]["Accept"] = ["text/html", "image/png"]
        assert way.read(handler(asked, CONTEXT)).headers["content-type"] == ["image/png"]


@pytest.mark.parametrize("count", [2, 4])
def test_several_pictures_cannot_be_one_png(ways: tuple[Way, Way], count: int) -> None:
    for way in ways:
        refused = way.answer(answer_openai_form, body=f'{{"prompt": "x", "n": {count}}}', Accept="image/png")
        assert refused.status == 400
        assert json.loads(refused.body)["error"]["message"] == (
            f"n: got {count}; allowed is 1 where Accept prefers image/png to application/json."
        )
        taken = way.answer(answer_openai_form, body=f'{{"prompt": "x", "n": {count}}}')
        assert json.loads(taken.body) == {"count": count, "fields": {"prompt": "x"}}


def test_every_value_of_a_header_is_sent(ways: tuple[Way, Way]) -> None:
    for way in ways:
        cookies = way.answer(answer_cookies).headers["set-cookie"]
        assert [cookie.partition("=")[0] for cookie in cookies] == ["one", "two"]


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ({"Authorization": ""}, 401, "missing_bearer_token"),
        ({"Authorization": "Bearer x"}, 401, "invalid_token"),
        ({"method": "GET"}, 404, "unknown_request"),
    ],
)
def test_a_request_that_reaches_no_endpoint_is_refused_the_same_on_both_ways(
    ways: tuple[Way, Way], request_: dict[str, str], status: int, code: str
) -> None:
    streamed_answer, buffered_answer = (way.answer(break_down, **request_) for way in ways)
    assert streamed_answer == buffered_answer
    assert streamed_answer.status == status
    error = json.loads(streamed_answer.body)["error"]
    assert (error["code"], error["request_id"]) == (code, "req-1")


def test_an_environment_answers_one_request_after_another_on_both_ways(ways: tuple[Way, Way]) -> None:
    for way in ways:
        handler = way.handler(answer_picture)
        answers = [way.read(handler(event(way.token), CONTEXT)) for _ in range(3)]
        assert [answer.status for answer in answers] == [200, 200, 429]
        assert answers[2].headers["retry-after"] == ["60"]


def test_a_form_that_cannot_be_answered_as_it_was_sent_is_still_refused(ways: tuple[Way, Way]) -> None:
    for way in ways:
        answer = way.answer(answer_form, body='{"\\ud800": 5}')
        assert answer.status == 400
        assert "got the unknown field '\\ud800'" in json.loads(answer.body)["error"]["message"]


def test_the_backend_has_the_functions_time_less_what_is_reserved(ways: tuple[Way, Way]) -> None:
    for way in ways:
        assert json.loads(way.answer(answer_json).body) == {"consumer": "acme", "seconds": 280.0}


# The line in the log


def picture_line(logger: RecordingLogger) -> dict[str, Any]:
    (line,) = logger.lines
    return {name: line[name] for name in line if name not in ("token_id", "duration_ms")}


PICTURE_LINE = {
    "request_id": "req-1", "method": "POST", "path": "/v1/images/generations", "consumer": "acme",
    "model": "text-to-image", "seed": 7, "size": "64x48", "backend": "gpu", "backend_ms": 1500,
    "outcome": "ok", "status": 200,
}  # fmt: skip
CUT_OFF_LINE = PICTURE_LINE | {"complete": False, "outcome": "cut_off"}


def test_pictures_inside_json_are_logged_with_their_own_bytes_and_their_number(ways: tuple[Way, Way]) -> None:
    streaming, buffering = ways
    for way in ways:
        way.answer(answer_series)
    told = PICTURE_LINE | {"pictures": 2, "backend_ms": 3000, "image_bytes": 2 * len(CONTENT)}
    assert picture_line(buffering.logger) == told
    assert picture_line(streaming.logger) == told | {"complete": True}


def test_pictures_inside_json_whose_reader_hangs_up_let_their_sources_go(ways: tuple[Way, Way]) -> None:
    way, _ = ways
    source = PieceSource(CONTENTS)

    async def answer_watched(call: Call) -> Response:
        return call.answer_pictures(NO_FORM, 1, lambda: [picture(source)])

    pieces = way.handler(answer_watched)(event(way.token), CONTEXT).pieces()
    while source.read < 2:
        next(pieces)
    pieces.close()
    assert source.closed
    line = picture_line(way.logger)
    assert (line["complete"], line["image_bytes"]) == (False, 6)


def test_a_buffered_picture_is_logged_with_its_bytes(ways: tuple[Way, Way]) -> None:
    _, way = ways
    way.answer(answer_picture, Accept="image/png")
    assert picture_line(way.logger) == PICTURE_LINE | {"image_bytes": len(CONTENT)}


def test_a_streamed_picture_is_logged_when_it_has_left(ways: tuple[Way, Way]) -> None:
    way, _ = ways
    answer = way.handler(answer_picture)(event(way.token, Accept="image/png"), CONTEXT)
    assert way.logger.lines == []
    way.read(answer)
    assert picture_line(way.logger) == PICTURE_LINE | {"image_bytes": len(CONTENT), "complete": True}


@pytest.mark.parametrize(("read", "image_bytes"), [(1, 0), (2, 4), (3, 6)])
def test_a_picture_whose_reader_hangs_up_is_logged_as_incomplete_and_lets_its_source_go(
    ways: tuple[Way, Way], read: int, image_bytes: int
) -> None:
    way, _ = ways
    source = PieceSource(CONTENTS)

    async def answer_watched(call: Call) -> Response:
        return call.answer_pictures(NO_FORM, 1, lambda: [picture(source)])

    pieces = way.handler(answer_watched)(event(way.token, Accept="image/png"), CONTEXT).pieces()
    for _ in range(read):
        next(pieces)
    pieces.close()
    assert source.closed
    assert picture_line(way.logger) == CUT_OFF_LINE | {"image_bytes": image_bytes}


def test_a_picture_that_breaks_midway_is_logged_and_counted_as_the_failure_it_is(
    ways: tuple[Way, Way],
) -> None:
    way, _ = ways

    async def answer_broken(call: Call) -> Response:
        return call.answer_pictures(NO_FORM, 1, lambda: [picture(PieceSource(CONTENTS, ModelError()))])

    answer = way.handler(answer_broken)(event(way.token, Accept="image/png"), CONTEXT)
    with pytest.raises(ModelError):
        list(answer.pieces())
    failed = {"image_bytes": len(CONTENT), "outcome": "model_error", "code": "model_error"}
    assert picture_line(way.logger) == CUT_OFF_LINE | failed | {"detail": "ModelError"}
    answer.afterwards()
    (counted,) = way.deployment.usage.requests
    assert (counted.outcome, counted.images) == ("model_error", 0)
    assert way.deployment.ledger.standing("acme", int(way.deployment.clock())).images_today == 0


def test_a_buffered_picture_that_breaks_midway_is_an_error(ways: tuple[Way, Way]) -> None:
    _, way = ways

    async def answer_broken(call: Call) -> Response:
        return call.answer_pictures(NO_FORM, 1, lambda: [picture(PieceSource(CONTENTS, ModelError()))])

    answer = way.answer(answer_broken)
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (502, "model_error")


# After the answer


def ended(way: Way, endpoint: Endpoint, **request: str) -> Deployment:
    """The deployment once a request is answered and what follows is done."""
    handler = way.handler(endpoint)
    answer = handler(event(way.token, **request), CONTEXT)
    way.read(answer)
    if way.streaming:
        assert way.deployment.usage.requests == []
        answer.afterwards()
    return way.deployment


@pytest.mark.parametrize(
    ("endpoint", "outcome", "images"),
    [
        (answer_picture, "ok", 1),
        (answer_series, "ok", 2),
        (refuse, "invalid_request", 0),
        (refuse_for_a_while, "rate_limited", 0),
        (break_down, "internal_error", 0),
    ],
    ids=lambda each: getattr(each, "__name__", None),
)
def test_a_request_is_counted_and_its_slot_given_back_when_it_is_answered(
    ways: tuple[Way, Way], endpoint: Endpoint, outcome: str, images: int
) -> None:
    for way in ways:
        deployment = ended(way, endpoint)
        (counted,) = deployment.usage.requests
        assert (counted.consumer_id, counted.operation) == ("acme", "text-to-image")
        assert (counted.outcome, counted.images) == (outcome, images)
        assert counted.seconds >= 0
        standing = deployment.ledger.standing("acme", int(deployment.clock()))
        assert (standing.images_today, standing.slots) == (images, frozenset())
        assert list(deployment.marks.last_used.values()) == [counted.day]


def test_a_slot_is_held_until_the_picture_has_left(ways: tuple[Way, Way]) -> None:
    way, _ = ways
    answer = way.handler(answer_picture)(event(way.token), CONTEXT)
    pieces = answer.pieces()
    next(pieces)
    assert len(way.deployment.ledger.slots["acme"]) == 1
    list(pieces)
    answer.afterwards()
    assert way.deployment.ledger.slots["acme"] == set()


def test_a_cut_off_picture_is_counted_as_such(ways: tuple[Way, Way]) -> None:
    way, _ = ways
    answer = way.handler(answer_picture)(event(way.token), CONTEXT)
    pieces = answer.pieces()
    next(pieces)
    pieces.close()
    answer.afterwards()
    (counted,) = way.deployment.usage.requests
    assert (counted.outcome, counted.images) == ("cut_off", 1)
    assert way.deployment.ledger.slots["acme"] == set()


def test_a_request_without_a_known_caller_is_counted_for_nobody(ways: tuple[Way, Way]) -> None:
    for way in ways:
        assert ended(way, answer_picture, Authorization="Bearer nonsense").usage.requests == []


def test_a_request_over_a_limit_is_counted_too(ways: tuple[Way, Way]) -> None:
    for way in ways:
        handler = way.handler(answer_picture)
        for _ in range(3):
            answer = handler(event(way.token), CONTEXT)
            way.read(answer)
            if way.streaming:
                answer.afterwards()
        outcomes = [each.outcome for each in way.deployment.usage.requests]
        assert outcomes == ["ok", "ok", "rate_limited"]
        assert way.logger.lines[-1]["limit"] == "requests_per_minute"


def test_the_resolution_that_was_asked_for_is_counted(ways: tuple[Way, Way]) -> None:
    for way in ways:
        for body, resolution in (
            ('{"prompt": "x"}', "2K"),
            ('{"prompt": "x", "resolution": "1K"}', "1K"),
            ('{"prompt": "x", "size": "1024x1024"}', "1K"),
            ('{"prompt": "x", "resolution": "8K"}', "-"),
            ("no json", "-"),
        ):
            (counted,) = ended(way, answer_openai_form, body=body).usage.requests
            assert counted.resolution == resolution


def test_an_ordinary_answer_is_followed_by_what_is_to_be_done(environments: Environments) -> None:
    """Nobody waits for it where the runtime is the layer's, though the answer is not streamed."""
    deployment = Deployment(ACME)
    gate = Gate(deployment.access, deployment.settle, deployment.clock, RecordingLogger(), RecordedMetrics())  # type: ignore[arg-type]

    def build() -> LambdaHandler:
        return authenticated_handler(LIST_MODELS, answer_json, gate, Runtime(is_extended=True))

    handler = environments.start(build)
    asked = event(deployment.issue_token(), method="GET")
    asked["path"] = asked["resource"] = LIST_MODELS.path
    answer = handler(asked, CONTEXT)
    assert isinstance(answer, FollowedResponse)
    assert buffered(answer.response).status == 200
    assert deployment.usage.requests == []
    answer.afterwards()
    (counted,) = deployment.usage.requests
    assert (counted.operation, counted.outcome, counted.resolution) == ("models", "ok", "-")
    answer.afterwards()
    assert len(deployment.usage.requests) == 1


# Idempotency-Key


def ask_again(way: Way, endpoint: Endpoint, *requests: dict[str, str]) -> list[Answer]:
    handler = way.handler(endpoint)
    way.deployment.consumers.consumers["acme"] = Consumer("acme", Limits(100, 10))
    answers = []
    for request in requests:
        answer = handler(event(way.token, **request), CONTEXT)
        answers.append(way.read(answer))
        if way.streaming:
            answer.afterwards()
    return answers


KEYED = {"Idempotency-Key": "k1"}


def answering_anew(made: list[int], failure: Exception | None = None) -> Endpoint:
    """An endpoint whose every picture is another."""

    async def answer(call: Call) -> Response:
        series, form = await call.read_openai_form(OPENAI_GENERATION_PARAMETERS)

        def make() -> list[Picture]:
            made.append(1)
            source = PieceSource((b"\x89PNG", b"%d" % len(made)), *([failure] if failure else []))
            return [picture(source) for _ in range(series.count)]

        return call.answer_pictures(form, series.count, make)

    return answer


@pytest.mark.parametrize("accept", ["image/png", "application/json"])
def test_a_repeated_request_gets_the_same_bytes_and_is_told_so(ways: tuple[Way, Way], accept: str) -> None:
    for way in ways:
        made: list[int] = []
        request = KEYED | {"body": '{"prompt": "x"}', "Accept": accept}
        first, second = ask_again(way, answering_anew(made), request, request)
        assert (first.status, second.status) == (200, 200)
        assert first.body == second.body
        assert first.headers["content-type"] == second.headers["content-type"] == [accept]
        assert first.headers["x-seed"] == second.headers["x-seed"] == ["7"]
        assert first.headers["idempotent-replayed"] == ["false"]
        assert second.headers["idempotent-replayed"] == ["true"]
        assert len(made) == 1
        counted = [(each.outcome, each.images) for each in way.deployment.usage.requests]
        assert counted == [("ok", 1), ("replayed", 0)]
        assert way.deployment.ledger.standing("acme", int(way.deployment.clock())).images_today == 1


@pytest.mark.parametrize(
    "other",
    [{"body": '{"prompt": "y"}'}, {"body": '{"prompt": "x"}', "Accept": "image/png"}],
    ids=["another prompt", "another media type"],
)
def test_another_request_under_the_same_key_is_an_invalid_request(
    ways: tuple[Way, Way], other: dict[str, str]
) -> None:
    for way in ways:
        first = KEYED | {"body": '{"prompt": "x"}'}
        _, refused = ask_again(way, answering_anew([]), first, KEYED | other)
        assert refused.status == 400
        error = json.loads(refused.body)["error"]
        assert (error["code"], error["message"].partition(":")[0]) == ("invalid_request", "Idempotency-Key")


def test_a_picture_that_breaks_midway_is_an_error_and_frees_its_key(ways: tuple[Way, Way]) -> None:
    for way in ways:
        made: list[int] = []
        request = KEYED | {"body": '{"prompt": "x"}', "Accept": "image/png"}
        answers = ask_again(way, answering_anew(made, ModelError()), request, request)
        assert [answer.status for answer in answers] == [502, 502]
        assert len(made) == 2
        assert way.deployment.ledger.standing("acme", int(way.deployment.clock())).images_today == 0


def test_a_claim_lasts_a_little_longer_than_the_function_and_its_slot_too(ways: tuple[Way, Way]) -> None:
    for way in ways:
        assert leases_of_a_keyed_request(way) == (FUNCTION_ENDS_AT + 5, FUNCTION_ENDS_AT + 5)


def leases_of_a_keyed_request(way: Way) -> tuple[float, float]:
    """When the claim ends that a request holds while it paints, and when its slot does."""
    held: list[tuple[float, float]] = []

    async def look(call: Call) -> Response:
        def make() -> list[Picture]:
            (claimed,) = way.deployment.records.held.values()
            (slot,) = way.deployment.ledger.slots["acme"]
            held.append((claimed.claim.lease_ends_at, slot.expires_at))
            return [picture(PieceSource(CONTENTS))]

        return call.answer_pictures(NO_FORM, 1, make)

    ask_again(way, look, KEYED)
    return held[0]


def test_a_request_waits_for_an_earlier_one_with_its_key_without_a_slot_and_not_for_ever(
    ways: tuple[Way, Way],
) -> None:
    for way in ways:
        answer, slots = ask_while_another_paints(way)
        error = json.loads(answer.body)["error"]
        assert (answer.status, error["code"]) == (504, "timeout")
        assert "Retry with the same key" in error["message"]
        assert slots == 0
        waited = way.deployment.clock() - FakeClock().now
        assert PATIENCE_SECONDS - 1 <= waited <= PATIENCE_SECONDS


def ask_while_another_paints(way: Way) -> tuple[Answer, int]:
    """The answer to a request whose key another one holds, and how many slots are taken meanwhile."""
    slots: list[int] = []

    async def wait(call: Call) -> Response:
        meaning = fingerprint("k1", GENERATE_IMAGE.path, {}, (), "json")
        claim = Claim(record_id("acme", "k1"), meaning, "another", FUNCTION_ENDS_AT)
        way.deployment.records.claim(claim, now=way.deployment.clock())
        slots.append(len(way.deployment.ledger.slots.get("acme", ())))
        return call.answer_pictures(NO_FORM, 1, lambda: [])

    (answer,) = ask_again(way, wait, KEYED)
    return answer, slots[0]


def test_the_backend_has_less_time_where_the_answer_is_to_be_kept(ways: tuple[Way, Way]) -> None:
    for way in ways:
        assert json.loads(way.answer(answer_json, **KEYED).body)["seconds"] == 275.0


def test_an_earlier_answer_is_given_again_whatever_the_day_and_the_slots_are_used_up_by(
    ways: tuple[Way, Way],
) -> None:
    for way in ways:
        made: list[int] = []
        handler = way.handler(answering_anew(made))
        way.deployment.consumers.consumers["acme"] = Consumer("acme", Limits(100, 1, images_per_day=1))
        request = KEYED | {"body": '{"prompt": "x"}'}
        bodies = []
        for _ in range(3):
            answer = handler(event(way.token, **request), CONTEXT)
            bodies.append(way.read(answer).body)
            if way.streaming:
                answer.afterwards()
        other = handler(event(way.token, body='{"prompt": "x"}'), CONTEXT)
        assert way.read(other).status == 429
        assert len(set(bodies)) == 1
        assert len(made) == 1


def test_the_account_has_how_long_a_request_took(
    ways: tuple[Way, Way], monkeypatch: pytest.MonkeyPatch
) -> None:
    passing = iter([100.0, 107.5])
    monkeypatch.setattr(answer_request, "time", SimpleNamespace(monotonic=lambda: next(passing)))
    way, _ = ways
    (counted,) = ended(way, answer_json).usage.requests
    assert counted.seconds == 7.5


def test_without_a_key_every_request_is_answered_anew(ways: tuple[Way, Way]) -> None:
    for way in ways:
        made: list[int] = []
        request = {"body": '{"prompt": "x"}'}
        answers = ask_again(way, answering_anew(made), request, request)
        assert len(made) == 2
        assert all("idempotent-replayed" not in answer.headers for answer in answers)
        assert way.deployment.records.held == {}


# Prompts in the log


@pytest.mark.parametrize("log_prompts", [True, False])
def test_a_prompt_is_logged_where_the_operator_wants_it(
    environments: Environments, log_prompts: bool
) -> None:
    deployment, logger = Deployment(ACME), RecordingLogger()
    gate = Gate(deployment.access, deployment.settle, deployment.clock, logger, RecordedMetrics())  # type: ignore[arg-type]
    handler = environments.start(
        lambda: authenticated_handler(
            GENERATE_IMAGE, answer_openai_form, gate, Runtime(is_extended=False, log_prompts=log_prompts)
        )
    )
    handler(event(deployment.issue_token(), body='{"prompt": "a red fox"}'), CONTEXT)
    (line,) = logger.lines
    assert line.get("prompt") == ("a red fox" if log_prompts else None)


# Any application


def test_the_answer_of_any_application_becomes_a_stream(environments: Environments) -> None:
    async def echo(scope, receive, send) -> None:
        content = await Request(scope, receive).body()
        headers = [(b"x-latin", "café".encode("latin-1")), (b"x-many", b"1"), (b"x-many", b"2")]
        await send({"type": "http.response.start", "status": 299, "headers": headers})
        await send({"type": "http.response.body", "body": content, "more_body": True})
        await send({"type": "http.response.body"})

    handler = environments.start(lambda: StreamingEntry(echo, lambda: None))
    answer = handler(event("", body="füchse"), CONTEXT)
    assert isinstance(answer, StreamedResponse)
    assert streamed(answer) == Answer(
        299, {"x-latin": ["café"], "x-many": ["1", "2"]}, "füchse".encode()
    )  # fmt: skip


def test_an_application_that_fails_fails_the_invocation(environments: Environments) -> None:
    async def fail(scope, receive, send) -> None:
        raise ZeroDivisionError

    handler = environments.start(lambda: StreamingEntry(fail, lambda: None))
    with pytest.raises(ZeroDivisionError):
        handler(event(""), CONTEXT)

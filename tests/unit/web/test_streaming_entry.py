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
from imagineart.domain.openai_parameters import OPENAI_GENERATION_PARAMETERS
from imagineart.domain.orders import Picture
from imagineart.domain.parameters import UPLOAD_PARAMETERS
from imagineart.domain.pieces import BegunPieces
from imagineart.domain.sizes import Size
from imagineart.web.lambda_entry import Call, Endpoint, LambdaHandler, authenticated_handler
from imagineart.web.streaming_entry import StreamingEntry
from lambda_response_streaming import StreamedResponse
from tests.fakes.access import gate_for
from tests.fakes.clock import FakeClock
from tests.fakes.image_making import PieceSource

ACME = Consumer("acme", 2)
CONTENTS = (b"\x89PNG", memoryview(b"\0\xff"), b"end")
CONTENT = b"\x89PNG\0\xffend"
CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 285_000)


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
        "resource": "/v1/things",
        "path": "/v1/things",
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
    token: str = ""

    def handler(self, endpoint: Endpoint) -> LambdaHandler:
        access, self.token = gate_for(ACME, FakeClock())
        return self.environments.start(
            lambda: authenticated_handler(
                "POST", "/v1/things", endpoint, access=access, logger=self.logger, streaming=self.streaming
            )
        )

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
    return call.answer_picture(picture(PieceSource(CONTENTS)))


async def answer_series(call: Call) -> Response:
    return call.answer_series([picture(PieceSource(CONTENTS)) for _ in range(2)])


async def answer_openai_form(call: Call) -> Response:
    series, _ = await call.read_openai_form(OPENAI_GENERATION_PARAMETERS)
    return JSONResponse({"count": series.count, "fields": dict(series.fields)})


async def answer_json(call: Call) -> Response:
    return JSONResponse({"consumer": call.consumer_id, "seconds": call.deadline_seconds})


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
    streamed_answer, buffered_answer = (way.answer(answer_picture) for way in ways)
    assert buffered_answer.headers.pop("content-length") == [str(len(CONTENT))]
    assert streamed_answer == buffered_answer
    assert (streamed_answer.status, streamed_answer.body) == (200, CONTENT)
    assert streamed_answer.headers == {
        "content-type": ["image/png"], "x-seed": ["7"], "x-model": ["text-to-image"], "x-backend": ["gpu"],
        "x-image-width": ["64"], "x-image-height": ["48"], "x-request-id": ["req-1"],
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
        return call.answer_picture(made) if call.is_reference_form else call.answer_series([made])

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
    "request_id": "req-1", "method": "POST", "path": "/v1/things", "consumer": "acme",
    "model": "text-to-image", "seed": 7, "size": "64x48", "backend": "gpu", "backend_ms": 1500, "status": 200,
}  # fmt: skip


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
        return call.answer_series([picture(source)])

    pieces = way.handler(answer_watched)(event(way.token), CONTEXT).pieces()
    while source.read < 2:
        next(pieces)
    pieces.close()
    assert source.closed
    line = picture_line(way.logger)
    assert (line["complete"], line["image_bytes"]) == (False, 6)


def test_a_buffered_picture_is_logged_with_its_bytes(ways: tuple[Way, Way]) -> None:
    _, way = ways
    way.answer(answer_picture)
    assert picture_line(way.logger) == PICTURE_LINE | {"image_bytes": len(CONTENT)}


def test_a_streamed_picture_is_logged_when_it_has_left(ways: tuple[Way, Way]) -> None:
    way, _ = ways
    answer = way.handler(answer_picture)(event(way.token), CONTEXT)
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
        return call.answer_picture(picture(source))

    pieces = way.handler(answer_watched)(event(way.token), CONTEXT).pieces()
    for _ in range(read):
        next(pieces)
    pieces.close()
    assert source.closed
    assert picture_line(way.logger) == PICTURE_LINE | {"image_bytes": image_bytes, "complete": False}


def test_a_picture_that_breaks_midway_is_logged_as_incomplete(ways: tuple[Way, Way]) -> None:
    way, _ = ways

    async def answer_broken(call: Call) -> Response:
        return call.answer_picture(picture(PieceSource(CONTENTS, ModelError())))

    answer = way.handler(answer_broken)(event(way.token), CONTEXT)
    with pytest.raises(ModelError):
        list(answer.pieces())
    assert picture_line(way.logger) == PICTURE_LINE | {"image_bytes": len(CONTENT), "complete": False}


def test_a_buffered_picture_that_breaks_midway_is_an_error(ways: tuple[Way, Way]) -> None:
    _, way = ways

    async def answer_broken(call: Call) -> Response:
        return call.answer_picture(picture(PieceSource(CONTENTS, ModelError())))

    answer = way.answer(answer_broken)
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (502, "model_error")


# Any application


def test_the_answer_of_any_application_becomes_a_stream(environments: Environments) -> None:
    async def echo(scope, receive, send) -> None:
        content = await Request(scope, receive).body()
        headers = [(b"x-latin", "café".encode("latin-1")), (b"x-many", b"1"), (b"x-many", b"2")]
        await send({"type": "http.response.start", "status": 299, "headers": headers})
        await send({"type": "http.response.body", "body": content, "more_body": True})
        await send({"type": "http.response.body"})

    handler = environments.start(lambda: StreamingEntry(echo))
    answer = handler(event("", body="füchse"), CONTEXT)
    assert isinstance(answer, StreamedResponse)
    assert streamed(answer) == Answer(
        299, {"x-latin": ["café"], "x-many": ["1", "2"]}, "füchse".encode()
    )  # fmt: skip


def test_an_application_that_fails_fails_the_invocation(environments: Environments) -> None:
    async def fail(scope, receive, send) -> None:
        raise ZeroDivisionError

    handler = environments.start(lambda: StreamingEntry(fail))
    with pytest.raises(ZeroDivisionError):
        handler(event(""), CONTEXT)

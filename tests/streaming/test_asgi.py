"""The ASGI adapter in this process: an event in, the pieces of a response out."""

import asyncio
import base64
import contextlib
import json
from types import SimpleNamespace

import pytest

from lambda_response_streaming.asgi import StreamingHandler
from lambda_response_streaming.response import StartedStream
from tests.streaming.events import rest_event, url_event
from tests.streaming.streaming_function import app, happened

START = {"type": "http.response.start", "status": 200}
PART = {"type": "http.response.body", "body": b"part", "more_body": True}
END = {"type": "http.response.body", "body": b"end"}


@pytest.fixture(autouse=True)
def thread_without_loop():
    happened.clear()
    asyncio.set_event_loop(None)
    yield
    with contextlib.suppress(RuntimeError):
        asyncio.get_event_loop().close()
    asyncio.set_event_loop(None)


@pytest.fixture
def handler(thread_without_loop):
    handler = StreamingHandler(app)
    yield handler
    assert read(handler(rest_event("/numbers"), None)).body == b"012", "the next request is served"


def read(response):
    """The fields of the prelude, and the body."""
    prelude, *pieces = response.pieces()
    return SimpleNamespace(**json.loads(prelude[:-8]), body=b"".join(pieces))


def handler_of(*messages):
    """The handler of an application that sends these messages, and raises what is an error among them."""

    async def app(scope, receive, send):
        for message in messages:
            if isinstance(message, BaseException):
                raise message
            await send(message)

    return StreamingHandler(app)


@pytest.mark.parametrize("build", [rest_event, url_event])
def test_a_piece_is_made_when_it_is_asked_for(handler, build):
    pieces = handler(build("/numbers"), None).pieces()
    assert b'"statusCode": 200' in next(pieces)
    assert [(next(pieces), *happened) for _ in range(3)] == [(b"0", 0), (b"1", 0, 1), (b"2", 0, 1, 2)]
    assert list(pieces) == []
    assert happened[3:] == ["closed"]


@pytest.mark.parametrize(("ports", "read_as"), [("443,80", 80), ("8443", 8443)])
def test_the_ports_of_several_proxies_do_no_harm(ports, read_as):
    servers = []

    async def app(scope, receive, send):
        servers.append(scope["server"])
        await send(START)
        await send(END)

    events = (
        url_event("/") | {"headers": {"x-forwarded-port": ports}},
        rest_event("/") | {"multiValueHeaders": {"X-Forwarded-Port": ports.split(",")}},
    )
    handler = StreamingHandler(app)
    assert [read(handler(event, None)).body for event in events] == [b"end"] * 2
    assert servers == [("mangum", read_as)] * 2


def test_each_server_sent_event_is_a_piece(handler):
    prelude, *pieces = handler(rest_event("/events"), None).pieces()
    assert b"text/event-stream" in prelude
    assert pieces == [b'data: {"number": %d}\n\n' % number for number in range(3)]


@pytest.mark.parametrize("is_encoded", [True, False], ids=["base64", "text"])
@pytest.mark.parametrize(
    ("build", "query"),
    [
        (rest_event, {"multiValueQueryStringParameters": {"q": ["1", "2"]}}),
        (url_event, {"rawQueryString": "q=1&q=2"}),
    ],
)
def test_the_application_gets_the_request_and_what_lambda_says_of_it(handler, build, query, is_encoded):
    body = '{"a": "é"}'
    sent = base64.b64encode(body.encode()).decode() if is_encoded else body
    event, context = build("/echo", "POST", body=sent, isBase64Encoded=is_encoded, **query), object()
    assert json.loads(read(handler(event, context)).body) == [["1", "2"], {"a": "é"}]
    assert happened == [event, context]


NO_BASE64 = rest_event("/echo", "POST", body="no base64", isBase64Encoded=True)


def test_a_body_that_nobody_reads_is_not_decoded():
    assert read(handler_of(START, END)(NO_BASE64, None)).body == b"end"


def test_a_body_that_is_no_base64_is_an_error_for_the_application_that_reads_it(handler):
    assert read(handler(NO_BASE64, None)).statusCode == 400


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (rest_event, {"multiValueHeaders": {"link": ["<a>", "<b>"], "set-cookie": ["a=1", "b=2"]}}),
        (url_event, {"headers": {"link": "<a>, <b>"}, "cookies": ["a=1", "b=2"]}),
    ],
)
def test_every_value_of_a_header_and_every_cookie_arrives(build, expected):
    headers = [(b"link", b"<a>"), (b"link", b"<b>"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
    response = read(handler_of({**START, "headers": headers}, END)(build("/"), None))
    assert vars(response) == {
        "statusCode": 200,
        "headers": {},
        "multiValueHeaders": {},
        "body": b"end",
        **expected,
    }


def test_headers_of_the_connection_and_the_length_stay_out():
    names = "connection content-length keep-alive proxy-authenticate proxy-authorization proxy-connection te "
    names += "Trailer transfer-encoding upgrade proxy-status"
    headers = [(name.encode(), b"1") for name in names.split()]
    response = read(handler_of({**START, "headers": headers}, END)(rest_event("/"), None))
    assert response.headers == {"proxy-status": "1"}


@pytest.mark.parametrize(
    ("method", "messages", "body"),
    [("GET", [PART, END], b"partend"), ("HEAD", [PART, END], b""), ("GET", [{**END, "body": b""}], b"")],
    ids=["GET", "HEAD", "empty"],
)
def test_a_response_has_the_body_that_its_method_allows(method, messages, body):
    assert read(handler_of(START, *messages)(rest_event("/", method), None)).body == body


def test_background_tasks_run_after_the_last_piece_and_before_the_end(handler):
    pieces = handler(rest_event("/background"), None).pieces()
    assert [next(pieces)[-1:], next(pieces), *happened] == [b"\0", b"body"]
    assert list(pieces) == []
    assert happened == ["done"]


@pytest.mark.parametrize(
    ("event", "status", "body", "error"),
    [
        (rest_event("/fails"), 500, b"Internal Server Error", LookupError),
        (rest_event("/background", queryStringParameters={"fails": "1"}), 200, b"body", ValueError),
    ],
    ids=["before a response", "after a response"],
)
def test_an_error_beside_a_whole_response_is_logged(handler, caplog, event, status, body, error):
    response = read(handler(event, None))
    assert (response.statusCode, response.body) == (status, body)
    assert [record.exc_info[0] for record in caplog.records] == [error]


def test_an_error_before_the_first_piece_is_the_handler_s_and_a_later_one_the_body_s(handler):
    with pytest.raises(LookupError, match="midway"):
        handler(rest_event("/numbers", queryStringParameters={"fails_at": "0"}), None)
    pieces = handler(rest_event("/numbers", queryStringParameters={"fails_at": "1"}), None).pieces()
    assert [next(pieces)[-1:], next(pieces)] == [b"\0", b"0"]
    with pytest.raises(LookupError, match="midway"):
        next(pieces)


@pytest.mark.parametrize(
    ("path", "last"), [("/numbers", "closed"), ("/events", "closed"), ("/background", "done")]
)
def test_a_client_that_leaves_ends_the_application_its_generators_and_its_tasks(handler, path, last):
    stream = StartedStream(handler(rest_event(path), None))
    next(stream)
    stream.close()
    assert happened[-1] == last


@pytest.mark.parametrize("leaves", [True, False])
def test_an_application_hears_of_a_disconnect_when_its_client_leaves_or_has_all(leaves):
    async def app(scope, receive, send):
        try:
            await receive()
            listening = asyncio.create_task(receive())
            await send(START)
            await send(PART)
            happened.append(listening.done())
            await send(END)
        finally:
            happened.append((await listening)["type"])
            with pytest.raises((OSError, RuntimeError)):
                await send(PART)

    stream = StartedStream(StreamingHandler(app)(rest_event("/"), None))
    if not leaves:
        list(stream)
    stream.close()
    assert happened == [*([] if leaves else [False]), "http.disconnect"]


@pytest.mark.parametrize(
    ("messages", "error"),
    [
        ([], "ended without 'http.response.start'"),
        ([START], "ended without 'http.response.body'"),
        ([PART], "sent 'http.response.body'; allowed: 'http.response.start'"),
        ([asyncio.CancelledError()], "was cancelled"),
    ],
)
def test_an_application_that_answers_nothing_is_an_ordinary_error(messages, error):
    with pytest.raises(RuntimeError, match=error):
        handler_of(*messages)(rest_event("/"), None)


@pytest.mark.parametrize(
    "event",
    [
        {"version": "0", "source": "aws.s3", "detail-type": "Object Created", "detail": {}},
        {"requestContext": {"connectionId": "c", "routeKey": "$connect"}},
    ],
    ids=["EventBridge", "WebSocket"],
)
def test_an_event_that_is_no_http_request_is_an_ordinary_error(handler, event):
    with pytest.raises(ValueError, match="no request of API Gateway or a function URL; its fields"):
        handler(event, None)


def test_all_requests_share_a_loop_that_the_first_one_makes():
    loops = []

    async def app(scope, receive, send):
        loops.append(asyncio.get_running_loop())
        await send(START)
        await send(END)

    handler = StreamingHandler(app)
    with pytest.raises(RuntimeError, match="no current event loop"):
        asyncio.get_event_loop()
    read(handler(rest_event("/"), None))
    read(handler(rest_event("/"), None))
    assert loops == [asyncio.get_event_loop()] * 2

"""The gateway: its events, its limits, its routes, and what it accepts from functions."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.environments import FunctionCrashError
from local.gateway import MAX_BODY_BYTES, MAX_HEADERS_BYTES, MAX_PAYLOAD_BYTES, Gateway, find_route
from local.gateway_server import GatewayApp, GatewayTransport
from local.proxy_events import (
    MAX_PRELUDE_BYTES,
    HttpRequest,
    HttpResponse,
    build_proxy_event,
    read_proxy_response,
    read_streamed_response,
)
from local.template import Route, Template

ECHO = """
import json
def handler(event, context):
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps(event)}
"""
STREAM = """
from lambda_response_streaming import StreamedResponse
def handler(event, context):
    return StreamedResponse(201, {"X-A": ["1"], "X-B": ["2", "3"]}, body())
def body():
    yield b"one"
    yield b"two"
"""
INTERNAL_ERROR = {"message": "Internal server error"}

NewGateway = Callable[..., Gateway]


@pytest.fixture
def new_gateway(tmp_path: Path) -> Iterator[NewGateway]:
    """Builds gateways whose one function has the given source and answers every request."""
    gateways = []

    def build(source: str, *, mode: str = "BUFFERED", responses: Any = None, **options: Any) -> Gateway:
        (tmp_path / "handler.py").write_text(source)
        paths = {"One": "/{proxy+}", "Two": "/"}
        events = {
            name: {"Type": "Api", "Properties": {"Path": path, "Method": "ANY", "ResponseTransferMode": mode}}
            for name, path in paths.items()
            if responses is None or name == "Two"
        }
        api = {"GatewayResponses": responses or {}}
        document = {
            "Globals": {"Function": {"Handler": "handler.handler", "MemorySize": 128, "Timeout": 600}},
            "Resources": {
                "Echo": {
                    "Type": "AWS::Serverless::Function",
                    "Properties": {"CodeUri": str(tmp_path), "Events": events},
                },
                "Api": {"Type": "AWS::Serverless::Api", "Properties": api},
            },
        }
        gateways.append(Gateway(Template(document), {}, {}, **options))
        return gateways[-1]

    yield build
    for gateway in gateways:
        gateway.close()


def ask(gateway: Gateway, method: str = "POST", path: str = "/", body: bytes = b"", **headers: str) -> Any:
    return gateway.respond(HttpRequest(method, path, "", tuple(headers.items()), body))


# Events


def test_an_event_is_what_api_gateway_makes_of_a_request() -> None:
    headers = (("Accept", "a"), ("Accept", "b"), ("Host", "api.local"), ("X-Forwarded-For", "1.2.3.4"))
    request = HttpRequest("POST", "/v1/caf%C3%A9", "a=1&b=&a=%C3%A9", headers, b"\x00\xff", "203.0.113.7")
    event = build_proxy_event(request, resource="/{proxy+}", path_parameters={"proxy": "v1/café"})
    assert (event["httpMethod"], event["path"], event["resource"]) == ("POST", "/v1/café", "/{proxy+}")
    assert event["queryStringParameters"] == {"a": "é", "b": ""}
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "é"], "b": [""]}
    assert (event["body"], event["isBase64Encoded"]) == ("AP8=", True)
    assert (event["headers"]["Accept"], event["multiValueHeaders"]["Accept"]) == ("b", ["a", "b"])
    assert event["headers"]["X-Forwarded-For"] == "203.0.113.7"
    assert event["headers"]["X-Forwarded-Proto"] == "https"
    assert event["requestContext"]["requestId"] == request.request_id
    assert event["requestContext"]["identity"]["sourceIp"] == "203.0.113.7"


def test_what_a_request_lacks_is_null_and_plain_http_can_be_tried() -> None:
    request = HttpRequest("GET", "/", "", (("x-forwarded-proto", "http"),), b"")
    event = build_proxy_event(request, resource="/", path_parameters=None)
    assert (event["body"], event["isBase64Encoded"], event["queryStringParameters"]) == (None, False, None)
    told = [values for name, values in event["multiValueHeaders"].items() if "Proto" in name.title()]
    assert told == [["http"]]


# Routes


@pytest.mark.parametrize(
    ("method", "path", "function_id", "parameters"),
    [
        ("GET", "/v1/models", "models", None),
        ("POST", "/v1/models", "other methods", None),
        ("GET", "/v1/models/", "any path", {"proxy": "v1/models/"}),
        ("POST", "/health", None, None),
        ("GET", "/", None, None),
    ],
)
def test_the_exact_path_and_the_exact_method_come_first(
    method: str, path: str, function_id: str | None, parameters: dict[str, str] | None
) -> None:
    routes = [
        Route("/{proxy+}", "ANY", "any path", 29),
        Route("/v1/models", "ANY", "other methods", 29),
        Route("/v1/models", "GET", "models", 29),
        Route("/health", "GET", "health", 29),
    ]
    found = find_route(routes, method, path)
    assert (found and (found[0].function_id, found[1])) == (function_id and (function_id, parameters))


def test_an_unknown_path_gets_the_response_that_the_template_styles(new_gateway: NewGateway) -> None:
    styled = {
        "StatusCode": 404,
        "ResponseParameters": {"Headers": {"X-Request-Id": "context.requestId", "Retry-After": "'1'"}},
        "ResponseTemplates": {"application/json": '{"text":$context.error.messageString}'},
    }
    gateway = new_gateway(ECHO, responses={"MISSING_AUTHENTICATION_TOKEN": styled})
    response, with_token = (
        ask(gateway, path="/nowhere"),
        ask(gateway, path="/nowhere", Authorization="Bearer x"),
    )
    headers = dict(response.headers)
    assert (response.status, json.loads(response.body)) == (404, {"text": "Missing Authentication Token"})
    assert (len(headers["x-request-id"]), headers["retry-after"]) == (36, "1")
    assert (with_token.status, "key=value" in json.loads(with_token.body)["message"]) == (400, True)


# Limits


@pytest.mark.parametrize(
    ("size", "status"),
    [
        ((MAX_PAYLOAD_BYTES - 4096) // 4 * 3, 200),
        (MAX_PAYLOAD_BYTES * 3 // 4, 413),
        (MAX_BODY_BYTES + 1, 413),
    ],
)
def test_a_request_has_awss_limits(new_gateway: NewGateway, size: int, status: int) -> None:
    source = "def handler(event, context):\n    return {'statusCode': 200}"
    assert ask(new_gateway(source), body=bytes(size)).status == status


@pytest.mark.parametrize(("excess", "status"), [(0, 200), (1, 400)])
def test_headers_have_awss_limit(new_gateway: NewGateway, excess: int, status: int) -> None:
    value = "x" * (MAX_HEADERS_BYTES - len("Long") + excess)
    assert ask(new_gateway(ECHO), Long=value).status == status


@pytest.mark.parametrize(("size", "status"), [(MAX_PAYLOAD_BYTES - 100, 200), (MAX_PAYLOAD_BYTES, 500)])
def test_a_buffered_response_has_awss_limit(new_gateway: NewGateway, size: int, status: int) -> None:
    source = f"def handler(event, context):\n    return {{'statusCode': 200, 'body': 'x' * {size}}}"
    assert ask(new_gateway(source)).status == status


# What functions return


def test_text_base64_and_repeated_headers_are_read() -> None:
    response = read_proxy_response(
        {
            "statusCode": "201",
            "headers": {"A": 1, "B": "2"},
            "multiValueHeaders": {"A": ["3", "4"]},
            "body": "é",
        }
    )
    assert (response.status, response.body) == (201, "é".encode())
    assert sorted(response.headers) == [("A", "3"), ("A", "4"), ("B", "2")]
    encoded = {"statusCode": 200, "body": "iVBORw==", "isBase64Encoded": True}
    assert read_proxy_response(encoded).body == b"\x89PNG"


@pytest.mark.parametrize(
    "returned",
    [
        None,
        {},
        {"statusCode": "OK"},
        {"statusCode": 99},
        {"statusCode": 600},
        {"statusCode": 200, "body": b"bytes"},
        {"statusCode": 200, "body": "abc", "isBase64Encoded": True},
        {"statusCode": 200, "headers": ["X-A"]},
        {"statusCode": 200, "multiValueHeaders": {"X-A": "1"}},
    ],
)
def test_what_api_gateway_would_refuse_is_refused(returned: Any) -> None:
    with pytest.raises(ValueError):
        read_proxy_response(returned)


def streamed(prelude: bytes, *pieces: bytes) -> HttpResponse:
    return read_streamed_response(iter([prelude, *pieces]))


@pytest.mark.parametrize("cut", [1, 17, 20, 24, 200])
def test_a_prelude_is_read_wherever_its_pieces_are_cut(cut: int) -> None:
    head = {
        "statusCode": 404,
        "headers": {"A": "1"},
        "multiValueHeaders": {"B": ["2", "3"]},
        "cookies": ["c=4"],
    }
    whole = json.dumps(head).encode() + b"\0" * 8 + b"a\0\0\0\0\0\0\0\0b"
    response = streamed(whole[:cut], whole[cut:])
    assert (response.status, b"".join(response.body)) == (404, b"a\0\0\0\0\0\0\0\0b")
    assert response.headers == (("A", "1"), ("B", "2"), ("B", "3"), ("set-cookie", "c=4"))


@pytest.mark.parametrize(("excess", "is_refused"), [(0, False), (1, True)])
def test_the_delimiter_lies_within_16_kib(excess: int, is_refused: bool) -> None:
    empty = b'{"statusCode": 200, "headers": {"A": ""}}' + b"\0" * 8
    prelude = empty.replace(b'""', b'"' + b"x" * (MAX_PRELUDE_BYTES - len(empty) + excess) + b'"')
    if is_refused:
        with pytest.raises(ValueError, match="no delimiter within 16384 bytes"):
            streamed(prelude, b"body")
    else:
        assert list(streamed(prelude, b"body").body) == [b"body"]


@pytest.mark.parametrize(
    "prelude",
    [b"", b'{"statusCode": 200}', b"[200]\0\0\0\0\0\0\0\0", b'{"statusCode": 200, "body": "x"}' + b"\0" * 8],
)
def test_a_malformed_prelude_is_refused(prelude: bytes) -> None:
    with pytest.raises(ValueError):
        streamed(prelude)


@pytest.mark.parametrize(
    ("source", "mode"), [(ECHO, "RESPONSE_STREAM"), (STREAM, "BUFFERED"), ("raise OSError", "")]
)
def test_a_crash_or_the_wrong_transfer_mode_is_an_internal_error_that_loses_no_environment(
    new_gateway: NewGateway, source: str, mode: str, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway = new_gateway(source, mode=mode)
    for _ in range(70):
        response = ask(gateway)
        assert (response.status, json.loads(response.body)) == (500, INTERNAL_ERROR)
    assert "Traceback" in capsys.readouterr().err, "the developer sees why"


# The two ways in


def by_transport(gateway: Gateway, **request: Any) -> httpx.Response:
    with httpx.Client(transport=GatewayTransport(gateway)) as client:
        return client.post(**request)


def by_server(gateway: Gateway, **request: Any) -> httpx.Response:
    async def post() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(GatewayApp(gateway))) as client:
            return await client.post(**request)

    return asyncio.run(post())


@pytest.mark.parametrize("post", [by_transport, by_server])
def test_a_request_arrives_whole_and_a_stream_is_delivered_whole(new_gateway: NewGateway, post: Any) -> None:
    url = "http://api.local/caf%C3%A9%2Fau?lait=1&lait=2"
    event = post(new_gateway(ECHO), url=url, content=b"\x00\xff").json()
    assert (event["path"], event["body"]) == ("/café/au", "AP8=")
    assert event["multiValueQueryStringParameters"] == {"lait": ["1", "2"]}
    response = post(new_gateway(STREAM, mode="RESPONSE_STREAM"), url=url)
    assert (response.status_code, response.content) == (201, b"onetwo")
    assert (response.headers.get_list("X-B"), "content-length" in response.headers) == (["2", "3"], False)


@pytest.mark.parametrize(
    ("post", "error"), [(by_transport, httpx.RemoteProtocolError), (by_server, FunctionCrashError)]
)
def test_a_failure_midway_breaks_the_transfer_off(
    new_gateway: NewGateway, post: Any, error: type[Exception]
) -> None:
    source = STREAM.replace('yield b"two"', "raise ValueError('midway')")
    with pytest.raises(error):
        post(new_gateway(source, mode="RESPONSE_STREAM"), url="http://api.local/")


def test_a_client_that_stops_reading_and_head_give_the_environment_back(new_gateway: NewGateway) -> None:
    cold_starts: list[str] = []
    gateway = new_gateway(STREAM, mode="RESPONSE_STREAM", on_cold_start=cold_starts.append)
    with httpx.Client(transport=GatewayTransport(gateway)) as client:
        for _ in range(3):
            with client.stream("GET", "http://api.local/") as response:
                assert next(response.iter_raw()) == b"one"
            assert client.head("http://api.local/").status_code == 201
    assert cold_starts == ["Echo"]


def test_a_body_that_is_too_large_is_not_read_to_its_end(new_gateway: NewGateway) -> None:
    read = 0

    async def endless() -> Any:
        nonlocal read
        while True:
            read += 1
            yield bytes(1024 * 1024)

    assert by_server(new_gateway(ECHO), url="http://api.local/x", content=endless()).status_code == 413
    assert read <= MAX_BODY_BYTES // (1024 * 1024) + 2

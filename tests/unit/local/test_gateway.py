"""The gateway: its events, its limits, its routes, and what it accepts from functions."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.gateway import MAX_BODY_BYTES, MAX_HEADERS_BYTES, MAX_PAYLOAD_BYTES, Gateway, find_route
from local.gateway_server import GatewayTransport
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
NULS = b"\0" * 8

NewGateway = Callable[..., Gateway]


@pytest.fixture
def new_gateway(tmp_path: Path) -> Iterator[NewGateway]:
    """Builds gateways whose one function has the given source and serves `path`, by default any."""
    gateways = []

    def build(source: str, *, mode: str = "BUFFERED", path: str = "/{proxy+}", **options: Any) -> Gateway:
        (tmp_path / "handler.py").write_text(source)
        route = {"Path": path, "Method": "ANY", "ResponseTransferMode": mode}
        function = {"CodeUri": str(tmp_path), "Events": {"Any": {"Type": "Api", "Properties": route}}}
        api = {"GatewayResponses": options.pop("responses", {})}
        document = {
            "Globals": {"Function": {"Handler": "handler.handler", "MemorySize": 128, "Timeout": 600}},
            "Resources": {
                "Echo": {"Type": "AWS::Serverless::Function", "Properties": function},
                "Api": {"Type": "AWS::Serverless::Api", "Properties": api},
            },
        }
        gateways.append(Gateway(Template(document), {}, {}, **options))
        return gateways[-1]

    yield build
    for gateway in gateways:
        gateway.close()


def ask(gateway: Gateway, method: str = "POST", path: str = "/x", body: bytes = b"", **headers: str) -> Any:
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
    assert (event["headers"]["x-forwarded-proto"], "X-Forwarded-Proto" in event["headers"]) == ("http", False)


# Routes


def test_the_exact_path_and_the_exact_method_come_first() -> None:
    names = {"/{proxy+}": "ANY", "/v1/models": "ANY", "/health": "GET"}
    routes = [Route(path, method, f"{method} {path}", 29) for path, method in names.items()]
    for path in ("/v1/models", "/v1/models/{id}"):
        routes.append(Route(path, "GET", f"GET {path}", 29))
    expected = {
        ("GET", "/v1/models"): ("GET /v1/models", None),
        ("POST", "/v1/models"): ("ANY /v1/models", None),
        ("GET", "/v1/models/"): ("GET /v1/models", None),
        ("GET", "/v1/models/one"): ("GET /v1/models/{id}", {"id": "one"}),
        ("GET", "/v1/models/one/two"): ("ANY /{proxy+}", {"proxy": "v1/models/one/two"}),
    }
    for asked, route in expected.items():
        found = find_route(routes, *asked)
        assert found is not None
        assert (found[0].function_id, found[1]) == route
    assert find_route(routes, "POST", "/health") is None, "a known path does not fall back"
    assert find_route(routes, "GET", "/") is None


def test_an_unknown_path_gets_the_response_that_the_template_styles(new_gateway: NewGateway) -> None:
    styled = {
        "StatusCode": 404,
        "ResponseParameters": {"Headers": {"X-Request-Id": "context.requestId", "Retry-After": "'1'"}},
        "ResponseTemplates": {"application/json": '{"text":$context.error.messageString}'},
    }
    gateway = new_gateway(ECHO, path="/", responses={"MISSING_AUTHENTICATION_TOKEN": styled})
    response, with_token = ask(gateway), ask(gateway, Authorization="Bearer x")
    headers = dict(response.headers)
    assert (response.status, json.loads(response.body)) == (404, {"text": "Missing Authentication Token"})
    assert (len(headers["x-request-id"]), headers["retry-after"]) == (36, "1")
    assert (with_token.status, "key=value" in json.loads(with_token.body)["message"]) == (403, True)


# Limits


JUST_FITS, TOO_LARGE = (MAX_PAYLOAD_BYTES - 4096) // 4 * 3, MAX_PAYLOAD_BYTES * 3 // 4


@pytest.mark.parametrize(("size", "status"), [(JUST_FITS, 204), (TOO_LARGE, 413), (MAX_BODY_BYTES + 1, 413)])
def test_a_request_has_awss_limits(new_gateway: NewGateway, size: int, status: int) -> None:
    source = "def handler(event, context):\n    return {'statusCode': 204}"
    assert ask(new_gateway(source), body=bytes(size)).status == status


def test_headers_have_awss_limit(new_gateway: NewGateway) -> None:
    gateway, room = new_gateway(ECHO), MAX_HEADERS_BYTES - len("Long")
    assert [ask(gateway, Long="x" * size).status for size in (room, room + 1)] == [200, 400]


@pytest.mark.parametrize(("size", "status"), [(MAX_PAYLOAD_BYTES - 100, 200), (MAX_PAYLOAD_BYTES, 500)])
def test_a_buffered_response_has_awss_limit(new_gateway: NewGateway, size: int, status: int) -> None:
    source = f"def handler(event, context):\n    return {{'statusCode': 200, 'body': 'x' * {size}}}"
    assert ask(new_gateway(source)).status == status


# What functions return


def test_text_base64_and_repeated_headers_are_read() -> None:
    headers = {"headers": {"A": 1, "B": "2"}, "multiValueHeaders": {"A": ["3", "4"]}}
    response = read_proxy_response({"statusCode": "201", "body": "é", **headers})
    assert (response.status, response.body) == (201, "é".encode())
    assert sorted(response.headers) == [("A", "3"), ("A", "4"), ("B", "2")]
    encoded = {"statusCode": 200, "body": "iVBORw==", "isBase64Encoded": True}
    assert read_proxy_response(encoded).body == b"\x89PNG"


def streamed(prelude: bytes, *pieces: bytes) -> HttpResponse:
    return read_streamed_response(iter([prelude, *pieces]))


@pytest.mark.parametrize("cut", [1, 17, 20, 24, 200])
def test_a_prelude_is_read_wherever_its_pieces_are_cut(cut: int) -> None:
    headers = {"headers": {"A": "1"}, "multiValueHeaders": {"B": ["2", "3"]}, "cookies": ["c=4"]}
    whole = json.dumps({"statusCode": 404, **headers}).encode() + NULS + b"a" + NULS + b"b"
    response = streamed(whole[:cut], whole[cut:])
    assert (response.status, b"".join(response.body)) == (404, b"a" + NULS + b"b")
    assert response.headers == (("A", "1"), ("B", "2"), ("B", "3"), ("set-cookie", "c=4"))


def test_the_delimiter_lies_within_16_kib() -> None:
    empty = b'{"statusCode": 200, "headers": {"A": ""}}' + NULS
    fits = empty.replace(b'""', b'"' + b"x" * (MAX_PRELUDE_BYTES - len(empty)) + b'"')
    assert list(streamed(fits, b"body").body) == [b"body"]
    with pytest.raises(ValueError, match="no delimiter within 16384 bytes"):
        streamed(b" " + fits, b"body")


@pytest.mark.parametrize(
    "returned",
    [
        None,
        {"statusCode": "OK"},
        {"statusCode": 600},
        {"statusCode": 200, "body": b"bytes"},
        {"statusCode": 200, "body": "abc", "isBase64Encoded": True},
        {"statusCode": 200, "headers": ["X-A"]},
        b'{"statusCode": 200}',
        b"[200]" + NULS,
        b'{"statusCode": 200, "body": "x"}' + NULS,
    ],
)
def test_what_api_gateway_would_refuse_is_refused(returned: Any) -> None:
    with pytest.raises(ValueError, match=r"validation error|no delimiter|adding"):
        streamed(returned) if isinstance(returned, bytes) else read_proxy_response(returned)


@pytest.mark.parametrize(("source", "mode"), [(ECHO, "RESPONSE_STREAM"), (STREAM, "BUFFERED"), ("bug", "")])
def test_a_crash_or_the_wrong_transfer_mode_is_an_internal_error_that_loses_no_environment(
    new_gateway: NewGateway, source: str, mode: str, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway = new_gateway(source, mode=mode)
    for _ in range(70):
        response = ask(gateway)
        assert (response.status, json.loads(response.body)) == (500, {"message": "Internal server error"})
    assert "Traceback" in capsys.readouterr().err, "the developer sees why"


def test_a_failure_midway_breaks_the_transfer_off(new_gateway: NewGateway) -> None:
    gateway = new_gateway(STREAM.replace('yield b"two"', "raise ValueError"), mode="RESPONSE_STREAM")
    client = httpx.Client(transport=GatewayTransport(gateway))
    with client, pytest.raises(httpx.RemoteProtocolError):
        client.get("http://api.local/x")


def test_a_client_that_stops_reading_and_head_give_the_environment_back(new_gateway: NewGateway) -> None:
    cold_starts: list[str] = []
    gateway = new_gateway(STREAM, mode="RESPONSE_STREAM", on_cold_start=cold_starts.append)
    with httpx.Client(transport=GatewayTransport(gateway)) as client:
        for _ in range(3):
            with client.stream("GET", "http://api.local/x") as response:
                assert next(response.iter_raw()) == b"one"
            assert client.head("http://api.local/x").status_code == 201
    assert cold_starts == ["Echo"]

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from local.environments import MAX_ENVIRONMENTS_PER_FUNCTION, FunctionCrashError
from local.gateway import (
    MAX_BODY_BYTES,
    MAX_HEADERS_BYTES,
    MAX_PAYLOAD_BYTES,
    Gateway,
    find_route,
)
from local.gateway_server import BrokenOffInOneLine, GatewayApp, GatewayTransport
from local.proxy_events import BodyStream, HttpAnswer, HttpRequest
from local.template import Route, Template, load_template

ECHO = """
import json
def handler(event, context):
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps(event)}
"""

NewGateway = Callable[..., Gateway]


def document(
    code: Path, routes: list[tuple[str, str]], responses: dict[str, Any], transfer_mode: str | None
) -> dict[str, Any]:
    mode = {"ResponseTransferMode": transfer_mode} if transfer_mode else {}
    events = {
        f"Event{number}": {"Type": "Api", "Properties": {"Path": path, "Method": method, **mode}}
        for number, (method, path) in enumerate(routes)
    }
    function = {"CodeUri": str(code), "Events": events}
    return {
        "Globals": {"Function": {"Handler": "handler.handler", "MemorySize": 128, "Timeout": 5}},
        "Resources": {
            "Echo": {"Type": "AWS::Serverless::Function", "Properties": function},
            "Api": {"Type": "AWS::Serverless::Api", "Properties": {"GatewayResponses": responses}},
        },
    }


@pytest.fixture
def new_gateway(tmp_path: Path) -> Iterator[NewGateway]:
    gateways = []

    def build(
        *routes: tuple[str, str],
        source: str = ECHO,
        responses: dict[str, Any] | None = None,
        transfer_mode: str | None = None,
        **options: Any,
    ) -> Gateway:
        (tmp_path / "handler.py").write_text(source)
        described = document(tmp_path, list(routes), responses or {}, transfer_mode)
        gateways.append(Gateway(Template(described), {}, {}, **options))
        return gateways[-1]

    yield build
    for gateway in gateways:
        gateway.close()


def ask(gateway: Gateway, method: str, path: str, *, body: bytes = b"", **headers: str) -> HttpAnswer:
    return gateway.answer(HttpRequest(method, path, "", tuple(headers.items()), body))


# Routing


ROUTES = [
    Route("/{proxy+}", "ANY", "any path", 29),
    Route("/", "ANY", "root", 29),
    Route("/v1/models", "ANY", "other methods", 29),
    Route("/v1/models", "GET", "models", 29),
    Route("/v1/models/{model_id}", "GET", "model", 29),
    Route("/health", "GET", "health", 29),
]


@pytest.mark.parametrize(
    ("method", "path", "function_id", "parameters"),
    [
        ("GET", "/v1/models", "models", None),
        ("POST", "/v1/models", "other methods", None),
        ("GET", "/", "root", None),
        ("GET", "/v1/models/", "models", None),
        ("GET", "/v1/models/1", "model", {"model_id": "1"}),
        ("GET", "/v1/models/1/2", "any path", {"proxy": "v1/models/1/2"}),
        ("PURGE", "/a%20b", "any path", {"proxy": "a%20b"}),
    ],
)
def test_the_most_specific_path_and_the_exact_method_come_first(
    method: str, path: str, function_id: str, parameters: dict[str, str] | None
) -> None:
    found = find_route(ROUTES, method, path)
    assert found is not None
    assert (found[0].function_id, found[1]) == (function_id, parameters)


def test_a_known_path_does_not_fall_back_to_the_greedy_one() -> None:
    assert find_route(ROUTES, "POST", "/health") is None


def test_without_a_greedy_route_an_unknown_path_has_none() -> None:
    assert find_route(ROUTES[1:], "GET", "/elsewhere") is None


# Answers


def test_a_request_reaches_its_function(new_gateway: NewGateway) -> None:
    answer = ask(new_gateway(("POST", "/echo")), "POST", "/echo", body=b"hi", Accept="*/*")
    event = json.loads(answer.body)
    assert (answer.status, event["path"], event["headers"]["Accept"]) == (200, "/echo", "*/*")


def test_head_gets_no_body(new_gateway: NewGateway) -> None:
    answer = ask(new_gateway(("HEAD", "/echo")), "HEAD", "/echo")
    assert (answer.status, answer.body) == (200, b"")


def test_an_unknown_path_is_answered_as_aws_does(new_gateway: NewGateway) -> None:
    gateway = new_gateway(("GET", "/echo"))
    plain = ask(gateway, "GET", "/elsewhere")
    assert (plain.status, json.loads(plain.body)) == (403, {"message": "Missing Authentication Token"})
    authorized = ask(gateway, "GET", "/elsewhere", Authorization="Bearer x")
    assert (authorized.status, "key=value" in json.loads(authorized.body)["message"]) == (400, True)


def test_the_template_restyles_what_the_gateway_says(new_gateway: NewGateway) -> None:
    styled = {
        "StatusCode": 404,
        "ResponseParameters": {"Headers": {"X-Request-Id": "context.requestId", "Retry-After": "'1'"}},
        "ResponseTemplates": {
            "application/json": '{"id":"$context.requestId","text":$context.error.messageString}'
        },
    }
    gateway = new_gateway(("GET", "/echo"), responses={"MISSING_AUTHENTICATION_TOKEN": styled})
    request = HttpRequest("GET", "/elsewhere", "", (), b"")
    answer = gateway.answer(request)
    assert answer.status == 404
    told = {"id": request.request_id, "text": "Missing Authentication Token"}
    assert json.loads(answer.body) == told
    headers = dict(answer.headers)
    assert (headers["x-request-id"], headers["retry-after"]) == (request.request_id, "1")
    assert headers["content-type"] == "application/json"


# Limits


@pytest.mark.parametrize("body_bytes", [MAX_BODY_BYTES + 1, MAX_PAYLOAD_BYTES * 3 // 4])
def test_a_body_beyond_awss_limits_is_refused(new_gateway: NewGateway, body_bytes: int) -> None:
    answer = ask(new_gateway(("POST", "/echo")), "POST", "/echo", body=bytes(body_bytes))
    assert answer.status == 413


def test_a_body_that_just_fits_the_event_passes(new_gateway: NewGateway) -> None:
    source = "def handler(event, context):\n    return {'statusCode': 204}"
    gateway = new_gateway(("POST", "/echo"), source=source)
    assert ask(gateway, "POST", "/echo", body=bytes((MAX_PAYLOAD_BYTES - 4096) // 4 * 3)).status == 204


def test_headers_beyond_awss_limit_are_refused(new_gateway: NewGateway) -> None:
    gateway = new_gateway(("GET", "/echo"))
    fits, too_long = MAX_HEADERS_BYTES - len("Long"), MAX_HEADERS_BYTES - len("Long") + 1
    assert ask(gateway, "GET", "/echo", Long="x" * fits).status == 200
    assert ask(gateway, "GET", "/echo", Long="x" * too_long).status == 400


@pytest.mark.parametrize(("body_bytes", "status"), [(MAX_PAYLOAD_BYTES - 100, 200), (MAX_PAYLOAD_BYTES, 500)])
def test_a_buffered_answer_has_awss_limit(new_gateway: NewGateway, body_bytes: int, status: int) -> None:
    source = f"def handler(event, context):\n    return {{'statusCode': 200, 'body': 'x' * {body_bytes}}}"
    assert ask(new_gateway(("GET", "/echo"), source=source), "GET", "/echo").status == status


@pytest.mark.parametrize(
    "body",
    [
        "raise ValueError",
        "return None",
        "return {'statusCode': {1, 2}}",
        "return {'statusCode': 200, 'headers': ['X-A']}",
    ],
)
def test_a_crash_or_nonsense_is_a_500(
    new_gateway: NewGateway, body: str, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway = new_gateway(("GET", "/echo"), source=f"def handler(event, context):\n    {body}")
    answer = ask(gateway, "GET", "/echo")
    assert (answer.status, json.loads(answer.body)) == (500, {"message": "Internal server error"})
    assert "Traceback" in capsys.readouterr().err, "whoever develops is told why"


# Streams

STREAM = """
from lambda_response_streaming import StreamedResponse
def handler(event, context):
    return StreamedResponse(201, {"X-A": ["1"], "X-B": ["2", "3"]}, body())
def body():
    yield b"one"
    yield b"two"
"""


@pytest.fixture
def cold_starts() -> list[str]:
    return []


@pytest.fixture
def new_streaming_gateway(new_gateway: NewGateway, cold_starts: list[str]) -> Callable[[str], Gateway]:
    """Builds gateways whose one route streams."""
    return lambda source, method="GET": new_gateway(
        (method, "/echo"), source=source, transfer_mode="RESPONSE_STREAM", on_cold_start=cold_starts.append
    )


def assert_internal_error(answer: HttpAnswer) -> None:
    assert isinstance(answer.body, bytes)
    assert (answer.status, json.loads(answer.body)) == (500, {"message": "Internal server error"})


def test_a_stream_is_answered_in_pieces(new_streaming_gateway: Callable[[str], Gateway]) -> None:
    answer = ask(new_streaming_gateway(STREAM), "GET", "/echo")
    assert (answer.status, answer.headers) == (201, (("X-A", "1"), ("X-B", "2"), ("X-B", "3")))
    assert isinstance(answer.body, BodyStream)
    assert list(answer.body) == [b"one", b"two"]


def test_a_buffered_answer_on_a_route_that_streams_is_an_internal_error(
    new_streaming_gateway: Callable[[str], Gateway],
) -> None:
    assert_internal_error(ask(new_streaming_gateway(ECHO), "GET", "/echo"))


@pytest.mark.parametrize("transfer_mode", [None, "BUFFERED", "STREAM"])
def test_a_stream_on_a_route_that_buffers_is_an_internal_error(
    new_gateway: NewGateway, transfer_mode: str | None
) -> None:
    gateway = new_gateway(("GET", "/echo"), source=STREAM, transfer_mode=transfer_mode)
    assert_internal_error(ask(gateway, "GET", "/echo"))


@pytest.mark.parametrize(
    "answer",
    [
        "StreamedResponse('OK', {}, body())",
        "StreamedResponse(99, {}, body())",
        "StreamedResponse(200, {'X-Long': ['x' * 17_000]}, body())",
        "StreamedResponse(200, {}, no_body())",
    ],
)
def test_a_malformed_stream_is_an_internal_error_and_the_environment_is_not_lost(
    new_streaming_gateway: Callable[[str], Gateway], answer: str
) -> None:
    source = (
        STREAM.split("    return")[0]
        + f"    if event['httpMethod'] == 'POST': return {answer}\n    return"
        + STREAM.split("    return")[1]
        + "def no_body():\n    raise ValueError\n    yield\n"
    )
    gateway = new_streaming_gateway(source, method="ANY")
    for _ in range(MAX_ENVIRONMENTS_PER_FUNCTION + 1):
        assert_internal_error(ask(gateway, "POST", "/echo"))
    assert ask(gateway, "GET", "/echo").status == 201


@pytest.mark.parametrize("transfer_mode", [None, "RESPONSE_STREAM"])
def test_a_refused_stream_leaves_its_environment_in_use(
    new_gateway: NewGateway, cold_starts: list[str], transfer_mode: str | None
) -> None:
    source = STREAM if transfer_mode is None else STREAM.replace("201", "99")
    gateway = new_gateway(
        ("GET", "/echo"), source=source, transfer_mode=transfer_mode, on_cold_start=cold_starts.append
    )
    for _ in range(3):
        assert_internal_error(ask(gateway, "GET", "/echo"))
    assert cold_starts == ["Echo"]


def test_head_gets_no_body_of_a_stream_and_the_environment_is_not_lost(
    new_streaming_gateway: Callable[..., Gateway], cold_starts: list[str]
) -> None:
    gateway = new_streaming_gateway(STREAM, method="HEAD")
    for _ in range(3):
        answer = ask(gateway, "HEAD", "/echo")
        assert (answer.status, answer.body) == (201, b"")
    assert cold_starts == ["Echo"]


def test_a_stream_may_take_more_than_a_buffered_answer(
    new_streaming_gateway: Callable[[str], Gateway],
) -> None:
    source = STREAM.replace('b"one"', f"bytes({MAX_PAYLOAD_BYTES})")
    answer = ask(new_streaming_gateway(source), "GET", "/echo")
    assert sum(map(len, answer.body)) == MAX_PAYLOAD_BYTES + len("two")


@pytest.mark.parametrize("way_in", ["transport", "server"])
def test_a_stream_is_delivered_whole_by_either_way(
    new_streaming_gateway: Callable[..., Gateway], way_in: str
) -> None:
    gateway = new_streaming_gateway(STREAM, method="POST")
    post = post_by_transport if way_in == "transport" else post_by_server
    answer = post(gateway, url="http://api.local/echo")
    assert (answer.status_code, answer.content) == (201, b"onetwo")
    assert answer.headers.get_list("X-B") == ["2", "3"]
    assert "content-length" not in answer.headers


@pytest.mark.parametrize("way_in", ["transport", "server"])
def test_a_failure_midway_breaks_the_transfer_off(
    new_streaming_gateway: Callable[..., Gateway], way_in: str
) -> None:
    source = STREAM.replace('yield b"two"', "raise ValueError('midway')")
    gateway = new_streaming_gateway(source, method="POST")
    if way_in == "transport":
        with pytest.raises(httpx.RemoteProtocolError):
            post_by_transport(gateway, url="http://api.local/echo")
    else:
        # Whatever server runs the application closes the connection when this reaches it.
        with pytest.raises(FunctionCrashError, match="midway"):
            post_by_server(gateway, url="http://api.local/echo")


def test_an_answer_that_breaks_off_is_told_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("a server's")
    told = BrokenOffInOneLine()
    logger.addFilter(told)
    for failure in (FunctionCrashError("midway"), ValueError("our own")):
        try:
            raise failure
        except (FunctionCrashError, ValueError):
            logger.exception("Exception in ASGI application")
    broken_off, other = caplog.records
    assert (broken_off.getMessage(), broken_off.exc_info) == (
        "An answer broke off: FunctionCrashError('midway')",
        None,
    )
    assert other.getMessage() == "Exception in ASGI application"
    assert other.exc_info is not None


def test_a_client_that_stops_reading_gives_the_environment_back(
    new_streaming_gateway: Callable[..., Gateway], cold_starts: list[str]
) -> None:
    gateway = new_streaming_gateway(STREAM)
    with httpx.Client(transport=GatewayTransport(gateway)) as client:
        for _ in range(3):
            with client.stream("GET", "http://api.local/echo") as answer:
                assert next(answer.iter_raw()) == b"one"
            with client.stream("GET", "http://api.local/echo") as answer:
                assert answer.status_code == 201
    assert cold_starts == ["Echo"]


def test_a_server_that_cannot_send_gives_the_environment_back(
    new_streaming_gateway: Callable[..., Gateway], cold_starts: list[str]
) -> None:
    app = GatewayApp(new_streaming_gateway(STREAM))
    scope = {
        "type": "http", "method": "GET", "raw_path": b"/echo", "query_string": b"", "headers": [],
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def refuse(message: dict[str, Any]) -> None:
        raise OSError("the connection is gone")

    for _ in range(3):
        with pytest.raises(OSError, match="gone"):
            asyncio.run(app(scope, receive, refuse))
    assert cold_starts == ["Echo"]


# The two ways in


@pytest.mark.parametrize("way_in", ["transport", "server"])
def test_a_request_arrives_whole_by_either_way(new_gateway: NewGateway, way_in: str) -> None:
    gateway = new_gateway(("POST", "/{proxy+}"))
    sent = {
        "url": "http://api.local/caf%C3%A9%2Fau?lait=1&lait=2",
        "content": b"\x00\xff",
        "headers": {"Accept": "*/*"},
    }
    event = (post_by_transport if way_in == "transport" else post_by_server)(gateway, **sent).json()
    assert event["path"] == "/café/au"
    assert event["multiValueQueryStringParameters"] == {"lait": ["1", "2"]}
    assert (event["body"], event["isBase64Encoded"]) == ("AP8=", True)
    assert event["headers"].get("Accept", event["headers"].get("accept")) == "*/*"


def post_by_transport(gateway: Gateway, **sent: Any) -> httpx.Response:
    with httpx.Client(transport=GatewayTransport(gateway)) as client:
        return client.post(**sent)


def post_by_server(gateway: Gateway, **sent: Any) -> httpx.Response:
    async def post() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(GatewayApp(gateway))) as client:
            return await client.post(**sent)

    return asyncio.run(post())


def test_the_server_reads_no_further_than_what_shows_that_a_body_is_too_large(
    new_gateway: NewGateway,
) -> None:
    chunks_read = 0

    async def endless() -> Any:
        nonlocal chunks_read
        for _ in range(100):
            chunks_read += 1
            yield bytes(1024 * 1024)

    answer = post_by_server(new_gateway(("POST", "/{proxy+}")), url="http://api.local/x", content=endless())
    assert answer.status_code == 413
    assert chunks_read <= MAX_BODY_BYTES // (1024 * 1024) + 2


def test_the_project_s_own_template_can_be_served() -> None:
    template = load_template()
    names = [*template.document["Parameters"], *template.document["Resources"], "AWS::StackName"]
    gateway = Gateway(template, dict.fromkeys(names, "x"), {})
    assert json.loads(ask(gateway, "GET", "/health").body) == {"ok": True}
    gateway.close()


def test_yaml_is_only_data(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text("a: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(yaml.YAMLError):
        load_template(path)

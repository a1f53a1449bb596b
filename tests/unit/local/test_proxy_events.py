import base64
from typing import Any

import pytest

from local.proxy_events import HttpRequest, MalformedProxyAnswerError, build_proxy_event, read_proxy_answer


def request(method: str = "GET", path: str = "/", query: str = "", body: bytes = b"", **headers: str) -> Any:
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return HttpRequest(method, path, query, pairs, body, source_ip="203.0.113.7", request_id="request-1")


def event_of(sent: HttpRequest, **route: Any) -> dict[str, Any]:
    return build_proxy_event(sent, **{"resource": "/", "path_parameters": None} | route)


# Requests


def test_an_event_tells_where_the_request_went() -> None:
    event = event_of(
        request("POST", "/v1/caf%C3%A9"), resource="/{proxy+}", path_parameters={"proxy": "v1/café"}
    )
    assert (event["httpMethod"], event["path"], event["resource"]) == ("POST", "/v1/café", "/{proxy+}")
    assert event["pathParameters"] == {"proxy": "v1/café"}
    context = event["requestContext"]
    assert (context["requestId"], context["identity"]["sourceIp"]) == ("request-1", "203.0.113.7")
    assert (context["httpMethod"], context["resourcePath"]) == ("POST", "/{proxy+}")


def test_every_body_comes_in_base64() -> None:
    event = event_of(request("POST", body=b'{"text": "json too"}'))
    assert base64.b64decode(event["body"]) == b'{"text": "json too"}'
    assert event["isBase64Encoded"] is True


def test_no_body_is_none() -> None:
    event = event_of(request())
    assert (event["body"], event["isBase64Encoded"]) == (None, False)


def test_a_repeated_parameter_is_kept_in_the_multi_value_form() -> None:
    event = event_of(request(query="a=1&b=&a=%C3%A9"))
    assert event["queryStringParameters"] == {"a": "é", "b": ""}
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "é"], "b": [""]}


def test_without_a_query_there_is_none() -> None:
    event = event_of(request())
    assert (event["queryStringParameters"], event["multiValueQueryStringParameters"]) == (None, None)


def test_a_repeated_header_is_kept_in_the_multi_value_form() -> None:
    sent = HttpRequest("GET", "/", "", (("Accept", "a"), ("Accept", "b")), b"")
    event = event_of(sent)
    assert event["headers"]["Accept"] == "b"
    assert event["multiValueHeaders"]["Accept"] == ["a", "b"]


def test_the_gateway_adds_its_own_headers() -> None:
    headers = event_of(request(X_Forwarded_For="1.2.3.4", Host="api.local"))["headers"]
    assert headers["X-Forwarded-Proto"] == "https"
    assert headers["X-Forwarded-For"] == "203.0.113.7"
    assert headers["X-Amzn-Trace-Id"].startswith("Root=1-")
    assert headers["Host"] == "api.local"


def test_plain_http_can_be_tried_out() -> None:
    multi_values = event_of(request(x_forwarded_proto="http"))["multiValueHeaders"]
    told = [values for name, values in multi_values.items() if name.lower() == "x-forwarded-proto"]
    assert told == [["http"]]


def test_every_request_gets_an_id_of_its_own() -> None:
    ids = {HttpRequest("GET", "/", "", (), b"").request_id for _ in range(2)}
    assert len(ids) == 2


def test_a_header_is_found_in_any_case() -> None:
    assert request(AUTHORIZATION="x").header("Authorization") == "x"
    assert request().header("Authorization") is None


# Answers


def test_text_becomes_bytes() -> None:
    answer = read_proxy_answer({"statusCode": 200, "headers": {"X-A": 1}, "body": "é"})
    assert (answer.status, answer.headers, answer.body) == (200, (("X-A", "1"),), "é".encode())


def test_base64_is_decoded() -> None:
    answer = read_proxy_answer({"statusCode": 200, "body": "iVBORw==", "isBase64Encoded": True})
    assert answer.body == b"\x89PNG"


def test_multi_value_headers_come_before_single_ones_of_the_same_name() -> None:
    answer = read_proxy_answer(
        {"statusCode": 200, "headers": {"A": "1", "B": "2"}, "multiValueHeaders": {"A": ["3", "4"]}}
    )
    assert sorted(answer.headers) == [("A", "3"), ("A", "4"), ("B", "2")]


@pytest.mark.parametrize("status", [204, "204"])
def test_a_status_may_be_text_and_a_body_may_be_missing(status: object) -> None:
    answer = read_proxy_answer({"statusCode": status, "headers": None, "body": None})
    assert (answer.status, answer.headers, answer.body) == (204, (), b"")


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "text",
        [],
        {},
        {"statusCode": None},
        {"statusCode": "OK"},
        {"statusCode": 99},
        {"statusCode": 600},
        {"statusCode": 200.0},
        {"statusCode": 200, "body": b"bytes"},
        {"statusCode": 200, "body": {"json": 1}},
        {"statusCode": 200, "body": "é", "isBase64Encoded": True},
        {"statusCode": 200, "body": "abc", "isBase64Encoded": True},
    ],
)
def test_an_answer_that_the_gateway_would_not_accept_is_refused(answer: Any) -> None:
    with pytest.raises(MalformedProxyAnswerError):
        read_proxy_answer(answer)

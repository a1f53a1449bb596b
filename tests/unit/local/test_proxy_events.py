import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.proxy_events import (
    MAX_PRELUDE_BYTES,
    BodyStream,
    HttpAnswer,
    HttpRequest,
    MalformedProxyAnswerError,
    build_proxy_event,
    read_proxy_answer,
    read_streamed_answer,
)


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
        {"statusCode": 200, "headers": ["X-A"]},
        {"statusCode": 200, "multiValueHeaders": ["X-A"]},
        {"statusCode": 200, "multiValueHeaders": {"X-A": "1"}},
    ],
)
def test_an_answer_that_the_gateway_would_not_accept_is_refused(answer: Any) -> None:
    with pytest.raises(MalformedProxyAnswerError):
        read_proxy_answer(answer)


# Streamed answers

DELIMITER = b"\0" * 8


def prelude(**metadata: Any) -> bytes:
    return json.dumps({"statusCode": 200, **metadata}).encode() + DELIMITER


def read(*pieces: bytes) -> HttpAnswer:
    return read_streamed_answer(iter(pieces))


def body_of(answer: HttpAnswer) -> list[bytes]:
    assert isinstance(answer.body, BodyStream)
    return list(answer.body)


def test_a_streamed_answer_has_status_headers_and_body() -> None:
    answer = read(prelude(statusCode=404, headers={"X-A": "1"}), b"one", b"two")
    assert (answer.status, answer.headers) == (404, (("X-A", "1"),))
    assert body_of(answer) == [b"one", b"two"]


def test_every_value_of_a_header_and_every_cookie_is_sent() -> None:
    answer = read(prelude(multiValueHeaders={"X-A": ["1", "2"]}, cookies=["a=1; Secure", "b=2"]))
    assert answer.headers == (
        ("X-A", "1"),
        ("X-A", "2"),
        ("set-cookie", "a=1; Secure"),
        ("set-cookie", "b=2"),
    )


def test_what_follows_the_delimiter_in_its_piece_is_body() -> None:
    assert body_of(read(prelude() + b"begun", b"rest")) == [b"begun", b"rest"]


def test_a_body_may_hold_the_delimiter_too() -> None:
    assert b"".join(body_of(read(prelude() + b"a" + DELIMITER + b"b", DELIMITER))) == (
        b"a" + DELIMITER + b"b" + DELIMITER
    )


@pytest.mark.parametrize("at", range(1, len(DELIMITER)))
def test_the_delimiter_may_come_in_two_pieces(at: int) -> None:
    whole = prelude(headers={"X-A": "1"}) + b"body"
    cut = whole.index(DELIMITER) + at
    answer = read(whole[:cut], whole[cut:])
    assert answer.headers == (("X-A", "1"),)
    assert body_of(answer) == [b"body"]


def test_a_prelude_may_come_byte_by_byte() -> None:
    pieces = [bytes([byte]) for byte in prelude() + b"ab"]
    assert body_of(read(*pieces)) == [b"a", b"b"]


@pytest.mark.parametrize("sent", [prelude(), prelude(statusCode="204")])
def test_a_body_may_be_empty(sent: bytes) -> None:
    assert body_of(read(sent)) == []


def test_no_more_is_read_than_the_prelude_needs() -> None:
    asked: list[int] = []

    def pieces() -> Iterator[bytes]:
        for number, piece in enumerate((prelude(), b"one", b"two")):
            asked.append(number)
            yield piece

    answer = read_streamed_answer(pieces())
    assert asked == [0]
    assert body_of(answer) == [b"one", b"two"]


def padded(length: int) -> bytes:
    """A prelude of this many bytes, the delimiter among them."""
    return prelude(headers={"X": "x" * (length - len(prelude(headers={"X": ""})))})


@pytest.mark.parametrize("piece_bytes", [1000, 16 * 1024, 20_000])
def test_the_delimiter_has_to_lie_within_16_kib(piece_bytes: int) -> None:
    fits, too_long = padded(MAX_PRELUDE_BYTES), padded(MAX_PRELUDE_BYTES + 1)
    assert len(fits) == 16_384
    assert body_of(read(*in_pieces(fits + b"body", piece_bytes)))[-1][-4:] == b"body"
    with pytest.raises(MalformedProxyAnswerError, match="no delimiter within 16384 bytes"):
        read(*in_pieces(too_long + b"body", piece_bytes))


def in_pieces(content: bytes, piece_bytes: int) -> list[bytes]:
    return [content[at : at + piece_bytes] for at in range(0, len(content), piece_bytes)]


def test_an_endless_prelude_is_not_read_to_its_end() -> None:
    read_bytes = 0

    def endless() -> Iterator[bytes]:
        nonlocal read_bytes
        for _ in range(1000):
            read_bytes += 1024
            yield b"x" * 1024

    with pytest.raises(MalformedProxyAnswerError):
        read_streamed_answer(endless())
    assert read_bytes <= MAX_PRELUDE_BYTES + 1024


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"{}",
        b'{"statusCode": 200}',
        b'{"statusCode": 200}' + DELIMITER[1:],
        DELIMITER,
        b"no JSON" + DELIMITER,
        b"\xff" + DELIMITER,
        b"[200]" + DELIMITER,
        b"{}" + DELIMITER,
        prelude(statusCode="OK"),
        prelude(statusCode=None),
        prelude(statusCode=99),
        prelude(statusCode=600),
        prelude(statusCode=200.0),
        prelude(body="in the prelude"),
        prelude(isBase64Encoded=False),
        prelude(headers=["X-A"]),
        prelude(multiValueHeaders={"X-A": "1"}),
        prelude(cookies="a=1"),
        json.dumps({"statusCode": 200, "headers": {}, "body": "buffered"}).encode(),
    ],
)
def test_a_stream_that_the_gateway_would_not_accept_is_refused(sent: bytes) -> None:
    with pytest.raises(MalformedProxyAnswerError):
        read(sent)


def test_closing_a_body_closes_its_source() -> None:
    closed: list[bool] = []

    def pieces() -> Iterator[bytes]:
        try:
            yield prelude()
            yield b"one"
        finally:
            closed.append(True)

    answer = read_streamed_answer(pieces())
    assert isinstance(answer.body, BodyStream)
    answer.body.close()
    assert closed == [True]

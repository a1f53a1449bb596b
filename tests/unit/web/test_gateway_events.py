"""REST proxy events are read as Mangum reads them, only faster."""

import base64
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mangum.handlers import APIGateway

from imagineart.web.gateway_events import ApiGatewayEvent

CONFIG = {"api_gateway_base_path": "/", "text_mime_types": [], "exclude_headers": []}
texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
names = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,15}", fullmatch=True)


def event(**changes: Any) -> dict[str, Any]:
    return {
        "resource": "/v1/uploads",
        "path": "/v1/uploads",
        "httpMethod": "POST",
        "headers": {},
        "multiValueHeaders": {},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "requestContext": {"requestId": "req-1", "identity": {"sourceIp": "127.0.0.1"}},
        "body": None,
        "isBase64Encoded": False,
    } | changes


@given(
    st.dictionaries(names, st.lists(texts, min_size=1, max_size=3), max_size=5),
    st.none() | st.dictionaries(names, st.lists(texts, min_size=1, max_size=3), max_size=3),
    st.sampled_from(["GET", "POST"]),
)
def test_the_scope_is_mangums(headers: dict[str, list[str]], query: Any, method: str) -> None:
    came = event(multiValueHeaders=headers, multiValueQueryStringParameters=query, httpMethod=method)
    context = SimpleNamespace()
    assert ApiGatewayEvent.read(came, context).scope == APIGateway(came, context, CONFIG).scope


@given(st.binary())
def test_a_binary_body_is_decoded(content: bytes) -> None:
    came = event(body=base64.b64encode(content).decode(), isBase64Encoded=True)
    assert ApiGatewayEvent.read(came, None).body == content == APIGateway(came, None, CONFIG).body


@given(st.text())
def test_a_text_body_is_utf8(content: str) -> None:
    came = event(body=content)
    assert ApiGatewayEvent.read(came, None).body == content.encode()


@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize("body", [{"body": None}, {"body": ""}])
def test_an_absent_body_is_an_empty_one(body: dict[str, Any], encoded: bool) -> None:
    assert ApiGatewayEvent.read(event(isBase64Encoded=encoded, **body), None).body == b""


@pytest.mark.parametrize("body", ["no base64!", "QUJ", "füchse"])
def test_a_body_that_is_no_base64_is_refused(body: str) -> None:
    with pytest.raises(ValueError, match=r"base64|padding|ASCII|Incorrect|Non-"):
        _ = ApiGatewayEvent.read(event(body=body, isBase64Encoded=True), None).body

"""Which response a caller prefers, by its Accept header."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagineart.apis.common.accepted_types import prefers_json

JSON = [
    "application/json", "Application/JSON", "application/json; charset=utf-8", "application/*",
    "application/json, */*;q=0.1", "*/*;q=0.1,application/json", "image/png;q=0.5, application/json",
    "application/json;q=0.5, image/png;q=0.4", "application/json;q=0.001", "image/png;q=0, */*",
    "image/*;q=0.2, application/json;q=0.3", "text/html, application/json;q=0.1",
    "application/json, image/png;q=0.5, */*", "application/json;q=1, image/png;q=0.999",
    "application/json;version=1;q=0.5", "image/*;q=0.2, */*, application/json;q=0.5",
]  # fmt: skip
PNG = [
    "application/*;q=0.2, */*",
    "image/png", "image/*", "IMAGE/PNG", "image/png, */*;q=0.1", "application/json;q=0.5, image/png",
    "application/json;q=0, */*", "application/json;q=0.5, */*;q=0.6", "image/*, application/json;q=0.9",
]  # fmt: skip
NO_PREFERENCE = [
    "", "*/*", "*/*;q=0.3", "text/html", "application/xml", "image/jpeg", "application/json, image/png",
    "application/json, */*", "application/json, text/plain, */*", "image/*, application/*", ",", ";", "q=1",
    "application/json;q=0", "image/png;q=0.0", "application/json;q=high", "application/json;q=",
    "application/json;q=2", "application/json;q=-1", "application/json;q=nan", "image/png;q=inf",
    "application/jsonp", "json",
]  # fmt: skip


@pytest.mark.parametrize("otherwise", [True, False])
@pytest.mark.parametrize("accept", JSON)
def test_json_is_preferred_whatever_was_sent(accept: str, otherwise: bool) -> None:
    assert prefers_json(accept, otherwise=otherwise)


@pytest.mark.parametrize("otherwise", [True, False])
@pytest.mark.parametrize("accept", PNG)
def test_png_is_preferred_whatever_was_sent(accept: str, otherwise: bool) -> None:
    assert not prefers_json(accept, otherwise=otherwise)


@pytest.mark.parametrize("otherwise", [True, False])
@pytest.mark.parametrize("accept", NO_PREFERENCE)
def test_without_a_preference_what_was_sent_decides(accept: str, otherwise: bool) -> None:
    assert prefers_json(accept, otherwise=otherwise) is otherwise


@given(st.text(st.characters(max_codepoint=255)), st.booleans())
def test_any_header_can_be_read(accept: str, otherwise: bool) -> None:
    assert prefers_json(accept, otherwise=otherwise) in (True, False)

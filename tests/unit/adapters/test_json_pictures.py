"""The picture in a JSON answer comes out whole, however the answer is written and cut, or not at all."""

import base64
import json
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imagineart.adapters.json_pictures import NoPictureError, decode_picture

PICTURE = bytes(range(256)) * 3 + b"ends in padding"
TEXT = base64.b64encode(PICTURE)
ESCAPED = TEXT.replace(b"/", rb"\/").replace(b"+", rb"\u002B").replace(b"=", rb"\u003d")
"""As PHP's and .NET's encoders write it."""

FORMS = {
    "alone": b'{"data":[{"b64_json":"%b"}]}',
    "as OpenAI has it": b'{"created": 1, "size": "auto", "data": [{"b64_json": "%b"}], "usage": {"a": [1]}}',
    "with neighbours": b'{"data":[{"url":null,"note":"a \\"b64_json\\": \\"QQ==","b64_json":"%b","x":"y"}]}',
    "spread out": b' \r\n{ "created" : -1.5e3 ,\n"ok":true,"data"\t:\n[ { "b64_json" : "%b" } , {} ] }\n',
    "after an object": b'{"usage": {"data": [{"b64_json": "QQ=="}]}, "data": [{"b64_json": "%b"}]}',
    "after a list": b'{"sizes": [1, 2], "data": [{"b64_json": "%b"}]}',
}


def cut(content: bytes, piece_bytes: int) -> Iterator[bytes]:
    return (content[at : at + piece_bytes] for at in range(0, len(content), piece_bytes))


def decode(content: bytes, piece_bytes: int = 100_000) -> bytes:
    return b"".join(decode_picture(cut(content, piece_bytes)))


@pytest.mark.parametrize("piece_bytes", [1, 2, 3, 5, 7, 64, 1000, 1_000_000])
@pytest.mark.parametrize("text", [TEXT, ESCAPED], ids=["plain", "escaped"])
@pytest.mark.parametrize("form", FORMS)
def test_the_picture_is_found_wherever_the_answer_is_cut(form: str, text: bytes, piece_bytes: int) -> None:
    answer = FORMS[form] % text
    assert json.loads(answer)["data"][0]["b64_json"].encode() == TEXT
    assert decode(answer, piece_bytes) == PICTURE


@given(st.binary(max_size=40), st.integers(1, 9))
@example(b"", 1)
def test_a_picture_of_any_length_comes_out_whole(content: bytes, piece_bytes: int) -> None:
    answer = json.dumps({"data": [{"b64_json": base64.b64encode(content).decode()}]}).encode()
    assert decode(answer, piece_bytes) == content


def test_the_picture_is_passed_on_while_the_answer_arrives() -> None:
    taken = 0

    def arriving() -> Iterator[bytes]:
        nonlocal taken
        for piece in cut(FORMS["as OpenAI has it"] % TEXT, 100):
            taken += len(piece)
            yield piece

    pieces = decode_picture(arriving())
    received = b""
    while len(received) < len(PICTURE) // 2:
        received += next(pieces)
    assert PICTURE.startswith(received)
    assert taken < len(TEXT) * 0.75


@pytest.mark.parametrize("piece_bytes", [1, 3, 1000])
@pytest.mark.parametrize(
    "answer",
    [
        b"", b"null", b"[1]", b"{}", b'{"data": []}', b'{"data": {}}', b'{"data": [null]}', b"\xff\xfe",
        b'{"data": [{"url": "http://127.0.0.1/a.png"}]}', b'{"data": [{"b64_json": 17}]}',
        b'{"error": {"data": [{"b64_json": "QQ=="}]}}', b'{"data": [[{"b64_json": "QQ=="}]]}',
        b'{"data": [{"b64_json": "QUJD', b'{"data": [{"b64_json": "QUJD"', b'{"data": [{"b64_json": "QUJD"}]',
        b'{"data": [{"b64_json": "QUJD"}]}}', b'{"data": [{"b64_json": "QUJD" "x"}]}',
        b'{"data": [{"b64_json": "QUI"}]}', b'{"data": [{"b64_json": "QQ==QQ=="}]}',
        b'{"data": [{"b64_json": "QUJDQ=="}]}', b'{"data": [{"b64_json": "QUJD QUJD"}]}',
        b'{"data": [{"b64_json": "QUJD\\nQUJD"}]}', b'{"data": [{"b64_json": "QU-_"}]}',
        b'{"data": [{"b64_json": "QUJD\\"}]}', b'{"data": [{"b64_json": "QU\\\\/D"}]}',
        b'{"data": [{"b64_json": "QUJ\\u00e9"}]}', b'{"data": [{"b64_json": "QUJ\\ud800"}]}',
        b'{"data": [{"b64_json": "QUJ\\x41"}]}', b'{"data": [{"b64_json": "\xc3\xa9\xc3\xa9"}]}',
        b'{"data": [{"b64_json": "QUJD"}], "more": ' + b"[" * 3000,
    ],
    ids=lambda value: ascii(value[:60]) if isinstance(value, bytes) else str(value),
)  # fmt: skip
def test_an_answer_without_a_picture_is_refused(answer: bytes, piece_bytes: int) -> None:
    with pytest.raises(NoPictureError):
        decode(answer, piece_bytes)


@given(st.binary(max_size=60), st.integers(1, 60))
def test_any_bytes_are_refused_or_decoded_as_the_json_library_does(noise: bytes, piece_bytes: int) -> None:
    answer = b'{"data":[{"b64_json":"QUJD' + noise + b'"}]}'
    try:
        expected = base64.b64decode(json.loads(answer)["data"][0]["b64_json"], validate=True)
    except ValueError:
        with pytest.raises(NoPictureError):
            decode(answer, piece_bytes)
    else:
        assert decode(answer, piece_bytes) == expected


def test_a_picture_after_a_long_text_is_found_as_well() -> None:
    answer = b'{"note": "' + b"x" * 70_000 + b'", "data": [{"b64_json": "%b"}]}' % TEXT
    assert decode(answer, 1000) == PICTURE


def test_what_follows_the_picture_has_an_end() -> None:
    def endless() -> Iterator[bytes]:
        yield b'{"data": [{"b64_json": "QUJD"}]}'
        while True:
            yield bytes(4096).replace(b"\0", b" ")

    with pytest.raises(NoPictureError, match="too much follows"):
        list(decode_picture(endless()))


@pytest.mark.parametrize(
    "broken", [b'{"data": [{"b64_json": "QUJDQUI"}]}', b'{"data": [{"b64_json": "QUJD"}']
)
def test_nothing_of_an_answer_that_came_in_one_piece_and_is_broken_is_passed_on(broken: bytes) -> None:
    with pytest.raises(NoPictureError):
        next(decode_picture(iter([broken])))

"""Bodies of every sender are read the same way, and nothing unexpected passes."""

import asyncio
import json
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from starlette.requests import Request

from imagineart.apis.common.fields import SubmittedFields, read_fields
from imagineart.errors import InvalidRequestError

FILES = frozenset({"images", "image", "image[]"})
BOUNDARY = "----a-boundary-9f2"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"
URLENCODED = "application/x-www-form-urlencoded"

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
fields_of_text = st.dictionaries(st.sampled_from(["prompt", "seed", "resolution", "other"]), texts)
contents = st.binary(min_size=1, max_size=200) | st.sampled_from(
    [b"\r\n", b"\r\n\r\n", b"a\nb\rc\r\nd", b"--", b"\r\n--", f"\r\n--{BOUNDARY[:-1]}".encode()]
)


def read(content_type: str | None, body: bytes) -> SubmittedFields:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [] if content_type is None else [(b"content-type", content_type.encode())]
    scope = {"type": "http", "method": "POST", "path": "/", "headers": headers, "query_string": b""}
    return asyncio.run(read_fields(Request(scope, receive), file_fields=FILES))


def part(name: str, content: bytes = b"x", *, disposition: str = "", headers: str = "") -> bytes:
    head = f'Content-Disposition: form-data; name="{name}"{disposition}\r\n{headers}\r\n'
    return head.encode() + content


def multipart(*parts: bytes) -> bytes:
    line = f"--{BOUNDARY}".encode()
    return b"".join(line + b"\r\n" + each + b"\r\n" for each in parts) + line + b"--\r\n"


def read_parts(*parts: bytes) -> SubmittedFields:
    return read(MULTIPART, multipart(*parts))


def refusal(content_type: str | None, body: bytes) -> str:
    with pytest.raises(InvalidRequestError) as caught:
        read(content_type, body)
    return caught.value.message


@given(fields_of_text, st.lists(contents, min_size=1, max_size=6))
def test_a_multipart_form_of_httpx_is_read_back(fields: dict[str, str], files: list[bytes]) -> None:
    uploads = [("images", (f"{at}.txt", content, "text/plain")) for at, content in enumerate(files)]
    request = httpx.Request("POST", "http://127.0.0.1/", data=fields, files=uploads)
    submitted = read(request.headers["content-type"], request.read())
    assert (submitted.values, submitted.files) == (fields, tuple(files))
    assert not submitted.is_json


@given(fields_of_text)
def test_every_encoding_gives_the_same_fields(fields: dict[str, str]) -> None:
    assume(fields)
    from_parts = read_parts(*[part(name, text.encode()) for name, text in fields.items()])
    assert read(URLENCODED, urlencode(fields).encode()) == from_parts
    assert read("application/json", json.dumps(fields).encode()).values == from_parts.values


def test_texts_among_the_files_name_uploads_and_keep_their_order() -> None:
    file = part("images", b"1", disposition='; filename="a.png"')
    submitted = read_parts(part("images", b"upl_a"), file, part("images", b"upl_b"))
    assert submitted.files == ("upl_a", b"1", "upl_b")
    assert read(URLENCODED, b"images=upl_b&images=upl_a").files == ("upl_b", "upl_a")
    assert read("application/json", b'{"images": ["upl_b", "upl_a"]}').files == ("upl_b", "upl_a")
    assert read("application/json", b'{"images": "upl_a"}').files == ("upl_a",)


@pytest.mark.parametrize("name", ["images", "images[]", "images[0]", "image", "image[]", "image[12]"])
def test_files_come_under_every_name_that_clients_give_them(name: str) -> None:
    submitted = read_parts(part(name, b"1", disposition='; filename="a.png"'))
    assert (submitted.files, submitted.names) == ((b"1",), {name})


@pytest.mark.parametrize(
    ("disposition", "headers"),
    [("", "Content-Type: image/png\r\n"), ("", "Content-Type: application/octet-stream\r\n"),
     ("", "Content-Type: IMAGE/JPEG\r\n"), ("; filename*=UTF-8''a.png", ""), ('; filename*0="a"', ""),
     ('; filename=""', "")],
)  # fmt: skip
def test_a_part_is_a_file_however_its_sender_says_so(disposition: str, headers: str) -> None:
    assert read_parts(part("images", b"\xff\xd8", disposition=disposition, headers=headers)).files == (
        b"\xff\xd8",
    )


def test_empty_fields_are_absent() -> None:
    empty_file = part("images", b"", disposition='; filename=""')
    submitted = read_parts(part("prompt", b"a"), part("seed", b""), empty_file)
    assert (submitted.values, submitted.files, submitted.names) == ({"prompt": "a"}, (), {"prompt"})
    assert read("application/json", b'{"prompt": "a", "mask": null}').values == {"prompt": "a"}


def test_a_preamble_is_skipped() -> None:
    body = b"This is a form.\r\n" + multipart(part("prompt", b"a"))
    assert read(MULTIPART, body).values == {"prompt": "a"}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([part("prompt"), part("prompt")], "prompt: the field came more than once; allowed: once."),
        ([part("prompt", b"a\xff")], "prompt: byte 1 is not UTF-8; allowed: UTF-8 text."),
        ([part("a very odd <name>", b"\xff")], "form: 'a very odd <name>': byte 0 is not UTF-8"),
        ([part("")], "body: each part of the form needs a name."),
        ([b"\r\nx"], "body: each part of the form needs exactly one Content-Disposition."),
        ([part("prompt", headers='Content-Disposition: form-data; name="n"\r\n')], "exactly one Content"),
        ([part("prompt", headers="Content-Transfer-Encoding: base64\r\n")],
         "prompt: got Content-Transfer-Encoding 'base64'; allowed: binary, 8bit, 7bit."),
        ([part("prompt", headers="Content-Type: text/plain; charset=latin1\r\n")],
         "prompt: got charset 'latin1'; allowed: utf-8, us-ascii."),
        ([part("prompt", disposition=';\r\n filename="x"')], "allowed: each header on one line."),
        ([part(f"f{at}") for at in range(80)], "body: the multipart form"),
    ],
)  # fmt: skip
def test_a_form_that_is_not_what_it_seems_is_refused_by_name(parts: list[bytes], message: str) -> None:
    assert message in refusal(MULTIPART, multipart(*parts))


def test_a_name_that_is_none_of_ours_is_not_the_field_that_is_logged() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read_parts(part("a secret prompt", b"\xff"))
    assert caught.value.field == "form"


@given(st.integers(min_value=1, max_value=200))
def test_a_truncated_form_is_never_taken_for_a_whole_one(missing: int) -> None:
    whole = multipart(part("prompt", b"a"), part("seed", b"7"))
    cut = whole[: max(1, len(whole) - 2 - missing)]
    assert refusal(MULTIPART, cut).startswith(("body: ", "prompt: ", "seed: "))


@pytest.mark.parametrize(
    ("content_type", "body", "message"),
    [
        (MULTIPART, b"", "body: the request body is empty"),
        (MULTIPART, b"no form", "body: the multipart form is malformed"),
        ("multipart/form-data", multipart(part("prompt")), "body: the multipart form"),
        (URLENCODED, b"prompt=%FF", "body: the urlencoded form is malformed"),
        (URLENCODED, "prompt=ü".encode(), "body: the urlencoded form is malformed"),
        ("text/plain", b"x", "Content-Type: got 'text/plain'; allowed: multipart/form-data"),
        (None, b"x", "Content-Type: got none; allowed: multipart/form-data"),
        ("application/json", b"{", "body: is not JSON, as its Content-Type says."),
        ("application/json", b"[1]", "body: is not a JSON object"),
        ("application/json", b"[" * 100_000, "body: is not JSON"),
        ("application/json", b'{"prompt": "a", "prompt": "b"}', "prompt: the field came more than once"),
        ("application/json", json.dumps(dict.fromkeys(map(str, range(65)))).encode(), "body: got 65 fields;"),
        ("application/json", b'{"images": ["a"], "images": ["b"]}', "images: the field came more than once"),
        ("application/json", b'{"seed": NaN}', "body: is not JSON, as its Content-Type says."),
        (
            "application/json",
            '{"prompt": "a"}'.encode("utf-16"),
            "body: is not UTF-8; allowed: JSON in UTF-8.",
        ),
        ("application/json", b'{"images": [1]}', "images: got something else than text"),
        ("application/json", b'{"images": {"a": 1}}', "images: got something else than text"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_with_what_is_allowed(
    content_type: str | None, body: bytes, message: str
) -> None:
    assert message in refusal(content_type, body)


@pytest.mark.parametrize("content_type", [None, URLENCODED])
def test_json_without_its_content_type_is_told_so_and_not_quoted(content_type: str | None) -> None:
    message = refusal(content_type, b'{"prompt": "a secret"}')
    assert message == "Content-Type: the body looks like JSON; send it as application/json."


@given(st.binary(max_size=300))
def test_hostile_bytes_are_read_or_refused(garbage: bytes) -> None:
    try:
        submitted = read(MULTIPART, f"--{BOUNDARY}\r\n".encode() + garbage)
    except InvalidRequestError as error:
        assert error.message
    else:
        assert submitted.names is not None

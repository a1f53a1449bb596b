"""Forms of every sender are read the same way, and nothing unexpected passes."""

import json
from collections.abc import Iterable
from urllib.parse import quote_plus, urlencode

import httpx
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from imagineart.domain.errors import InvalidRequestError
from imagineart.domain.openai_parameters import OPENAI_EDIT_PARAMETERS, OPENAI_GENERATION_PARAMETERS
from imagineart.domain.parameters import (
    EDIT_PARAMETERS,
    GENERATION_PARAMETERS,
    UPLOAD_PARAMETERS,
    EndpointParameters,
)
from imagineart.web.forms import Form, parse_form

BOUNDARY = "----a-boundary-9f2"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"
URLENCODED = "application/x-www-form-urlencoded"
JSON = "application/json"

SCALARS = {"text": GENERATION_PARAMETERS.names, "edit": ("prompt", "aspect_ratio", "resolution", "seed")}

texts = st.text(st.characters(exclude_categories=["Cs"]))
text_fields = st.dictionaries(st.sampled_from(SCALARS["text"]), texts, min_size=1)
edit_fields = st.dictionaries(st.sampled_from(SCALARS["edit"]), texts)
contents = st.binary(max_size=200) | st.sampled_from(
    [b"", b"\r\n", b"\r\n\r\n", b"a\nb\rc\r\nd", b"--", b"\r\n--", f"\r\n--{BOUNDARY[:-1]}".encode()]
)
files = st.lists(contents, min_size=1, max_size=6)


def part(name: str, content: bytes = b"x", *, disposition: str = "", headers: str = "") -> bytes:
    """One part of a multipart body, up to its boundary."""
    head = f'Content-Disposition: form-data; name="{name}"{disposition}\r\n{headers}\r\n'
    return head.encode() + content


def file_part(content: bytes, name: str = "images", filename: str = "a.png") -> bytes:
    return part(name, content, disposition=f'; filename="{filename}"')


def multipart(*parts: bytes, boundary: str = BOUNDARY) -> bytes:
    line = f"--{boundary}".encode()
    return b"".join(line + b"\r\n" + each + b"\r\n" for each in parts) + line + b"--\r\n"


def parse(*parts: bytes, parameters: EndpointParameters = EDIT_PARAMETERS) -> Form:
    return parse_form(MULTIPART, multipart(*parts), parameters)


def refusal(
    content_type: str, body: bytes, parameters: EndpointParameters = EDIT_PARAMETERS
) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as caught:
        parse_form(content_type, body, parameters)
    return caught.value


def sent_by_httpx(fields: dict[str, str], contents: Iterable[bytes] = ()) -> tuple[str, bytes]:
    """What httpx puts on the wire; its files are named and typed as the client likes."""
    uploads = [("images", (f"{at}.txt", content, "text/plain")) for at, content in enumerate(contents)]
    request = httpx.Request("POST", "http://127.0.0.1/", data=fields, files=uploads)
    return request.headers.get("content-type", URLENCODED), request.read()


@given(edit_fields, files)
def test_a_multipart_form_of_httpx_is_read_back(fields: dict[str, str], contents: list[bytes]) -> None:
    content_type, body = sent_by_httpx(fields, contents)
    assert content_type.startswith("multipart/form-data")
    assert parse_form(content_type, body, EDIT_PARAMETERS) == Form(fields, tuple(contents))


@given(text_fields)
def test_an_urlencoded_form_of_httpx_is_read_back(fields: dict[str, str]) -> None:
    content_type, body = sent_by_httpx(fields)
    assert content_type == URLENCODED
    assert parse_form(content_type, body, GENERATION_PARAMETERS) == Form(fields, ())


@given(edit_fields, files, st.randoms())
def test_a_form_put_together_by_hand_is_read_back_in_any_order(
    fields: dict[str, str], contents: list[bytes], random
) -> None:
    assume(not any(f"--{BOUNDARY}".encode() in content for content in contents))
    texts_first = [part(name, text.encode()) for name, text in fields.items()]
    at = random.randint(0, len(texts_first))
    parts = [*texts_first[:at], *map(file_part, contents), *texts_first[at:]]
    assert parse(*parts) == Form(fields, tuple(contents))


@given(text_fields)
def test_both_encodings_give_the_same_form(fields: dict[str, str]) -> None:
    multipart_form = parse(
        *[part(name, text.encode()) for name, text in fields.items()], parameters=GENERATION_PARAMETERS
    )
    assert parse_form(URLENCODED, urlencode(fields).encode(), GENERATION_PARAMETERS) == multipart_form


def test_an_urlencoded_form_knows_plus_and_percent() -> None:
    body = b"prompt=a+fox+%26+a%20bear+%F0%9F%A6%8A&seed="
    assert parse_form(URLENCODED, body, GENERATION_PARAMETERS).fields == {
        "prompt": "a fox & a bear 🦊", "seed": "",
    }  # fmt: skip


def test_an_urlencoded_edit_has_no_file_but_may_name_uploads_in_order() -> None:
    assert parse_form(URLENCODED, b"prompt=x", EDIT_PARAMETERS).files == ()
    body = b"images=upl_b&prompt=x&images=upl_a&images="
    assert parse_form(URLENCODED, body, EDIT_PARAMETERS) == Form({"prompt": "x"}, ("upl_b", "upl_a", ""))


@given(st.lists(contents | texts, max_size=6))
def test_texts_among_the_files_are_kept_in_order_with_them(images: list[bytes | str]) -> None:
    encoded = [each.encode() if isinstance(each, str) else each for each in images]
    assume(not any(f"--{BOUNDARY}".encode() in content for content in encoded))
    parts = [
        file_part(content) if isinstance(image, bytes) else part("images", content)
        for image, content in zip(images, encoded, strict=True)
    ]
    assert parse(part("prompt"), *parts, part("seed", b"5")) == Form(
        {"prompt": "x", "seed": "5"}, tuple(images)
    )


@pytest.mark.parametrize(
    "content_type",
    [
        f"multipart/form-data; boundary={BOUNDARY}",
        f'multipart/form-data; boundary="{BOUNDARY}"',
        f"multipart/form-data;boundary={BOUNDARY}",
        f"Multipart/Form-Data; Boundary={BOUNDARY}",
        f"multipart/form-data; charset=utf-8; boundary={BOUNDARY}",
        f"multipart/form-data; boundary={BOUNDARY}; charset=utf-8",
    ],
)
def test_the_boundary_is_found_however_it_is_written(content_type: str) -> None:
    assert parse_form(content_type, multipart(part("prompt")), EDIT_PARAMETERS).fields == {"prompt": "x"}


@pytest.mark.parametrize("boundary", ["with space inside", "semi;colon", "a=b", "x" * 70, "'()+_,-./:=?"])
def test_a_quoted_boundary_may_hold_what_the_standard_allows(boundary: str) -> None:
    body = multipart(part("prompt"), boundary=boundary)
    content_type = f'multipart/form-data; boundary="{boundary}"'
    assert parse_form(content_type, body, EDIT_PARAMETERS).fields == {"prompt": "x"}


@pytest.mark.parametrize("content_type", [f"{URLENCODED}; charset=utf-8", URLENCODED.upper()])
def test_an_urlencoded_type_is_known_however_it_is_written(content_type: str) -> None:
    assert parse_form(content_type, b"prompt=x", EDIT_PARAMETERS).fields == {"prompt": "x"}


@given(contents)
@example(b"\r\n" * 50)
@example(f"--{BOUNDARY}--".encode())
def test_files_are_kept_byte_for_byte(content: bytes) -> None:
    assume(f"\r\n--{BOUNDARY}".encode() not in b"\r\n" + content)
    assert parse(file_part(content)).files == (content,)


@pytest.mark.parametrize(
    ("filename", "declared"),
    [("a.png", "image/png"), ("a.txt", "text/plain"), ("", "application/octet-stream"), ("../../etc", ""),
     ("Zwei Füchse 🦊.png", "image/heic"), ("C:\\pictures\\a.png", "nonsense"), ("a;b=c.png", "image/png")],
)  # fmt: skip
def test_file_names_and_declared_types_are_ignored(filename: str, declared: str) -> None:
    typed = part(
        "images",
        b"the bytes",
        disposition=f'; filename="{filename}"',
        headers=f"Content-Type: {declared}\r\nContent-Transfer-Encoding: binary\r\n",
    )
    assert parse(typed) == Form({}, (b"the bytes",))


def test_a_text_part_may_declare_its_type() -> None:
    typed = part(
        "prompt", "ein Fuchs für dich".encode(), headers="Content-Type: text/plain; charset=utf-8\r\n"
    )
    assert parse(typed).fields == {"prompt": "ein Fuchs für dich"}


def test_header_names_have_no_case() -> None:
    lower = part("prompt").replace(b"Content-Disposition", b"content-disposition")
    assert parse(lower).fields == {"prompt": "x"}


def test_an_epilogue_is_ignored() -> None:
    body = multipart(part("prompt")) + b"after the end"
    assert parse_form(MULTIPART, body, EDIT_PARAMETERS).fields == {"prompt": "x"}


@pytest.mark.parametrize(
    "name", ["style", "Prompt", "prompt ", "image", "images[]", "n", "reasoning", "füchse"]
)
@pytest.mark.parametrize("encoding", ["multipart", "urlencoded"])
def test_an_unknown_field_is_named_beside_the_allowed_ones(name: str, encoding: str) -> None:
    if encoding == "multipart":
        error = refusal(MULTIPART, multipart(part("prompt"), part(name)))
    else:
        error = refusal(URLENCODED, f"prompt=x&{quote_plus(name)}=y".encode())
    assert error.message == (
        f"form: got the unknown field '{name}'; "
        "allowed are prompt, images, aspect_ratio, resolution, seed."
    )  # fmt: skip


def test_a_long_hostile_name_is_cut_in_the_message() -> None:
    assert len(refusal(URLENCODED, b"A" * 1_000_000 + b"=x").message) < 300


@pytest.mark.parametrize("name", SCALARS["text"])
@pytest.mark.parametrize("encoding", ["multipart", "urlencoded"])
def test_a_repeated_scalar_is_refused_even_with_the_same_value(name: str, encoding: str) -> None:
    if encoding == "multipart":
        error = refusal(MULTIPART, multipart(part(name), part(name)), GENERATION_PARAMETERS)
    else:
        error = refusal(URLENCODED, f"{name}=x&{name}=x".encode(), GENERATION_PARAMETERS)
    assert error.message == f"{name}: the field came more than once; allowed is once."


@pytest.mark.parametrize("name", SCALARS["edit"])
def test_a_file_where_text_belongs_is_refused(name: str) -> None:
    error = refusal(MULTIPART, multipart(file_part(b"x", name=name)))
    assert error.message == f"{name}: got a file; allowed is a text field (without a filename)."


def test_text_among_the_files_that_is_not_utf8_is_refused_at_its_byte() -> None:
    error = refusal(MULTIPART, multipart(file_part(b"\xe9"), part("images", b"caf\xe9")))
    assert error.message == "images: byte 3 is not UTF-8; allowed is UTF-8 text."


def test_a_generation_takes_no_image() -> None:
    error = refusal(MULTIPART, multipart(part("prompt"), file_part(b"x")), GENERATION_PARAMETERS)
    assert error.message.startswith("form: got the unknown field 'images'")


def test_text_that_is_not_utf8_is_refused_at_its_byte() -> None:
    error = refusal(MULTIPART, multipart(part("prompt", b"caf\xe9")))
    assert error.message == "prompt: byte 3 is not UTF-8; allowed is UTF-8 text."


@pytest.mark.parametrize("body", [b"prompt=caf%E9", b"prompt=%ED%A0%80", "prompt=é".encode(), b"%ff=x"])
def test_an_urlencoded_form_that_is_not_percent_encoded_utf8_is_refused(body: bytes) -> None:
    assert refusal(URLENCODED, body).field == "body"


@pytest.mark.parametrize("content_type", [MULTIPART, URLENCODED, "", "application/json"])
def test_an_empty_body_is_refused(content_type: str) -> None:
    assert refusal(content_type, b"").message == (
        "body: the request body is empty; send the form fields as multipart/form-data."
    )


@pytest.mark.parametrize(
    "content_type",
    ["", "application/json", "text/plain", "multipart/mixed; boundary=x", "multipart/form-data2; boundary=x",
     "image/png", ";", "Füchse", "x" * 10_000],
    ids=lambda content_type: ascii(content_type[:20]),
)  # fmt: skip
def test_another_content_type_is_refused_by_name(content_type: str) -> None:
    error = refusal(content_type, multipart(part("prompt")))
    assert error.message.startswith(f"Content-Type: got '{content_type[:60]}")
    assert "allowed are multipart/form-data and application/x-www-form-urlencoded" in error.message
    assert len(error.message) < 300


@pytest.mark.parametrize("options", ["", ";", "; boundary", "; boundary=", '; boundary=""', "; bound=x"])
def test_a_missing_boundary_is_refused(options: str) -> None:
    assert refusal(f"multipart/form-data{options}", multipart(part("prompt"))).field == "Content-Type"


@pytest.mark.parametrize("boundary", ["another", "x" * 1000, BOUNDARY[:-1], BOUNDARY + "x"])
def test_a_boundary_that_is_not_the_bodys_is_refused(boundary: str) -> None:
    assert refusal(f"multipart/form-data; boundary={boundary}", multipart(part("prompt"))).field == "body"


def test_a_form_cut_off_at_any_byte_is_refused() -> None:
    whole = multipart(
        part("prompt", b"a fox"), file_part(b"\r\n--" + BOUNDARY[:5].encode()), part("seed", b"5")
    )
    complete = len(whole) - len(b"\r\n")
    for end in range(complete):
        assert refusal(MULTIPART, whole[:end]).field == "body"
    for end in (complete, complete + 1, complete + 2):
        assert parse_form(MULTIPART, whole[:end], EDIT_PARAMETERS).fields == {"prompt": "a fox", "seed": "5"}


@pytest.mark.parametrize(
    "head",
    [b"", b"\r\n", b"Content-Disposition: form-data\r\n\r\n",
     b'Content-Disposition: form-data; name=""\r\n\r\n',
     b"Content-Type: text/plain\r\n\r\n", b'Content-Disposition: form-data; filename="a"\r\n\r\n',
     b": x\r\n\r\n", b"no colon\r\n\r\n", b"Content-Disposition\r\n\r\n", b"\x00: \xff\r\n\r\n"],
)  # fmt: skip
def test_a_part_without_a_name_is_refused(head: bytes) -> None:
    assert refusal(MULTIPART, multipart(head + b"x")).field == "body"


@pytest.mark.parametrize(
    "headers",
    ["X-Padding: " + "x" * 1_000_000 + "\r\n", "X-" + "y" * 1_000_000 + ": x\r\n", "X-Many: x\r\n" * 10_000],
    ids=["huge value", "huge name", "many headers"],
)
def test_a_part_with_an_absurd_head_is_refused(headers: str) -> None:
    assert refusal(MULTIPART, multipart(part("prompt", headers=headers))).field == "body"


def test_up_to_64_fields_are_read_before_they_are_judged() -> None:
    assert len(parse(*[file_part(b"x")] * 64).files) == 64


@pytest.mark.parametrize("count", [65, 10_000])
def test_a_form_of_more_than_64_fields_is_refused(count: int) -> None:
    assert (
        refusal(MULTIPART, multipart(*[file_part(b"x")] * count)).message == "body: got more than 64 fields."
    )
    assert refusal(URLENCODED, b"&".join([b"prompt=x"] * count)).field == "body"


@given(st.binary(min_size=1))
def test_arbitrary_bytes_are_a_form_or_an_invalid_request(body: bytes) -> None:
    for content_type in (MULTIPART, URLENCODED):
        for candidate in (
            body,
            f"--{BOUNDARY}\r\n".encode() + body,
            multipart(body),
            multipart(part("prompt") + body),
        ):
            try:
                parse_form(content_type, candidate, EDIT_PARAMETERS)
            except InvalidRequestError as error:
                assert error.message


@given(st.text(st.characters(max_codepoint=255)), st.binary(min_size=1))
def test_an_arbitrary_content_type_is_a_form_or_an_invalid_request(content_type: str, body: bytes) -> None:
    for candidate in (content_type, f"multipart/form-data;{content_type}", f"{MULTIPART};{content_type}"):
        try:
            parse_form(candidate, body, EDIT_PARAMETERS)
        except InvalidRequestError as error:
            assert error.message


@given(st.binary())
def test_an_arbitrary_disposition_is_a_form_or_an_invalid_request(disposition: bytes) -> None:
    for start in (b"", b"form-data; ", b'form-data; name="prompt"; ', b"form-data; name*="):
        body = multipart(b"Content-Disposition: " + start + disposition + b"\r\n\r\nx")
        try:
            parse_form(MULTIPART, body, EDIT_PARAMETERS)
        except InvalidRequestError as error:
            assert error.message


@given(st.data())
def test_a_form_with_any_byte_changed_is_a_form_or_an_invalid_request(data: st.DataObject) -> None:
    body = bytearray(multipart(part("prompt", b"a fox"), file_part(b"the bytes"), part("seed", b"5")))
    at = data.draw(st.integers(0, len(body) - 1))
    body[at] = data.draw(st.integers(0, 255))
    try:
        parse_form(MULTIPART, bytes(body), EDIT_PARAMETERS)
    except InvalidRequestError as error:
        assert error.message


# JSON


def parse_json(body: bytes | str, parameters: EndpointParameters = UPLOAD_PARAMETERS) -> Form:
    encoded = body.encode() if isinstance(body, str) else body
    return parse_form(JSON, encoded, parameters, accepts_json=True)


def json_refusal(body: bytes | str, parameters: EndpointParameters = UPLOAD_PARAMETERS) -> str:
    with pytest.raises(InvalidRequestError) as caught:
        parse_json(body, parameters)
    # Whatever it quotes can be sent.
    assert caught.value.message.encode()
    return caught.value.message


@given(st.dictionaries(st.sampled_from(UPLOAD_PARAMETERS.names), texts | st.integers()), st.booleans())
def test_a_json_object_of_texts_and_integers_is_a_form(
    members: dict[str, str | int], ascii_only: bool
) -> None:
    form = parse_json(json.dumps(members, ensure_ascii=ascii_only))
    assert form == Form({name: str(value) for name, value in members.items()}, ())


def test_a_json_form_may_name_an_upload() -> None:
    form = parse_json('{"images": "upl_a", "prompt": "x"}', EDIT_PARAMETERS)
    assert form == Form({"prompt": "x"}, ("upl_a",))


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_json_is_known_however_its_type_is_written(content_type: str) -> None:
    form = parse_form(content_type, b'{"size": 5}', UPLOAD_PARAMETERS, accepts_json=True)
    assert form.fields == {"size": "5"}


def test_where_json_is_taken_every_other_form_is_too() -> None:
    for content_type, body in ((URLENCODED, b"size=5"), (MULTIPART, multipart(part("size", b"5")))):
        form = parse_form(content_type, body, UPLOAD_PARAMETERS, accepts_json=True)
        assert form.fields == {"size": "5"}


def test_json_is_refused_where_it_is_not_taken() -> None:
    error = refusal(JSON, b'{"prompt": "x"}')
    assert error.message == (
        "Content-Type: got 'application/json'; allowed are multipart/form-data and "
        "application/x-www-form-urlencoded."
    )


@pytest.mark.parametrize("content_type", ["", "text/json", "application/json5", "application/problem+json"])
def test_another_type_is_refused_with_json_among_the_allowed_where_it_is_taken(content_type: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        parse_form(content_type, b'{"size": 5}', UPLOAD_PARAMETERS, accepts_json=True)
    assert caught.value.message == (
        f"Content-Type: got '{content_type}'; allowed are multipart/form-data, "
        "application/x-www-form-urlencoded and application/json."
    )


@pytest.mark.parametrize("again", ["5", '"5"', "6"])
def test_a_repeated_member_is_refused_even_with_the_same_value(again: str) -> None:
    assert json_refusal(f'{{"size": 5, "size": {again}}}') == (
        "size: the field came more than once; allowed is once."
    )


@pytest.mark.parametrize(
    "value",
    ["true", "false", "5.0", "5e3", "1e999", "NaN", "-Infinity", "[]", "[5]", '["5"]', "{}", '{"size": 5}',
     '{"5": "5"}'],
)  # fmt: skip
def test_a_member_that_is_neither_text_nor_integer_is_refused_by_name(value: str) -> None:
    assert json_refusal(f'{{"content_type": "image/png", "size": {value}}}') == (
        "form: the field 'size' is neither a text nor an integer."
    )


@pytest.mark.parametrize("body", ["[]", '[["size", 5]]', "[{}]", "5", '"size"', "null", "true", " 1.5 "])
def test_json_that_is_no_object_is_refused(body: str) -> None:
    assert json_refusal(body) == "body: is no JSON object; allowed is an object of the fields."


@pytest.mark.parametrize(
    "body",
    ["{", "{'size': 5}", '{"size": 5,}', '{"size": 5} {}', "size=5", '{"size": 05}', " ", "\ufeff", "nul",
     '{"size": ' + "9" * 5000 + "}", "[" * 100_000, '{"size":' * 100_000, b"\xff\xfe", b'{"size": "\xff"}',
     '{"a\nb": 5}'],
    ids=lambda body: ascii(body[:20]),
)  # fmt: skip
def test_what_is_no_json_is_refused(body: bytes | str) -> None:
    assert json_refusal(body) == "body: is not JSON, which Content-Type says it is."


@pytest.mark.parametrize("surrogate", ["\\ud800", "\\udfff", "a\\udc00\\ud800"])
def test_a_lone_surrogate_is_refused_wherever_it_comes(surrogate: str) -> None:
    assert json_refusal(f'{{"content_type": "{surrogate}"}}').startswith("content_type: byte ")
    assert json_refusal(f'{{"{surrogate}": 5}}').startswith("form: got the unknown field '")
    assert json_refusal(f'{{"{surrogate}": null}}').startswith("form: got the unknown field '")


def test_null_stands_for_an_absent_member() -> None:
    assert parse_json('{"content_type": null, "size": 5}') == Form({"size": "5"}, ())
    assert parse_json('{"images": null, "prompt": null}', EDIT_PARAMETERS) == Form({}, ())


@pytest.mark.parametrize("again", ["5", "null"])
def test_null_is_a_member_that_cannot_be_repeated(again: str) -> None:
    assert json_refusal(f'{{"size": null, "size": {again}}}').startswith(
        "size: the field came more than once"
    )


@pytest.mark.parametrize("value", ["true", "false"])
def test_a_boolean_is_taken_where_the_parameter_is_one(value: str) -> None:
    form = parse_json(f'{{"stream": {value}}}', OPENAI_GENERATION_PARAMETERS)
    assert form == Form({"stream": value}, ())


@pytest.mark.parametrize("field", ["prompt", "n", "size", "user"])
def test_a_boolean_is_taken_nowhere_else(field: str) -> None:
    assert json_refusal(f'{{"{field}": true}}', OPENAI_GENERATION_PARAMETERS) == (
        f"form: the field '{field}' is neither a text nor an integer."
    )


def test_a_list_of_texts_names_several_uploads_in_order() -> None:
    form = parse_json('{"images": ["upl_b", "upl_a"], "image": "upl_c"}', OPENAI_EDIT_PARAMETERS)
    assert form == Form({}, ("upl_b", "upl_a", "upl_c"))


@pytest.mark.parametrize(
    "value", ["5", "true", "[]", '["upl_a", 5]', '[["upl_a"]]', "{}", '{"file_id": "x"}']
)
def test_anything_else_is_no_upload(value: str) -> None:
    assert json_refusal(f'{{"images": {value}}}', OPENAI_EDIT_PARAMETERS) == (
        "images: is neither the id of an upload nor a list of ids."
    )


def test_synonyms_of_the_files_field_are_one_field_in_the_order_of_the_form() -> None:
    names = ["image", "images", "image[]", "image"]
    parts = [part(name, disposition=f'; filename="{i}"', content=b"%d" % i) for i, name in enumerate(names)]
    form = parse_form(MULTIPART, multipart(*parts), OPENAI_EDIT_PARAMETERS)
    assert form == Form({}, (b"0", b"1", b"2", b"3"))


@pytest.mark.parametrize("name", ["image", "image[]", "n", "size", "model", "stream"])
def test_the_reference_s_own_form_knows_none_of_openai_s_fields(name: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"^form: got the unknown field"):
        parse_form(MULTIPART, multipart(part(name)), EDIT_PARAMETERS)


def test_a_field_that_is_known_and_not_supported_is_refused_with_what_to_do_instead() -> None:
    mask = part("mask", disposition='; filename="mask.png"')
    with pytest.raises(InvalidRequestError) as caught:
        parse_form(MULTIPART, multipart(mask), OPENAI_EDIT_PARAMETERS)
    assert (caught.value.field, caught.value.message) == (
        "mask", "mask: is not supported; say in the prompt which part to change.",
    )  # fmt: skip
    assert json_refusal('{"svg": {"model": "x"}}', OPENAI_GENERATION_PARAMETERS).startswith("svg: ")


def test_a_pair_of_surrogates_is_a_character() -> None:
    assert parse_json('{"content_type": "\\ud83e\\udd8a"}').fields == {"content_type": "🦊"}


def test_an_unknown_member_is_named_beside_the_allowed_ones() -> None:
    assert json_refusal('{"size": 5, "name": "a.png"}') == (
        "form: got the unknown field 'name'; allowed are content_type, size."
    )


def test_an_empty_object_is_a_form_without_fields() -> None:
    assert parse_json("{}") == Form({}, ())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
)


@given(json_values.map(json.dumps).map(str.encode) | st.binary(min_size=1))
def test_arbitrary_json_is_a_form_or_an_invalid_request(body: bytes) -> None:
    try:
        parse_json(body)
    except InvalidRequestError as error:
        assert error.message.encode()

"""A form says exactly what it was given, as the parser of our own endpoints understands it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagineart.adapters.multipart_form import FormPart, encode_form
from imagineart.domain.parameters import EDIT_PARAMETERS
from imagineart.web.forms import parse_form


def test_a_form_is_spelt_as_the_standard_has_it() -> None:
    content_type, body = encode_form(
        [
            FormPart("prompt", b"a fox"),
            FormPart("images", b"\xff\r\n--", "reference-0", "image/png"),
        ]
    )
    media_type, _, boundary = content_type.partition("; boundary=")
    assert media_type == "multipart/form-data"
    assert b"".join(body).decode("latin-1").split(f"--{boundary}") == [
        "",
        '\r\nContent-Disposition: form-data; name="prompt"\r\n\r\na fox\r\n',
        '\r\nContent-Disposition: form-data; name="images"; filename="reference-0"\r\n'
        "Content-Type: image/png\r\n\r\n\xff\r\n--\r\n",
        "--\r\n",
    ]


@given(st.text(), st.lists(st.binary() | st.text(), max_size=4))
def test_texts_and_files_are_read_back_in_their_order(prompt: str, images: list[bytes | str]) -> None:
    parts = [FormPart("prompt", prompt.encode())]
    for image in images:
        if isinstance(image, str):
            parts.append(FormPart("images", image.encode()))
        else:
            parts.append(FormPart("images", image, "file", "image/png"))
    content_type, body = encode_form(parts)
    form = parse_form(content_type, b"".join(body), EDIT_PARAMETERS)
    assert (form.fields, form.files) == ({"prompt": prompt}, tuple(images))


def test_a_large_file_is_not_copied_into_the_body() -> None:
    content = bytes(1000)
    _, body = encode_form([FormPart("images", content, "file", "image/png")])
    assert any(each is content for each in body)


def test_every_form_has_a_boundary_of_its_own() -> None:
    assert encode_form([])[0] != encode_form([])[0]


@pytest.mark.parametrize("filename", [None, ""])
def test_an_empty_file_name_still_makes_a_file(filename: str | None) -> None:
    _, body = encode_form([FormPart("images", b"", filename)])
    assert (b"filename" in b"".join(body)) is (filename is not None)

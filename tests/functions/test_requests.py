"""What a body may hold, in which form, and in which form the image comes back."""

import base64
from typing import Any

import httpx
import pytest

from tests.functions.deployment import assert_error, edit, open_png
from tests.functions.generating_backend import GeneratingBackend, image_file

GENERATIONS = "/v1/images/generations"
EDITS = "/v1/images/edits"
MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}
PART = b'--b\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nhi\r\n'


def post_form(
    client: httpx.Client, path: str, *parts: tuple[str, Any], accept: str | None = None
) -> httpx.Response:
    """POST a form as curl does: with the names and files given, and without an Accept header of httpx's."""
    request = client.build_request("POST", path, files=list(parts))
    del request.headers["Accept"]
    if accept:
        request.headers["Accept"] = accept
    return client.send(request)


def text(value: str) -> tuple[None, str]:
    return (None, value)


# What is refused


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"prompt": "   "}, "prompt: got 0 characters after trimming; allowed: 1 to 4000 characters."),
        (
            {"prompt": "🗼" * 4001},
            "prompt: got 4001 characters after trimming; allowed: 1 to 4000 characters.",
        ),
        ({"resolution": "4K"}, "resolution: got '4K'; allowed: 1K, 2K."),
        ({"seed": str(2**63)}, "seed: got '9223372036854775808'; allowed: an integer from -1 to "),
        ({"sized": "1"}, "form: got the unknown field 'sized'; allowed: prompt, aspect_ratio, resolution, "),
        ({"prompt": ["one", "two"]}, "prompt: the field came more than once; allowed: once."),
    ],
)
def test_a_bad_field_is_named_with_what_came_and_what_is_allowed(
    client: httpx.Client, backend: GeneratingBackend, fields: dict[str, Any], message: str
) -> None:
    response = client.post(GENERATIONS, data={"prompt": "a fox"} | fields)
    assert assert_error(response, 400, "invalid_request").startswith(message)
    assert backend.requests == []


@pytest.mark.parametrize("count", [0, 5])
def test_an_edit_takes_one_to_four_images(client: httpx.Client, count: int) -> None:
    message = assert_error(edit(client, *[image_file((8, 8))] * count), 400, "invalid_request")
    assert message.startswith("images: ")
    assert "1 to 4 files" in message


def test_a_file_in_place_of_text_is_refused(client: httpx.Client) -> None:
    response = client.post(GENERATIONS, files={"prompt": ("a.txt", b"a fox")})
    message = assert_error(response, 400, "invalid_request")
    assert message == "prompt: got a file; allowed: a text field, without a filename."


def test_text_in_place_of_an_image_is_refused(client: httpx.Client) -> None:
    response = client.post(EDITS, data={"prompt": "at dusk", "images": "portrait.jpg"})
    message = assert_error(response, 400, "invalid_image")
    assert message.startswith("images[0]: got the text 'portrait.jpg'")
    assert "file part (with a filename), an id from POST /v1/uploads" in message


@pytest.mark.parametrize(
    ("headers", "body", "message"),
    [
        (MULTIPART, b"", "body: the request body is empty"),
        ({}, b"", "body: the request body is empty"),
        (MULTIPART, PART, "body: the multipart form is truncated"),
        (MULTIPART, PART.replace(b"--b", b"--c"), "body: the multipart form is malformed"),
        ({"Content-Type": "multipart/form-data"}, PART + b"--b--\r\n", "body: the multipart form"),
        (
            {"Content-Type": "text/plain"},
            b"prompt",
            "Content-Type: got 'text/plain'; allowed: multipart/form-data, ",
        ),
        (
            {},
            b'{"prompt": "a secret"}',
            "Content-Type: the body looks like JSON; send it as application/json.",
        ),
    ],
)
def test_a_body_that_is_no_form_is_refused(
    client: httpx.Client, headers: dict[str, str], body: bytes, message: str
) -> None:
    response = client.post(GENERATIONS, content=body, headers=headers)
    assert assert_error(response, 400, "invalid_request").startswith(message)


# In which form the image comes back


@pytest.mark.parametrize("accept", [None, "*/*", "image/png", "application/json, text/plain, */*"])
def test_a_form_in_the_references_words_gets_the_png(client: httpx.Client, accept: str | None) -> None:
    fields = [("prompt", text("a fox")), ("resolution", text("1K")), ("seed", text("5"))]
    response = post_form(client, GENERATIONS, *fields, accept=accept)
    assert open_png(response.content).size == (1024, 1024)
    assert (response.headers["Content-Type"], response.headers["X-Seed"]) == ("image/png", "5")


def test_a_form_that_prefers_json_gets_it(client: httpx.Client) -> None:
    fields = [("prompt", text("a fox")), ("resolution", text("1K"))]
    response = post_form(client, GENERATIONS, *fields, accept="application/json")
    assert len(response.json()["data"]) == 1


OPENAI_FIELDS = {
    GENERATIONS: [
        ("model", text("text-to-image")),
        ("n", text("1")),
        ("size", text("512x512")),
        ("user", text("me")),
    ],
    EDITS: [
        ("image", ("a.png", image_file((8, 8)))),
        ("image[]", ("a.png", image_file((8, 8)))),
        ("n", text("1")),
    ],
}


@pytest.mark.parametrize(
    ("path", "field"), [(path, field) for path, fields in OPENAI_FIELDS.items() for field in fields]
)
def test_a_form_that_names_a_field_of_openai_alone_gets_json(
    client: httpx.Client, path: str, field: tuple[str, Any]
) -> None:
    """As the curl example of OpenAI's documentation sends it: without an Accept header."""
    fields = [field, ("prompt", text("a fox"))]
    if path == EDITS and "image" not in field[0]:
        fields.append(("images", ("a.png", image_file((8, 8)))))
    if field[0] != "size":
        fields.append(("resolution", text("1K")))
    response = post_form(client, path, *fields)
    assert response.status_code == 200, response.text
    assert open_png(base64.b64decode(response.json()["data"][0]["b64_json"]))
    preferred = post_form(client, path, *fields, accept="image/png, application/json;q=0.5")
    assert preferred.headers["Content-Type"] == "image/png"


def test_json_gets_json_unless_it_prefers_the_png(client: httpx.Client) -> None:
    def post(accept: str) -> httpx.Response:
        body = {"prompt": "a fox", "size": "512x512", "seed": 5}
        return client.post(GENERATIONS, json=body, headers={"Accept": accept})

    png = post("image/png")
    assert open_png(png.content).size == (512, 512)
    assert base64.b64decode(post("*/*").json()["data"][0]["b64_json"]) == png.content


def test_several_images_need_json(client: httpx.Client, backend: GeneratingBackend) -> None:
    fields = [("prompt", text("a fox")), ("n", text("2"))]
    message = assert_error(
        post_form(client, GENERATIONS, *fields, accept="image/png"), 400, "invalid_request"
    )
    assert message == "n: got 2; allowed: 1 where Accept prefers image/png to application/json."
    assert backend.requests == []


@pytest.mark.parametrize("name", ["images", "images[]", "images[0]", "image", "image[]"])
def test_an_image_is_found_under_every_name_that_clients_give_it(
    client: httpx.Client, backend: GeneratingBackend, name: str
) -> None:
    """Also in a part without a filename, as several libraries send it."""
    file = (None, image_file((8, 8)), "image/png")
    response = post_form(client, EDITS, (name, file), ("prompt", text("at dusk")), ("resolution", text("1K")))
    assert response.status_code == 200, response.text
    assert len(backend.requests[0].files) == 1

"""What the form may not hold, reported before anything is done for it."""

import httpx
import pytest

from tests.functions.deployment import assert_error, edit, generate
from tests.functions.generating_backend import GeneratingBackend, image_file

MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}
PART = b'--b\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nhi\r\n'


@pytest.mark.parametrize(
    ("fields", "reported"),
    [
        ({"prompt": "   "}, ["prompt: got 0 characters", "1 to 4000"]),
        ({"prompt": "🗼" * 4001}, ["prompt: got 4001 characters", "1 to 4000"]),
        ({"aspect_ratio": "7:3"}, ["aspect_ratio: got '7:3'", "1:1, 16:9, 9:16"]),
        ({"aspect_ratio": "auto"}, ["aspect_ratio: got 'auto'"]),
        ({"aspect_ratio": ""}, ["aspect_ratio: got ''"]),
        ({"resolution": "4K"}, ["resolution: got '4K'", "1K, 2K"]),
        ({"seed": "1.5"}, ["seed: got '1.5'", "integer"]),
        ({"seed": "-2"}, ["seed: got '-2'"]),
        ({"seed": str(2**63)}, ["seed: got '9223372036854775808'"]),
        ({"reasoning": "medium"}, ["reasoning: got 'medium'", "low, high"]),
        ({"style": "oil"}, ["unknown field 'style'", "prompt, aspect_ratio, resolution, seed, reasoning"]),
    ],
)
def test_a_bad_field_is_named_with_what_came_and_what_is_allowed(
    client: httpx.Client, backend: GeneratingBackend, fields: dict[str, str], reported: list[str]
) -> None:
    message = assert_error(generate(client, **fields), 400, "invalid_request")
    assert [words for words in reported if words not in message] == []
    assert backend.requests == []


def test_a_prompt_of_4000_characters_outside_the_basic_plane_is_accepted(
    client: httpx.Client, backend: GeneratingBackend
) -> None:
    assert generate(client, prompt="🗼" * 4000).status_code == 200
    assert backend.requests[0].json["prompt"] == "🗼" * 4000


def test_a_repeated_field_is_refused(client: httpx.Client) -> None:
    response = client.post("/v1/images/generations", data={"prompt": ["one", "two"]})
    assert "prompt" in assert_error(response, 400, "invalid_request")


@pytest.mark.parametrize("ratio", ["4:1", "1:4"])
def test_an_edit_lacks_the_longest_ratios(client: httpx.Client, ratio: str) -> None:
    response = edit(client, image_file((64, 64)), aspect_ratio=ratio)
    assert assert_error(response, 400, "invalid_request").startswith(f"aspect_ratio: got '{ratio}'")


def test_an_edit_knows_no_reasoning(client: httpx.Client) -> None:
    response = edit(client, image_file((64, 64)), reasoning="high")
    assert "'reasoning'" in assert_error(response, 400, "invalid_request")


@pytest.mark.parametrize("count", [0, 5])
def test_an_edit_takes_one_to_four_images(client: httpx.Client, count: int) -> None:
    response = edit(client, *[image_file((8, 8))] * count, aspect_ratio="1:1")
    message = assert_error(response, 400, "invalid_request")
    assert message.startswith("images: ")
    assert "1 to 4 files" in message


def test_text_where_an_image_belongs_is_refused(client: httpx.Client) -> None:
    response = client.post("/v1/images/edits", data={"prompt": "at dusk", "images": "portrait.jpg"})
    message = assert_error(response, 400, "invalid_image")
    assert message.startswith("images[0]: got the text 'portrait.jpg'")
    assert "file part" in message
    assert "POST /v1/uploads" in message


@pytest.mark.parametrize("path", ["/v1/images/generations", "/v1/images/edits"])
def test_an_empty_body_is_refused(client: httpx.Client, path: str) -> None:
    assert "empty" in assert_error(client.post(path), 400, "invalid_request")
    assert "empty" in assert_error(client.post(path, headers=MULTIPART), 400, "invalid_request")


@pytest.mark.parametrize("content_type", ["text/json", "text/plain", "", None])
def test_another_content_type_is_refused(client: httpx.Client, content_type: str | None) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    response = client.post("/v1/images/generations", content=b'{"prompt": "hi"}', headers=headers)
    message = assert_error(response, 400, "invalid_request")
    assert message.startswith("Content-Type: ")
    for allowed in ("multipart/form-data", "application/x-www-form-urlencoded", "application/json"):
        assert allowed in message


@pytest.mark.parametrize(
    "body", [PART, PART + b"--", b"hi", b"--c\r\n" + PART + b"--b--\r\n", PART[:30], b"\0" * 100]
)
def test_a_malformed_multipart_body_is_refused(client: httpx.Client, body: bytes) -> None:
    response = client.post("/v1/images/generations", content=body, headers=MULTIPART)
    assert assert_error(response, 400, "invalid_request").startswith("body: ")


def test_a_multipart_body_without_its_boundary_is_refused(client: httpx.Client) -> None:
    headers = {"Content-Type": "multipart/form-data"}
    response = client.post("/v1/images/generations", content=PART + b"--b--\r\n", headers=headers)
    assert "boundary" in assert_error(response, 400, "invalid_request")

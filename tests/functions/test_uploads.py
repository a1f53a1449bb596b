"""Reference images too large for a request: an upload is granted, the image is put there, its id is sent."""

import time
from datetime import datetime
from typing import Any

import httpx
import pytest

from imagineart.images.kinds import MAX_UPLOAD_BYTES
from imagineart.uploads.model import UPLOAD_LIFE_SECONDS
from local.gateway import MAX_PAYLOAD_BYTES
from tests.functions.deployment import Deployment, assert_error, edit, open_png
from tests.functions.generating_backend import GeneratingBackend, colour_of, image_file, noise_file
from tests.sample_images import decode, encode, gradient

PNG = {"content_type": "image/png"}
JSON = {"Content-Type": "application/json"}


def ask(client: httpx.Client, content: bytes, content_type: str = "image/png") -> dict[str, Any]:
    """The response of POST /v1/uploads."""
    response = client.post("/v1/uploads", data={"content_type": content_type, "size": str(len(content))})
    assert response.status_code == 200, response.text
    granted: dict[str, Any] = response.json()
    return granted


def put(granted: dict[str, Any], content: bytes) -> httpx.Response:
    """PUT as curl -T does it: outside of the API and without its token."""
    return httpx.request(
        granted["method"], granted["url"], headers=granted["headers"], content=content, trust_env=False
    )


def upload(client: httpx.Client, content: bytes, content_type: str = "image/png") -> str:
    """The id of an upload whose content is there."""
    granted = ask(client, content, content_type)
    assert put(granted, content).status_code == 200
    upload_id: str = granted["id"]
    return upload_id


# The grant


@pytest.mark.parametrize(
    "sent",
    [
        {"json": {**PNG, "size": 1000}},
        {"files": {"content_type": (None, "image/png"), "size": (None, "1000")}},
        {"data": {**PNG, "size": "1000"}},
    ],
    ids=["json", "multipart", "urlencoded"],
)
def test_an_upload_is_granted(client: httpx.Client, sent: dict[str, Any]) -> None:
    before = int(time.time())
    response = client.post("/v1/uploads", **sent)
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "application/json"
    granted = response.json()
    assert granted.keys() == {"id", "method", "url", "headers", "expires_at"}
    assert granted["id"].startswith("upl_")
    assert (granted["method"], granted["headers"]) == ("PUT", {"Content-Type": "image/png"})
    left_seconds = datetime.fromisoformat(granted["expires_at"]).timestamp() - before
    assert UPLOAD_LIFE_SECONDS <= left_seconds <= UPLOAD_LIFE_SECONDS + 60


def test_size_and_type_are_signed_into_the_url_so_that_s3_refuses_others(client: httpx.Client) -> None:
    def grant(size: int, content_type: str) -> httpx.URL:
        fields = {"size": str(size), "content_type": content_type}
        return httpx.URL(client.post("/v1/uploads", data=fields).json()["url"])

    granted = [grant(1, "image/png"), grant(2, "image/png"), grant(1, "image/jpeg"), grant(1, "image/png")]
    assert granted[0].params["X-Amz-SignedHeaders"] == "content-length;content-type;host"
    assert granted[0].params["X-Amz-Expires"] == str(UPLOAD_LIFE_SECONDS)
    assert len({url.params["X-Amz-Signature"] for url in granted}) == 4
    assert len({url.path for url in granted}) == 4


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({"data": {"size": "1"}}, "content_type: the field is required; allowed: image/png, image/jpeg, "),
        ({"data": PNG}, "size: the field is required; allowed: an integer from 1 to 26214400."),
        ({"data": {**PNG, "size": str(MAX_UPLOAD_BYTES + 1)}}, "size: got '26214401'; allowed: an integer"),
        ({"data": {**PNG, "size": "0"}}, "size: got '0'"),
        ({"data": {**PNG, "size": "many"}}, "size: got 'many'"),
        ({"data": {"content_type": "image/gif", "size": "1"}}, "content_type: got 'image/gif'"),
        ({"json": {**PNG, "size": 1, "name": "a.png"}}, "form: got the unknown field 'name'; allowed: "),
        ({"json": {**PNG, "size": "1"}}, "size: got the text '1'"),
        ({"json": {**PNG, "size": 1.5}}, "size: got '1.5'"),
        ({"json": {**PNG, "size": None}}, "size: the field is required"),
        ({"json": [1]}, "body: is not a JSON object"),
        ({"content": b'{"content_type": "\\ud800"}', "headers": JSON}, "content_type: got '\\ud800'"),
    ],
)  # fmt: skip
def test_what_cannot_be_uploaded_is_refused_beforehand(
    client: httpx.Client, sent: dict[str, Any], message: str
) -> None:
    refused = assert_error(client.post("/v1/uploads", **sent), 400, "invalid_request")
    assert refused.startswith(message)


# The edit


def test_an_uploaded_photograph_is_edited_as_often_as_it_is_named(
    client: httpx.Client, backend: GeneratingBackend
) -> None:
    uploaded = upload(client, encode(gradient(300, 200), "JPEG"), "image/jpeg")
    for response in (edit(client, uploaded), edit(client, uploaded, uploaded)):
        assert response.status_code == 200, response.text
        assert open_png(response.content).size == (1248, 832)
    (reference,) = backend.requests[0].files
    assert decode(reference.content).size == (300, 200)


def test_ids_and_files_may_be_mixed_and_keep_their_order(
    client: httpx.Client, backend: GeneratingBackend
) -> None:
    prompts = ["first", "second", "third", "fourth"]
    first, second, third, fourth = [image_file((16, 16), prompt) for prompt in prompts]
    response = edit(client, first, upload(client, second), third, upload(client, fourth))
    assert response.status_code == 200, response.text
    sent = [decode(file.content).getpixel((0, 0)) for file in backend.requests[0].files]
    assert sent == [colour_of(prompt) for prompt in prompts]


@pytest.mark.parametrize("body", ["data", "json"])
def test_ids_alone_may_come_in_a_urlencoded_form_or_in_json(
    client: httpx.Client, backend: GeneratingBackend, body: str
) -> None:
    ids = [upload(client, image_file((16, 16), prompt)) for prompt in ("first", "second")]
    fields = {"prompt": "at dusk", "resolution": "1K", "images": ids[::-1]}
    response = client.post("/v1/images/edits", **{body: fields})
    assert response.status_code == 200, response.text
    sent = [decode(file.content).getpixel((0, 0)) for file in backend.requests[0].files]
    assert sent == [colour_of("second"), colour_of("first")]


def test_four_photographs_of_a_telephone_are_edited(client: httpx.Client, backend: GeneratingBackend) -> None:
    photograph = noise_file(1400, 1100)
    assert 4 * len(photograph) > 2 * MAX_PAYLOAD_BYTES
    response = edit(client, *[upload(client, photograph) for _ in range(4)])
    assert response.status_code == 200, response.text
    assert [decode(file.content).size for file in backend.requests[0].files] == [(1400, 1100)] * 4


def test_every_token_of_a_consumer_may_use_its_uploads_and_no_other_consumer(api: Deployment) -> None:
    consumer_id = api.new_consumer_id()
    first, second = (api.client(api.issue_token(consumer_id)) for _ in range(2))
    uploaded = upload(first, image_file((16, 16)))
    assert edit(second, uploaded).status_code == 200
    foreign = refusal_of(api.client(api.issue_token()), uploaded)
    assert foreign.startswith(f"images[1]: got the text '{uploaded}', which is no upload id of this consumer")


# Refused


def refusal_of(client: httpx.Client, upload_id: str) -> str:
    """The message about a second image, beside a first that is in order."""
    return assert_error(edit(client, image_file((16, 16)), upload_id), 400, "invalid_image")


def test_an_upload_that_never_came_or_is_no_image_is_refused(
    client: httpx.Client, backend: GeneratingBackend
) -> None:
    missing = refusal_of(client, ask(client, b"content")["id"])
    assert missing.startswith("images[1]: nothing was uploaded under this id")
    gif = refusal_of(client, upload(client, b"GIF89a"))
    assert gif.startswith("images[1]: the content is a GIF image")
    assert backend.requests == []


@pytest.mark.parametrize(
    "text", [" ", "portrait.jpg", "upl_" + "0" * 51, "../../secrets", "é" * 51, "x" * 5000]
)
def test_text_that_is_no_upload_id_is_refused(
    client: httpx.Client, backend: GeneratingBackend, text: str
) -> None:
    message = refusal_of(client, text)
    assert message.startswith("images[1]: got the text '")
    assert "no upload id of this consumer" in message
    assert len(message) < 300
    assert backend.requests == []

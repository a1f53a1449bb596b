"""Reference images too large for a request: a place is asked for, the image put there, its id sent."""

import json
import secrets
import time
from datetime import datetime
from typing import Any

import httpx
import pytest

from imagineart.access.tokens import Peppers
from imagineart.images.kinds import MAX_UPLOAD_BYTES
from imagineart.uploads.model import UPLOAD_LIFE_SECONDS, create_upload
from local.gateway import MAX_PAYLOAD_BYTES
from tests.functions.deployment import Deployment, assert_error, generate, open_png
from tests.functions.generating_backend import GeneratingBackend, colour_of, image_file, noise_file
from tests.functions.test_rate_limits import held_within_one_minute, used_and_left
from tests.sample_images import decode, encode, gradient

PNG = {"content_type": "image/png"}
JSON = {"Content-Type": "application/json"}


def ask(client: httpx.Client, content: bytes, content_type: str = "image/png") -> dict[str, Any]:
    """What POST /v1/uploads responses."""
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


def edit_with(client: httpx.Client, *images: bytes | str, **fields: str) -> httpx.Response:
    """POST an edit of files and upload ids, in order."""
    parts: list[tuple[str, Any]] = [
        ("images", (None, image) if isinstance(image, str) else ("image", image)) for image in images
    ]
    form = {"prompt": "at dusk", "resolution": "1K"} | fields
    return client.post(
        "/v1/images/edits", files=[*parts, *((name, (None, text)) for name, text in form.items())]
    )


def peppers_of(api: Deployment) -> Peppers:
    secret = api.aws("secretsmanager").get_secret_value(SecretId=api.references["PepperSecret"])
    keys = json.loads(secret["SecretString"])
    return Peppers(keys.pop("current"), keys)


# The grant


@pytest.mark.parametrize("way", ["json", "json with a text as size", "multipart", "urlencoded"])
def test_an_upload_is_granted_to_a_form_and_to_json(client: httpx.Client, way: str) -> None:
    sent: dict[str, dict[str, Any]] = {
        "json": {"json": {**PNG, "size": 1000}},
        "json with a text as size": {"json": {**PNG, "size": "1000"}},
        "multipart": {"files": {"content_type": (None, "image/png"), "size": (None, "1000")}},
        "urlencoded": {"data": {**PNG, "size": "1000"}},
    }
    before = int(time.time())
    response = client.post("/v1/uploads", **sent[way])
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-Request-Id"]
    granted = response.json()
    assert granted.keys() == {"id", "method", "url", "headers", "expires_at"}
    assert granted["id"].startswith("upl_")
    assert (granted["method"], granted["headers"]) == ("PUT", {"Content-Type": "image/png"})
    left_seconds = datetime.fromisoformat(granted["expires_at"]).timestamp() - before
    assert UPLOAD_LIFE_SECONDS <= left_seconds <= UPLOAD_LIFE_SECONDS + 60


def test_size_and_kind_are_signed_into_the_url_so_that_s3_refuses_others(client: httpx.Client) -> None:
    query = httpx.URL(ask(client, b"content")["url"]).params
    assert query["X-Amz-SignedHeaders"] == "content-length;content-type;host"
    assert query["X-Amz-Expires"] == str(UPLOAD_LIFE_SECONDS)


def test_another_size_or_kind_has_another_signature(client: httpx.Client, api: Deployment) -> None:
    def grant(size: int, content_type: str) -> httpx.URL:
        fields = {"size": str(size), "content_type": content_type}
        return httpx.URL(client.post("/v1/uploads", data=fields).json()["url"])

    granted = [grant(1, "image/png"), grant(2, "image/png"), grant(1, "image/jpeg"), grant(1, "image/png")]
    assert len({url.params["X-Amz-Signature"] for url in granted}) == 4
    assert len({url.path for url in granted}) == 4


@pytest.mark.parametrize(
    ("fields", "reported"),
    [
        ({"size": "1"}, ["content_type: the field is required", "image/png, image/jpeg, image/webp"]),
        ({**PNG}, ["size: the field is required", "1 to 26214400"]),
        ({**PNG, "size": str(MAX_UPLOAD_BYTES + 1)}, ["size: got '26214401'", "1 to 26214400"]),
        ({**PNG, "size": "0"}, ["size: got '0'"]),
        ({**PNG, "size": "-1"}, ["size: got '-1'"]),
        ({**PNG, "size": "1.5"}, ["size: got '1.5'"]),
        ({**PNG, "size": "9" * 30}, ["size: got '999"]),
        ({**PNG, "size": "many"}, ["size: got 'many'"]),
        ({"content_type": "image/gif", "size": "1"}, ["content_type: got 'image/gif'", "image/heif"]),
        ({"content_type": "", "size": "1"}, ["content_type: got ''"]),
        ({**PNG, "size": "1", "name": "photo.png"}, ["unknown field 'name'", "content_type, size"]),
    ],
)
@pytest.mark.parametrize("body", ["data", "json"])
def test_what_cannot_be_uploaded_is_refused_beforehand(
    client: httpx.Client, body: str, fields: dict[str, str], reported: list[str]
) -> None:
    message = assert_error(client.post("/v1/uploads", **{body: fields}), 400, "invalid_request")
    assert [words for words in reported if words not in message] == []


def test_25_mib_may_be_uploaded(client: httpx.Client) -> None:
    assert client.post("/v1/uploads", json={**PNG, "size": 25 * 1024 * 1024}).status_code == 200


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b"\xff",
        b"[" * 100_000,
        b'{"content_type": "image/png", "size": 1.5}',
        b'{"content_type": "image/png", "size": true}',
        b'{"content_type": "image/png", "size": null}',
        b'{"content_type": "image/png", "size": [1]}',
        b'{"content_type": "image/png", "size": 1, "size": 2}',
        b'{"content_type": "\\ud800", "size": 1}',
    ],
)
def test_json_that_is_no_form_is_refused(client: httpx.Client, content: bytes) -> None:
    response = client.post("/v1/uploads", content=content, headers=JSON)
    assert_error(response, 400, "invalid_request")


def test_an_upload_needs_a_token(api: Deployment) -> None:
    api.issue_token()
    response = api.client().post("/v1/uploads", data={**PNG, "size": "1"})
    assert_error(response, 401, "missing_bearer_token")
    invented = {"Authorization": "Bearer iart_invented"}
    response = api.client().post("/v1/uploads", data={**PNG, "size": "1"}, headers=invented)
    assert_error(response, 401, "invalid_token")


def test_an_upload_counts_against_the_limit(api: Deployment) -> None:
    def three_uploads(consumer_id: str) -> list[httpx.Response]:
        client = api.client(api.issue_token(consumer_id, requests_per_minute=2))
        bodies: list[Any] = [{**PNG, "size": 1}, {**PNG, "size": 0}, {**PNG, "size": 1}]
        return [client.post("/v1/uploads", json=body) for body in bodies]

    responses = held_within_one_minute(three_uploads)
    assert [response.status_code for response in responses] == [200, 400, 429]
    assert used_and_left(responses) == [("2", "1"), ("2", "0"), ("2", "0")]


# The flow


def test_an_uploaded_photograph_is_edited(client: httpx.Client, backend: GeneratingBackend) -> None:
    photograph = encode(gradient(300, 200), "JPEG")
    response = edit_with(client, upload(client, photograph, "image/jpeg"))
    assert response.status_code == 200, response.text
    assert open_png(response.content).size == (1248, 832)
    (reference,) = backend.requests[0].files
    assert decode(reference.content).size == (300, 200)


def test_ids_and_files_may_be_mixed_and_keep_their_order(
    client: httpx.Client, backend: GeneratingBackend
) -> None:
    prompts = ["first", "second", "third", "fourth"]
    first, second, third, fourth = [image_file((16, 16), prompt) for prompt in prompts]
    uploaded = [upload(client, second), upload(client, fourth)]
    response = edit_with(client, first, uploaded[0], third, uploaded[1])
    assert response.status_code == 200, response.text
    sent = [decode(file.content).getpixel((0, 0)) for file in backend.requests[0].files]
    assert sent == [colour_of(prompt) for prompt in prompts]


def test_ids_alone_may_come_in_a_urlencoded_form(client: httpx.Client, backend: GeneratingBackend) -> None:
    ids = [upload(client, image_file((16, 16), prompt)) for prompt in ("first", "second")]
    response = client.post(
        "/v1/images/edits", data={"prompt": "at dusk", "resolution": "1K", "images": ids[::-1]}
    )
    assert response.status_code == 200, response.text
    sent = [decode(file.content).getpixel((0, 0)) for file in backend.requests[0].files]
    assert sent == [colour_of("second"), colour_of("first")]


def test_an_upload_may_be_edited_again(client: httpx.Client) -> None:
    uploaded = upload(client, image_file((16, 16)))
    responses = [edit_with(client, uploaded), edit_with(client, uploaded, uploaded)]
    assert [response.status_code for response in responses] == [200, 200]


def test_four_photographs_of_a_telephone_are_edited(client: httpx.Client, backend: GeneratingBackend) -> None:
    photograph = noise_file(1400, 1100)
    assert 4 * len(photograph) > 2 * MAX_PAYLOAD_BYTES
    response = edit_with(client, *[upload(client, photograph) for _ in range(4)])
    assert response.status_code == 200, response.text
    assert [decode(file.content).size for file in backend.requests[0].files] == [(1400, 1100)] * 4


def test_more_than_four_images_are_refused_whatever_they_are(
    client: httpx.Client, backend: GeneratingBackend
) -> None:
    image = image_file((16, 16))
    uploaded = upload(client, image)
    response = edit_with(client, image, image, uploaded, uploaded, uploaded)
    assert "1 to 4 files" in assert_error(response, 400, "invalid_request")
    assert backend.requests == []


def test_a_token_of_either_kind_of_the_consumer_may_use_its_uploads(api: Deployment) -> None:
    uploaded = upload(api.client(api.issue_token("acme")), image_file((16, 16)))
    assert edit_with(api.client(api.issue_token("acme")), uploaded).status_code == 200


# Refused


def refusal_of(client: httpx.Client, upload_id: str) -> str:
    """What is reported of a second image, beside a first that is in order."""
    response = edit_with(client, image_file((16, 16)), upload_id)
    return assert_error(response, 400, "invalid_image")


def test_the_upload_of_another_consumer_is_refused(api: Deployment, backend: GeneratingBackend) -> None:
    foreign = upload(api.client(api.issue_token("somebody-else")), image_file((16, 16)))
    message = refusal_of(api.client(api.issue_token("acme")), foreign)
    assert message.startswith("images[1]: ")
    assert "no upload id of this consumer" in message
    assert backend.requests == []


def test_an_expired_upload_is_refused(api: Deployment, backend: GeneratingBackend) -> None:
    now = int(time.time())
    expired = create_upload(
        "acme", now=now - UPLOAD_LIFE_SECONDS, peppers=peppers_of(api), random_below=secrets.randbelow
    )
    api.aws("s3").put_object(
        Bucket=api.references["UploadsBucket"], Key=expired.key, Body=image_file((16, 16))
    )
    message = refusal_of(api.client(api.issue_token("acme")), expired.id)
    assert message.startswith("images[1]: the upload expired at 20")
    assert backend.requests == []


def test_an_upload_of_which_the_pepper_has_gone_is_refused(api: Deployment) -> None:
    stranger = create_upload(
        "acme", now=int(time.time()), peppers=Peppers("1", {"1": "x" * 64}), random_below=secrets.randbelow
    )
    assert "no upload id" in refusal_of(api.client(api.issue_token("acme")), stranger.id)


def test_an_upload_that_never_came_is_refused(client: httpx.Client, backend: GeneratingBackend) -> None:
    message = refusal_of(client, ask(client, b"content")["id"])
    assert message.startswith("images[1]: nothing was uploaded under this id")
    assert backend.requests == []


def test_an_upload_that_is_no_image_is_refused(client: httpx.Client, backend: GeneratingBackend) -> None:
    message = refusal_of(client, upload(client, b"GIF89a", "image/png"))
    assert message.startswith("images[1]: the content is a GIF image")
    assert backend.requests == []


@pytest.mark.parametrize(
    "text", ["", " ", "portrait.jpg", "upl_", "upl_" + "0" * 51, "../../secrets", "é" * 51, "x" * 5000]
)
def test_text_that_is_no_upload_id_is_refused(
    client: httpx.Client, backend: GeneratingBackend, text: str
) -> None:
    message = refusal_of(client, text)
    assert message.startswith("images[1]: got the text '")
    assert "no upload id of this consumer" in message
    assert len(message) < 300
    assert backend.requests == []


@pytest.mark.parametrize("at", range(4, 55, 5))
def test_no_character_of_an_id_may_be_another(client: httpx.Client, at: int) -> None:
    uploaded = ask(client, b"content")["id"]
    assert len(uploaded) == 55
    changed = uploaded[:at] + ("a" if uploaded[at] != "a" else "b") + uploaded[at + 1 :]
    assert "no upload id" in refusal_of(client, changed)


def test_an_id_in_a_generation_is_an_unknown_field(client: httpx.Client) -> None:
    response = generate(client, images=ask(client, b"content")["id"])
    assert "unknown field 'images'" in assert_error(response, 400, "invalid_request")

"""What every client can rely on, over HTTP alone."""

import time

import httpx
import pytest
from PIL import Image

from tests.e2e.target import Target
from tests.processes import PATIENCE_SECONDS
from tests.sample_images import decode, encode, gradient, sample

SMALL = {"prompt": "a lighthouse at dusk", "resolution": "1K"}
UNKNOWN_TOKEN = f"iart_p000000000000000_{'0' * 49}"


def generate(client: httpx.Client, headers: dict[str, str] | None = None, **fields: str) -> httpx.Response:
    return client.post("/v1/images/generations", data=SMALL | fields, headers=headers)


def edit(client: httpx.Client, *images: bytes | str, headers: dict[str, str] | None = None) -> httpx.Response:
    """Edit references, each a file or the id of an upload."""
    parts = [(None, each) if isinstance(each, str) else ("photo", each) for each in images]
    files = [("images", part) for part in parts]
    return client.post("/v1/images/edits", data=SMALL, files=files, headers=headers)


def upload(client: httpx.Client, content: bytes, kind: str = "image/png") -> str:
    """The id of an upload that was put."""
    form = {"content_type": kind, "size": str(len(content))}
    granted = client.post("/v1/uploads", data=form).raise_for_status().json()
    httpx.put(granted["url"], content=content, headers=granted["headers"], timeout=300).raise_for_status()
    upload_id: str = granted["id"]
    return upload_id


def refusal(response: httpx.Response) -> tuple[int, str]:
    """Status and code of an error in the API's format."""
    error = response.json()["error"]
    assert response.headers["X-Request-Id"] == error["request_id"]
    assert error["message"]
    return response.status_code, error["code"]


def test_a_seed_reproduces_its_image_and_another_seed_does_not(client: httpx.Client) -> None:
    first, again, other = (generate(client, seed=seed).raise_for_status().content for seed in "778")
    assert first == again
    assert first != other


def test_an_image_comes_with_its_size_and_seed(client: httpx.Client) -> None:
    response = generate(client, seed="7", aspect_ratio="3:2")
    assert (response.status_code, response.headers["Content-Type"]) == (200, "image/png")
    image = decode(response.content)
    assert (image.format, image.size) == ("PNG", (1248, 832))
    described = {name: response.headers[name] for name in ("X-Seed", "X-Image-Width", "X-Image-Height")}
    assert described == {"X-Seed": "7", "X-Image-Width": "1248", "X-Image-Height": "832"}


def test_a_job_makes_the_image_that_its_request_asked_for(client: httpx.Client) -> None:
    accepted = generate(client, {"Prefer": "respond-async"}, seed="7")
    assert (accepted.status_code, accepted.headers["Preference-Applied"]) == (202, "respond-async")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (job := client.get(accepted.headers["Location"]).json())["status"] in ("queued", "processing"):
        assert time.monotonic() < deadline
    assert (job["status"], job["images"][0]["seed"]) == ("completed", 7)
    assert client.get(job["images"][0]["url"]).content == generate(client, seed="7").content


def test_references_of_every_format_are_edited_together(client: httpx.Client) -> None:
    response = edit(client, *(sample(kind, 320, 200) for kind in ("heic", "png", "jpeg", "webp")))
    assert response.status_code == 200, response.text
    assert decode(response.content).size == (1248, 832)


def test_photos_larger_than_a_request_are_uploaded_and_edited(client: httpx.Client) -> None:
    noise = Image.effect_noise((3000, 2000), 90).convert("RGB")
    photos = [encode(noise.rotate(turn, expand=True), "JPEG", quality=98) for turn in (0, 90)]
    assert sum(map(len, photos)) > 6_291_556, "they would fit into one request"
    landscape, portrait = (upload(client, photo, "image/jpeg") for photo in photos)
    response = edit(client, landscape, sample("png"), portrait)
    assert response.status_code == 200, response.text
    assert decode(response.content).size == (1248, 832)


def test_a_masked_edit_leaves_the_rest_as_it_was_and_is_found_at_its_url(client: httpx.Client) -> None:
    photo, mask = gradient(1024, 1024), Image.new("L", (256, 256))
    mask.paste(255, (0, 0, 128, 256))
    files = {"image": ("photo.png", encode(photo, "PNG")), "mask": ("mask.png", encode(mask, "PNG"))}
    form = {"prompt": "a neon city", "size": "1024x1024", "response_format": "url"}
    response = client.post("/v1/images/edits", data=form, files=files)
    assert response.status_code == 200, response.text
    (image,) = response.json()["data"]
    # The emulator of a rehearsal has a path before the stage, which its events do not tell.
    path = image["url"][image["url"].index("/results/") :]
    edited = decode(client.get(path).raise_for_status().content)
    right, left = (512, 0, 1024, 1024), (0, 0, 512, 1024)
    assert edited.crop(right).tobytes() == photo.crop(right).tobytes()
    assert edited.crop(left).tobytes() != photo.crop(left).tobytes()


def test_a_reference_that_is_no_image_is_refused(client: httpx.Client) -> None:
    assert refusal(edit(client, b"no image")) == (400, "invalid_image")


def test_several_images_come_as_json(client: httpx.Client) -> None:
    body = {"prompt": "a lighthouse", "size": "1024x1024", "n": 2, "seed": 7}
    response = client.post("/v1/images/generations", json=body)
    assert response.status_code == 200, response.text
    assert [image["seed"] for image in response.json()["data"]] == [7, 8]


def test_a_request_with_a_used_key_gets_the_same_response(client: httpx.Client) -> None:
    key = {"Idempotency-Key": "a-key-of-this-test"}
    first, again = generate(client, key), generate(client, key)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.headers["Idempotent-Replayed"] == "false"
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.content == first.content
    assert refusal(generate(client, key, seed="1")) == (400, "invalid_request")


def test_an_error_frees_its_key(client: httpx.Client) -> None:
    key = {"Idempotency-Key": "another-key-of-this-test"}
    form = {"content_type": "image/png", "size": "1"}
    never_put = client.post("/v1/uploads", data=form).raise_for_status().json()["id"]
    assert refusal(edit(client, never_put, headers=key)) == (400, "invalid_image")
    assert edit(client, sample("png"), headers=key).status_code == 200


def test_limits_are_reported_and_enforced(target: Target) -> None:
    target.succeed("consumer create limited --requests-per-minute 30 --images-per-day 1")
    with target.client(target.succeed("token create limited").strip()) as limited:
        first, second = generate(limited), generate(limited)
    assert first.status_code == 200
    reported = {name: first.headers[f"X-RateLimit-{name}"] for name in ("Limit", "Resource")}
    assert reported == {"Limit": "30", "Resource": "requests_per_minute"}
    assert refusal(second) == (429, "rate_limited")
    assert second.headers["X-RateLimit-Resource"] == "images_per_day"
    assert second.headers["X-Should-Retry"] == "false"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/images/generations"),
        ("POST", "/v1/images/edits"),
        ("POST", "/v1/uploads"),
        ("GET", "/v1/models"),
        ("GET", "/v1/models/text-to-image"),
    ],
)
def test_a_request_without_a_valid_token_is_refused(target: Target, method: str, path: str) -> None:
    anonymous = httpx.request(method, f"{target.base_url}{path}", timeout=300)
    assert refusal(anonymous) == (401, "missing_bearer_token")
    with target.client(UNKNOWN_TOKEN) as client:
        assert refusal(client.request(method, path)) == (401, "invalid_token")


def test_a_token_sent_over_plain_http_is_revoked(target: Target) -> None:
    target.succeed("consumer create careless")
    token = target.succeed("token create careless").strip()
    assert target.list_models(token).status_code == 200
    assert target.list_models(token, **{"X-Forwarded-Proto": "http"}).status_code == 401
    assert target.list_models(token).status_code == 401


@pytest.mark.parametrize("path", ["/health", "/v1/health"])
def test_health_needs_no_token(target: Target, path: str) -> None:
    response = httpx.get(f"{target.base_url}{path}", timeout=300)
    assert (response.status_code, response.json()) == (200, {"ok": True})
    assert httpx.head(f"{target.base_url}{path}", timeout=300).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/v1/pictures"),
        ("PUT", "/v1/models"),
        ("DELETE", "/v1/images/edits"),
        ("POST", "/health"),
        ("PATCH", "/a/b/c"),
    ],
)
def test_an_unknown_path_or_method_is_a_404_with_a_token_or_without(
    target: Target, client: httpx.Client, method: str, path: str
) -> None:
    anonymous = httpx.request(method, f"{target.base_url}{path}", timeout=300)
    for response in (anonymous, client.request(method, path)):
        assert refusal(response) == (404, "unknown_request")


def test_pages_of_other_sites_cannot_read_responses(client: httpx.Client) -> None:
    origin = {"Origin": "https://app.example.com"}
    preflight = client.options("/v1/models", headers={**origin, "Access-Control-Request-Method": "GET"})
    for response in (preflight, client.get("/v1/models", headers=origin)):
        assert not [name for name in response.headers if name.startswith("access-control")]

"""What every client can rely on, over HTTP alone."""

import httpx
import pytest
from tests.sample_pictures import decode, sample

from tests.e2e.target import Target, bearer

SMALL = {"prompt": "a lighthouse at dusk", "resolution": "1K"}


def generate(client: httpx.Client, headers: dict[str, str] | None = None, **fields: str) -> httpx.Response:
    return client.post("/v1/images/generations", data=SMALL | fields, headers=headers)


def error_code(answer: httpx.Response) -> str:
    error = answer.json()["error"]
    assert answer.headers["X-Request-Id"] == error["request_id"]
    assert error["message"]
    code: str = error["code"]
    return code


def test_a_seed_reproduces_its_picture_and_another_does_not(client: httpx.Client) -> None:
    first, again, other = (generate(client, seed=seed).raise_for_status().content for seed in "778")
    assert first == again
    assert first != other


def test_a_picture_says_what_it_is(client: httpx.Client) -> None:
    answer = generate(client, seed="7", aspect_ratio="3:2")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/png")
    picture = decode(answer.content)
    assert (picture.format, picture.size) == ("PNG", (1248, 832))
    told = {name: answer.headers[name] for name in ("X-Seed", "X-Image-Width", "X-Image-Height")}
    assert told == {"X-Seed": "7", "X-Image-Width": "1248", "X-Image-Height": "832"}


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "heic"])
def test_a_reference_of_every_kind_is_edited(client: httpx.Client, kind: str) -> None:
    # A ratio of the reference's own, which has to be decoded for it.
    files = [("images", (f"reference.{kind}", sample(kind, 320, 200), "application/octet-stream"))]
    answer = client.post("/v1/images/edits", data=SMALL, files=files)
    assert answer.status_code == 200, answer.text
    assert decode(answer.content).format == "PNG"


def test_four_references_make_one_picture(client: httpx.Client) -> None:
    kinds = ("png", "jpeg", "heic", "webp")
    files = [("images", (f"reference.{kind}", sample(kind), "application/octet-stream")) for kind in kinds]
    assert client.post("/v1/images/edits", data=SMALL, files=files).status_code == 200


def test_a_reference_that_is_no_picture_is_refused(client: httpx.Client) -> None:
    files = [("images", ("reference.png", b"no picture", "image/png"))]
    answer = client.post("/v1/images/edits", data=SMALL, files=files)
    assert (answer.status_code, error_code(answer)) == (400, "invalid_image")


def test_several_pictures_come_as_json(client: httpx.Client) -> None:
    order = {"prompt": "a lighthouse", "size": "1024x1024", "n": 2, "seed": 7}
    answer = client.post("/v1/images/generations", json=order)
    assert answer.status_code == 200, answer.text
    assert [picture["seed"] for picture in answer.json()["data"]] == [7, 8]


def test_the_same_request_again_is_answered_from_what_was_kept(client: httpx.Client) -> None:
    first, again = (generate(client, headers={"Idempotency-Key": "a-key-of-this-test"}) for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.headers["Idempotent-Replayed"] == "false"
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.content == first.content
    other = generate(client, headers={"Idempotency-Key": "a-key-of-this-test"}, seed="1")
    assert (other.status_code, error_code(other)) == (400, "invalid_request")


def test_a_failure_frees_its_key(client: httpx.Client) -> None:
    key = {"Idempotency-Key": "another-key-of-this-test"}
    upload = client.post("/v1/uploads", data={"content_type": "image/png", "size": "1"}).json()["id"]
    failed = client.post("/v1/images/edits", data=SMALL | {"images": upload}, headers=key)
    assert (failed.status_code, error_code(failed)) == (400, "invalid_image")
    files = [("images", ("reference.png", sample("png"), "image/png"))]
    assert client.post("/v1/images/edits", data=SMALL, files=files, headers=key).status_code == 200


def test_limits_are_told_and_kept(target: Target) -> None:
    target.succeed("consumer create limited --requests-per-minute 3 --images-per-day 1")
    token = target.succeed("token create limited").strip()
    with httpx.Client(base_url=target.base_url, headers=bearer(token), timeout=60) as limited:
        first = generate(limited)
        told = {name: first.headers[f"X-RateLimit-{name}"] for name in ("Limit", "Remaining", "Resource")}
        assert told == {"Limit": "3", "Remaining": "2", "Resource": "requests_per_minute"}
        beyond_the_day = generate(limited)
        assert (beyond_the_day.status_code, error_code(beyond_the_day)) == (429, "rate_limited")
        assert beyond_the_day.headers["X-RateLimit-Resource"] == "images_per_day"
        assert beyond_the_day.headers["X-Should-Retry"] == "false"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "missing_bearer_token"),
        ({"Authorization": "Basic Og=="}, "missing_bearer_token"),
        (bearer("iart_garbage"), "invalid_token"),
        (bearer(f"iart_p000000000000000_{'0' * 49}"), "invalid_token"),
    ],
    ids=["none", "another scheme", "garbage", "unknown"],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/images/generations"),
        ("POST", "/v1/images/edits"),
        ("POST", "/v1/uploads"),
        ("GET", "/v1/models"),
    ],
)
def test_a_wrong_token_opens_nothing(
    target: Target, method: str, path: str, headers: dict[str, str], code: str
) -> None:
    answer = httpx.request(method, f"{target.base_url}{path}", headers=headers, timeout=60)
    assert (answer.status_code, error_code(answer)) == (401, code)


def test_a_token_sent_over_plain_http_is_revoked(target: Target) -> None:
    target.succeed("consumer create careless")
    token = target.succeed("token create careless").strip()
    assert target.get("/v1/models", token).status_code == 200
    plain = bearer(token) | {"X-Forwarded-Proto": "http"}
    assert httpx.get(f"{target.base_url}/v1/models", headers=plain, timeout=60).status_code == 401
    assert target.get("/v1/models", token).status_code == 401


def test_anybody_may_ask_whether_it_lives(target: Target) -> None:
    for path in ("/health", "/v1/health"):
        answer = httpx.get(f"{target.base_url}{path}", timeout=60)
        assert (answer.status_code, answer.json()) == (200, {"ok": True})
        assert httpx.head(f"{target.base_url}{path}", timeout=60).status_code == 200


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
@pytest.mark.parametrize("with_token", [True, False], ids=["with a token", "without"])
def test_what_is_not_there_is_a_404(target: Target, method: str, path: str, with_token: bool) -> None:
    headers = bearer(target.token) if with_token else {}
    answer = httpx.request(method, f"{target.base_url}{path}", headers=headers, timeout=60)
    assert (answer.status_code, error_code(answer)) == (404, "unknown_request")

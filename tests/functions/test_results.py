"""A finished file is at a URL that needs no token, until it expires."""

from collections.abc import Iterator
from types import SimpleNamespace

import httpx
import pytest

from imagineart import bootstrap_environment
from imagineart.apis.imagineart import serve_result
from imagineart.results.results import Results
from imagineart.s3 import CHUNK_BYTES
from tests.fakes.clock import FakeClock
from tests.functions.conftest import Deploy
from tests.functions.deployment import Deployment, assert_error, without_the_streaming_layer
from tests.functions.generating_backend import image_file, noise_file
from tests.functions.test_logs import lines_of, log_to_this_tests_output

CONTENT = image_file((64, 48))
SAFE_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Content-Security-Policy": "sandbox",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """The clock of every environment that starts from now on."""
    clock = FakeClock()
    monkeypatch.setattr(bootstrap_environment, "time", SimpleNamespace(time=clock))
    return clock


@pytest.fixture
def results(api: Deployment) -> Results:
    return api.results()


@pytest.fixture
def anonymous(api: Deployment) -> Iterator[httpx.Client]:
    with api.client() as client:
        yield client


def assert_safe(response: httpx.Response) -> None:
    """The headers that every response has, and the request id."""
    assert {name: response.headers.get(name) for name in SAFE_HEADERS} == SAFE_HEADERS
    assert response.headers["X-Request-Id"]


# Delivered


@pytest.mark.parametrize(
    ("media_type", "extension"), [("image/png", "png"), ("image/jpeg", "jpg"), ("image/webp", "webp")]
)
def test_a_result_is_delivered_without_a_token_in_its_own_type(
    results: Results, anonymous: httpx.Client, media_type: str, extension: str
) -> None:
    result = results.keep(CONTENT, media_type=media_type)
    assert result.path.endswith(f".{extension}")
    response = anonymous.get(result.path)
    assert (response.status_code, response.content) == (200, CONTENT)
    assert response.headers["Content-Type"] == media_type
    assert response.headers["ETag"].strip('"')
    assert_safe(response)


def test_an_image_of_many_megabytes_is_streamed_in_pieces(results: Results, anonymous: httpx.Client) -> None:
    image = noise_file(2048, 2048)
    result = results.keep(image, media_type="image/png")
    with anonymous.stream("GET", result.path) as response:
        pieces = list(response.iter_raw())
    assert b"".join(pieces) == image
    assert len(image) > 10_000_000 > CHUNK_BYTES * 2
    assert max(map(len, pieces)) <= CHUNK_BYTES


def test_a_result_is_delivered_and_cached_until_the_second_in_which_it_expires(
    clock: FakeClock, own_api: Deployment
) -> None:
    result = own_api.results().keep(CONTENT, media_type="image/png", life_seconds=60)
    client = own_api.client()
    for now, left in ((0, 60), (0.5, 59), (59.9, 0)):
        clock.now = result.expires_at - 60 + now
        response = client.get(result.path)
        assert response.content == CONTENT
        assert response.headers["Cache-Control"] == f"private, max-age={left}"
    clock.now = result.expires_at
    expired = client.get(result.path)
    assert assert_error(expired, 410, "result_expired") == "The result has expired. Generate it again."
    assert (expired.headers["Cache-Control"], expired.headers["X-Should-Retry"]) == ("no-store", "false")
    assert_safe(expired)


def test_a_function_without_the_streaming_layer_delivers_a_result_whole(deploy: Deploy) -> None:
    api = deploy(without_the_streaming_layer)
    result = api.results().keep(CONTENT, media_type="image/png")
    response = api.client().get(result.path)
    assert (response.status_code, response.content) == (200, CONTENT)


def test_a_head_request_gets_the_headers_alone(results: Results, anonymous: httpx.Client) -> None:
    result = results.keep(CONTENT, media_type="image/webp")
    response = anonymous.head(result.path, headers={"Range": "bytes=0-9"})
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["Content-Type"] == "image/webp"
    assert_safe(response)
    assert anonymous.head(f"{result.path}x").status_code == 404


# Redirected


def follow(response: httpx.Response, **headers: str) -> httpx.Response:
    """What a client gets that follows a redirect, and sends its headers again."""
    assert (response.status_code, response.content) == (307, b"")
    assert response.headers["Cache-Control"] == "no-store"
    assert_safe(response)
    return httpx.get(response.headers["Location"], headers=headers, trust_env=False)


def test_a_range_is_left_to_s3_for_a_minute(results: Results, anonymous: httpx.Client) -> None:
    result = results.keep(CONTENT, media_type="image/png")
    redirect = anonymous.get(result.path, headers={"Range": "bytes=10-19"})
    part = follow(redirect, Range="bytes=10-19")
    assert (part.status_code, part.content) == (206, CONTENT[10:20])
    assert part.headers["Content-Type"] == "image/png"
    url = httpx.URL(redirect.headers["Location"])
    assert url.params["X-Amz-Expires"] == "60"
    assert url.params["response-cache-control"].startswith("private, max-age=")
    assert result.name not in str(url), "who reads the logs of S3 cannot get the file"


def test_a_large_file_is_left_to_s3(
    results: Results, anonymous: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = results.keep(CONTENT, media_type="image/png")
    monkeypatch.setattr(serve_result, "MAX_STREAMED_BYTES", len(CONTENT) - 1)
    assert follow(anonymous.get(result.path)).content == CONTENT
    monkeypatch.setattr(serve_result, "MAX_STREAMED_BYTES", len(CONTENT))
    assert anonymous.get(result.path).content == CONTENT


def test_a_redirect_ends_with_the_result(clock: FakeClock, own_api: Deployment) -> None:
    result = own_api.results().keep(CONTENT, media_type="image/png")
    client = own_api.client()
    for left, expected in ((61, "60"), (7, "7"), (0.5, "1")):
        clock.now = result.expires_at - left
        location = client.get(result.path, headers={"Range": "bytes=0-9"}).headers["Location"]
        assert httpx.URL(location).params["X-Amz-Expires"] == expected


# Refused


def test_a_name_that_was_not_made_here_is_unknown_whatever_was_changed(
    results: Results, anonymous: httpx.Client
) -> None:
    path = results.keep(CONTENT, media_type="image/png").path
    forged = [
        path[:at] + ("a" if path[at] != "a" else "b") + path[at + 1 :]
        for at in range(len("/results/res_"), len(path) - len(".png"))
    ]
    wrong_ending = [path.removesuffix("png") + ending for ending in ("jpg", "webp", "gif", "PNG", "")]
    others = [path.removesuffix(".png"), path + ".png", "/results/x", "/results/%00", "/results/%C3%A9"]
    for each in [*forged, *wrong_ending, *others]:
        response = anonymous.get(each)
        message = assert_error(response, 404, "unknown_request")
        assert message == "No result has this address. Check that it is complete, its ending included."
        assert_safe(response)
    assert anonymous.get(path).status_code == 200


def test_a_result_whose_file_is_gone_is_unknown(
    api: Deployment, results: Results, anonymous: httpx.Client
) -> None:
    result = results.keep(CONTENT, media_type="image/png")
    api.aws("s3").delete_object(Bucket=api.references["ResultsBucket"], Key=result.key)
    for headers in ({}, {"Range": "bytes=0-9"}):
        assert_error(anonymous.get(result.path, headers=headers), 404, "unknown_request")


def test_an_outage_of_the_bucket_is_an_internal_error(own_api: Deployment) -> None:
    result = own_api.results().keep(CONTENT, media_type="image/png")
    s3, bucket = own_api.aws("s3"), own_api.references["ResultsBucket"]
    s3.delete_object(Bucket=bucket, Key=result.key)
    s3.delete_bucket(Bucket=bucket)
    assert_error(own_api.client().get(result.path), 500, "internal_error")


# Logged


def test_no_line_of_a_log_names_a_result(deploy: Deploy, capsys: pytest.CaptureFixture[str]) -> None:
    api = deploy(log_to_this_tests_output)
    result = api.results().keep(CONTENT, media_type="image/png")
    gone = api.results().keep(CONTENT, media_type="image/png")
    api.aws("s3").delete_object(Bucket=api.references["ResultsBucket"], Key=gone.key)
    client = api.client()
    statuses = [
        client.get(result.path).status_code,
        client.get(result.path, headers={"Range": "bytes=0-9"}).status_code,
        client.get(gone.path).status_code,
        client.get(result.path + "x").status_code,
        client.get(f"{result.path}/x").status_code,
        client.delete(result.path).status_code,
    ]
    assert statuses == [200, 307, 404, 404, 404, 404]
    captured = capsys.readouterr()
    lines = lines_of(captured.out)
    assert [(line["status"], line["path"]) for line in lines] == [
        (status, "/results/{file}") for status in statuses[:4]
    ]
    for each in (result, gone):
        assert each.name[4:26] not in captured.out + captured.err
        assert each.name[-26:-4] not in captured.out + captured.err

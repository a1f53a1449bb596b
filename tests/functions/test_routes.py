"""Which path and method is responded by what."""

import itertools

import httpx
import pytest

from local.template import load_template
from tests.functions.deployment import Deployment, assert_error

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
ALLOWED = {
    "/v1/images/generations": ("POST",),
    "/v1/images/edits": ("POST",),
    "/v1/uploads": ("POST",),
    "/v1/models": ("GET",),
    "/health": ("GET", "HEAD"),
    "/v1/health": ("GET", "HEAD"),
}
WRONG = [(path, each) for path, each in itertools.product(ALLOWED, METHODS) if each not in ALLOWED[path]]


@pytest.fixture
def anonymous(api: Deployment) -> httpx.Client:
    return api.client()


def test_the_template_routes_every_known_path() -> None:
    routed = {route.path for route in load_template().routes} - {"/", "/{proxy+}"}
    assert routed == set(ALLOWED)


@pytest.mark.parametrize("path", ["/health", "/v1/health"])
def test_health_is_answered_to_anybody(anonymous: httpx.Client, path: str) -> None:
    response = anonymous.get(path)
    assert (response.status_code, response.json()) == (200, {"ok": True})
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-Request-Id"]


@pytest.mark.parametrize("path", ["/health", "/v1/health"])
def test_health_is_answered_without_a_body_to_head(anonymous: httpx.Client, path: str) -> None:
    response = anonymous.head(path)
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["X-Request-Id"]


@pytest.mark.parametrize(("path", "method"), [pair for pair in WRONG if pair[1] != "HEAD"])
def test_a_wrong_method_of_a_known_path_is_told_the_right_ones(
    anonymous: httpx.Client, path: str, method: str
) -> None:
    response = anonymous.request(method, path)
    message = assert_error(response, 404, "unknown_request")
    allowed = ", ".join(ALLOWED[path])
    assert message == f"{path} does not support {method}; allowed: {allowed}."
    assert response.headers["Allow"] == allowed


@pytest.mark.parametrize("path", [path for path, method in WRONG if method == "HEAD"])
def test_a_head_where_there_is_none_is_unknown_and_has_no_body(anonymous: httpx.Client, path: str) -> None:
    response = anonymous.head(path)
    assert (response.status_code, response.content) == (404, b"")
    assert response.headers["X-Request-Id"]


@pytest.mark.parametrize("method", METHODS[2:])
@pytest.mark.parametrize("path", ["/", "/v1", "/v1/images", "/v1/images/generations/1", "/v2/models", "/%F0"])
def test_an_unknown_path_is_told_the_known_ones(anonymous: httpx.Client, path: str, method: str) -> None:
    message = assert_error(anonymous.request(method, path), 404, "unknown_request")
    assert [known for known in ALLOWED if known not in message] == []


@pytest.mark.parametrize("authorization", ["Bearer iart_anything", "Bearer", "Basic dXNlcjpwYXNz"])
def test_an_authorization_header_makes_no_unknown_path_a_signature_error(
    anonymous: httpx.Client, authorization: str
) -> None:
    for path, method in (("/v1/images/variations", "POST"), ("/", "GET"), ("/v1/models", "DELETE")):
        response = anonymous.request(method, path, headers={"Authorization": authorization})
        assert_error(response, 404, "unknown_request")


def test_a_long_unknown_path_does_not_flood_the_answer(anonymous: httpx.Client) -> None:
    message = assert_error(anonymous.get("/" + "x" * 5000), 404, "unknown_request")
    assert len(message) < 400


def test_the_models_are_listed_as_the_reference_shows_them(client: httpx.Client) -> None:
    response = client.get("/v1/models")
    assert response.status_code == 200
    assert response.json().keys() == {"data", "object"}
    listed = [{key: model[key] for key in ("id", "name", "modality")} for model in response.json()["data"]]
    assert listed == [
        {"id": "text-to-image", "name": "ImagineArt 2.0", "modality": "text-to-image"},
        {"id": "image-edit", "name": "ImagineArt 2.0 Edit", "modality": "image-to-image"},
    ]
    parameters = [list(model["parameters"]) for model in response.json()["data"]]
    assert parameters == [
        ["prompt", "aspect_ratio", "resolution", "seed", "reasoning"],
        ["prompt", "images", "aspect_ratio", "resolution", "seed"],
    ]


def test_a_query_changes_nothing(client: httpx.Client) -> None:
    assert client.get("/v1/models?limit=1&limit=2&x=%20").json() == client.get("/v1/models").json()

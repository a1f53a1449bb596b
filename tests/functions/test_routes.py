"""Which path and method gets which response."""

import httpx
import pytest

from tests.functions.deployment import Deployment, assert_error, template

ALLOWED = {
    "/v1/images/generations": "POST",
    "/v1/images/edits": "POST",
    "/v1/uploads": "POST",
    "/v1/images/variations": "POST",
    "/v1/jobs": "GET",
    "/v1/jobs/{job_id}": "GET, DELETE",
    "/v1/jobs/{job_id}/cancel": "POST",
    "/v1/jobs/{job_id}/images/{number}": "GET",
    "/v1/models": "GET",
    "/v1/models/{model_id}": "GET",
    "/results/{file}": "GET, HEAD",
    "/runware/v1": "POST",
    "/health": "GET, HEAD",
    "/v1/health": "GET, HEAD",
}
"""Those of ImagineoAI's API are in test_imagineo.py: it has errors of its own."""


IMAGINEO = {
    "/imagineo/v1/generate": "POST",
    "/imagineo/v1/generations/{run_id}": "GET",
    "/imagineo/v1/models": "GET",
}


@pytest.fixture
def anonymous(api: Deployment) -> httpx.Client:
    return api.client()


def test_the_template_routes_every_known_path() -> None:
    # One function serves each of these, and responds to other methods itself.
    whole = {"/", "/{proxy+}", "/imaginelab/api/v1/{proxy+}", "/imaginelab/payments/stripe"}
    routed = {route.path for route in template().routes} - whole
    assert routed == {*ALLOWED, *IMAGINEO, "/imagine/{proxy+}"}


@pytest.mark.parametrize("path", ["/health", "/v1/health"])
def test_health_needs_no_token(anonymous: httpx.Client, path: str) -> None:
    response = anonymous.get(path)
    assert (response.status_code, response.json()) == (200, {"ok": True})
    assert response.headers["Content-Type"] == "application/json"
    head = anonymous.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert len({each.headers["X-Request-Id"] for each in (response, head, anonymous.get(path))}) == 3


@pytest.mark.parametrize("path", ALLOWED)
def test_a_wrong_method_of_a_known_path_is_told_the_right_ones(anonymous: httpx.Client, path: str) -> None:
    response = anonymous.put(path.replace("{model_id}", "image-edit"))
    message = assert_error(response, 404, "unknown_request")
    assert message == f"{path} does not support PUT; allowed: {ALLOWED[path]}."
    assert response.headers["Allow"] == ALLOWED[path]


def test_a_wrong_head_has_no_body(anonymous: httpx.Client) -> None:
    response = anonymous.head("/v1/models")
    assert (response.status_code, response.content) == (404, b"")
    assert response.headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("POST", "/v1"),
        ("OPTIONS", "/v1/images/generations/1"),
        ("PUT", "/v2/models"),
        ("GET", "/%F0"),
    ],
)
@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer iart_anything"}], ids=["anonymous", "token"]
)
def test_an_unknown_path_is_told_the_known_ones(
    anonymous: httpx.Client, method: str, path: str, headers: dict[str, str]
) -> None:
    """API Gateway itself would call an Authorization header on an unknown path a wrong signature."""
    message = assert_error(anonymous.request(method, path, headers=headers), 404, "unknown_request")
    assert [known for known in ALLOWED if known not in message] == []


def test_a_long_unknown_path_does_not_flood_the_response(anonymous: httpx.Client) -> None:
    message = assert_error(anonymous.get("/" + "x" * 5000), 404, "unknown_request")
    assert len(message) < 500


def test_the_models_are_listed_as_the_reference_shows_them(client: httpx.Client) -> None:
    response = client.get("/v1/models")
    assert response.status_code == 200
    assert response.json().keys() == {"data", "object"}
    listed = [{key: model[key] for key in ("id", "name", "modality")} for model in response.json()["data"]]
    assert listed == [
        {"id": "text-to-image", "name": "ImagineArt 2.0", "modality": "text-to-image"},
        {"id": "image-edit", "name": "ImagineArt 2.0 Edit", "modality": "image-to-image"},
    ]
    assert [list(model["parameters"]) for model in response.json()["data"]] == [
        ["prompt", "aspect_ratio", "resolution", "seed", "reasoning"],
        ["prompt", "images", "aspect_ratio", "resolution", "seed"],
    ]


def test_one_model_is_returned_as_the_list_has_it(client: httpx.Client) -> None:
    listed = client.get("/v1/models").json()["data"]
    assert [client.get(f"/v1/models/{model['id']}").json() for model in listed] == listed


def test_an_unknown_model_is_told_the_available_ones(api: Deployment) -> None:
    client = api.client(api.issue_token(models=frozenset({"image-edit"})))
    for model_id in ("gpt-image-2", "text-to-image"):
        message = assert_error(client.get(f"/v1/models/{model_id}"), 404, "unknown_request")
        assert message == f"No model has the id '{model_id}'; available: image-edit."


def test_a_query_changes_nothing(client: httpx.Client) -> None:
    assert client.get("/v1/models?limit=1&limit=2&x=%20").json() == client.get("/v1/models").json()


def test_a_trailing_slash_is_the_same_route_without_a_redirect(client: httpx.Client) -> None:
    assert client.get("/v1/models/").json() == client.get("/v1/models").json()
    form = client.post("/v1/images/generations/", files={"prompt": (None, "x"), "resolution": (None, "1K")})
    series = client.post("/v1/images/generations/", json={"prompt": "x", "resolution": "1K"})
    assert (form.status_code, form.headers["Content-Type"]) == (200, "image/png")
    assert (series.status_code, series.headers["Content-Type"]) == (200, "application/json")

"""openapi.yaml is valid, complete, current, and says what the ImagineArt 2.0 API reference says."""

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import yaml
from openapi_spec_validator import validate

from imagineart.apis.imagine.routes import ENDPOINTS
from local.openapi import OPENAPI_FILE, build_document
from local.template import load_template

DOCUMENT: dict[str, Any] = yaml.safe_load(OPENAPI_FILE.read_text())
OPERATIONS = [
    (path, method, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
]
CODES_BY_STATUS = {
    "400": {"invalid_request", "invalid_image"},
    "401": {"missing_bearer_token", "invalid_token"},
    "404": {"unknown_request"},
    "410": {"result_expired"},
    "429": {"rate_limited"},
    "500": {"internal_error"},
    "502": {"model_not_available", "model_error", "model_auth_error"},
    "503": {"no_tokens_configured"},
    "504": {"timeout"},
}
"""The error table of the API reference."""

IMAGINEO_CODES_BY_STATUS = {
    "400": {"invalid_parameter"},
    "401": {"missing_api_key", "invalid_api_key"},
    "403": {"forbidden"},
    "404": {"not_found"},
    "429": {"rate_limited"},
    "500": {"internal_error", "model_not_available", "no_tokens_configured", "timeout"},
}

RUNWARE_CODES_BY_STATUS = {
    "400": {"invalidNumberResults", "unsupportedParameter", "conflictTaskUUID"},
    "401": {"missingApiKey", "invalidApiKey"},
    "403": {"insufficientPermissions"},
    "429": {"rateLimitExceeded", "quotaExceeded"},
    "500": {"internalServerError"},
    "502": {"inferenceError", "noAvailableServer", "modelUnavailable", "providerError"},
    "503": {"serviceUnavailable"},
    "504": {"providerTimeout"},
}
"""Of the codes with status 400, three examples."""

IMAGINE_CODES_BY_STATUS = {
    "400": {"invalid_request", "invalid_image", "missing_bearer_token"},
    "401": {"invalid_token", "missing_scope"},
    "424": {"out_of_quota"},
    "429": {"rate_limited"},
    "500": {"internal_error"},
    "503": {"model_not_available", "model_error", "model_auth_error", "no_tokens_configured", "timeout"},
}
"""By our own codes: its own are numbers, of which several errors have the same."""

IMAGINELAB_CODES_BY_STATUS = {
    "400": {"invalid_request"},
    "401": {"missing_bearer_token", "invalid_token"},
    "402": {"insufficient_credits"},
    "404": {"unknown_request"},
    "429": {"rate_limited"},
    "500": {"internal_error"},
}

CODES_BY_API = {
    "v1": CODES_BY_STATUS, "results": CODES_BY_STATUS, "imagineo": IMAGINEO_CODES_BY_STATUS,
    "runware": RUNWARE_CODES_BY_STATUS, "imagine": IMAGINE_CODES_BY_STATUS,
    "imaginelab": IMAGINELAB_CODES_BY_STATUS,
}  # fmt: skip

EDIT_RATIOS = ["1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "21:9", "4:5", "5:4", "3:1", "1:3"]
IMAGE_TYPES = ["image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"]


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    """What a part of the document stands for."""
    while "$ref" in part:
        found = DOCUMENT
        for name in part["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        part = found
    return part


def request_fields(path: str) -> list[dict[str, Any]]:
    """The fields of each kind of body, by name."""
    media_types = DOCUMENT["paths"][path]["post"]["requestBody"]["content"]
    return [resolved(each["schema"])["properties"] for each in media_types.values()]


def media_types() -> Iterator[dict[str, Any]]:
    """What every operation receives and sends, with its schema and its examples."""
    for _, _, operation in OPERATIONS:
        for body in (operation.get("requestBody", {}), *operation["responses"].values()):
            yield from resolved(body).get("content", {}).values()


def test_the_committed_document_is_current() -> None:
    assert build_document() == DOCUMENT, "run 'make openapi' and commit openapi.yaml"


def test_the_document_is_valid_openapi() -> None:
    validate(DOCUMENT)


def test_every_example_is_valid_against_its_schema() -> None:
    checked = 0
    for media_type in media_types():
        examples = [media_type["example"]] if "example" in media_type else []
        examples += [resolved(each)["value"] for each in media_type.get("examples", {}).values()]
        for example in examples:
            jsonschema.validate(example, {**media_type["schema"], "components": DOCUMENT["components"]})
            checked += 1
    assert checked > len(OPERATIONS)


def test_the_document_lists_exactly_the_deployed_routes() -> None:
    """ImagineLab's are below one path of API Gateway; the document is made of its router."""
    routes = {(route.path, route.method.lower()) for route in load_template().routes}
    deployed = {(path, method) for path, method in routes if method not in ("any", "head")}
    documented = {(path, method) for path, method, _ in OPERATIONS}
    greedy = tuple(path.removesuffix("{proxy+}") for path, _ in routes if path.endswith("/{proxy+}"))
    # One route takes every path below it, where a function knows its own.
    within = {each for each in documented if each[0].startswith(tuple(set(greedy) - {"/"}))}
    lab = {each for each in within if each[0].startswith("/imaginelab/")}
    assert {path for path, _ in within - lab} == {each.path for each in ENDPOINTS}
    assert len(lab) == 12
    assert documented - within == deployed


def test_every_error_has_its_codes_and_says_whether_to_retry() -> None:
    for path, _, operation in OPERATIONS:
        codes = CODES_BY_API.get(path.split("/")[1], {})
        responses = operation["responses"].items()
        errors = {status: resolved(each) for status, each in responses if status >= "400"}
        for status, error in errors.items():
            assert error["content"]["application/json"]["examples"].keys() == codes[status], path
            assert "X-Should-Retry" in error["headers"], path
            assert ("Retry-After" in error["headers"]) == (status in ("424", "429")), path


def test_only_health_results_and_what_leads_to_a_session_need_no_token() -> None:
    public = {path for path, _, operation in OPERATIONS if operation.get("security") == []}
    names = ("signup", "login", "forgot-password", "reset-password")
    sessions = {f"/imaginelab/api/v1/auth/{name}" for name in names}
    assert public == {"/health", "/v1/health", "/results/{file}"} | sessions
    assert DOCUMENT["security"] == [{"bearerToken": []}]


@pytest.mark.parametrize(
    ("path", "field", "expected"),
    [
        ("/v1/images/generations", "prompt", {"minLength": 1, "maxLength": 4000}),
        ("/v1/images/generations", "aspect_ratio", {"enum": [*EDIT_RATIOS, "4:1", "1:4"]}),
        ("/v1/images/generations", "resolution", {"enum": ["1K", "2K"]}),
        ("/v1/images/generations", "reasoning", {"enum": ["low", "high"]}),
        ("/v1/images/generations", "seed", {"minimum": -1, "maximum": 2**63 - 1}),
        ("/v1/images/edits", "prompt", {"minLength": 1, "maxLength": 4000}),
        ("/v1/images/edits", "aspect_ratio", {"enum": ["auto", *EDIT_RATIOS]}),
        ("/v1/images/edits", "images", {"minItems": 1, "maxItems": 4}),
        ("/v1/uploads", "size", {"minimum": 1, "maximum": 25 * 1024 * 1024}),
        ("/v1/uploads", "content_type", {"enum": IMAGE_TYPES}),
    ],
)
def test_a_field_has_the_bounds_of_the_reference(path: str, field: str, expected: dict[str, Any]) -> None:
    for fields in request_fields(path):
        assert expected.items() <= fields[field].items()


def test_reasoning_is_for_generations_and_images_are_for_edits() -> None:
    assert not any("images" in fields for fields in request_fields("/v1/images/generations"))
    assert not any("reasoning" in fields for fields in request_fields("/v1/images/edits"))


def test_a_generated_client_has_no_default_to_send() -> None:
    """One could contradict `size`; and OpenAI's fields in a form change the kind of the response."""
    for path in ("/v1/images/generations", "/v1/images/edits"):
        for fields in request_fields(path):
            assert [name for name, field in fields.items() if "default" in field] == []

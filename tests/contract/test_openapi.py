import re

import pytest
import yaml
from openapi_spec_validator import validate

from contract.generate_openapi import OPENAPI_FILE, build_document, render
from imagineart.web.errors import STATUS_BY_CODE
from local.template import load_template

REFERENCE_ERROR_TABLE = """
| 400 | invalid_request, invalid_image |
| 401 | missing_bearer_token, invalid_token |
| 404 | unknown_request |
| 429 | rate_limited |
| 500 | internal_error |
| 502 | model_not_available, model_error, model_auth_error |
| 503 | no_tokens_configured |
| 504 | timeout |
"""
EDIT_RATIOS = ["1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "21:9", "4:5", "5:4", "3:1", "1:3"]


@pytest.fixture(scope="module")
def document():
    return yaml.safe_load(OPENAPI_FILE.read_text())


def test_the_committed_document_is_the_generated_one():
    assert OPENAPI_FILE.read_text() == render(), "run 'make openapi' and commit openapi.yaml"


def test_the_document_is_valid_openapi(document):
    validate(document)


def test_the_document_lists_exactly_the_routes_that_are_deployed(document):
    documented = {(path, method.upper()) for path, item in document["paths"].items() for method in item}
    deployed = {
        (route.path, route.method) for route in load_template().routes if route.method not in ("ANY", "HEAD")
    }
    assert documented == deployed


def test_the_error_codes_are_the_reference_table():
    table = {
        code: int(status)
        for status, codes in re.findall(r"\| (\d+) \| (.+) \|", REFERENCE_ERROR_TABLE)
        for code in codes.split(", ")
    }
    assert dict(STATUS_BY_CODE) == table


def test_every_error_answer_lists_the_codes_of_its_status(document):
    for path, item in document["paths"].items():
        for operation in item.values():
            for status, response in operation["responses"].items():
                if status != "200":
                    codes = response["content"]["application/json"]["schema"]["properties"]["error"][
                        "properties"
                    ]["code"]["enum"]
                    assert codes == [code for code, its in STATUS_BY_CODE.items() if its == int(status)], path


def test_only_health_goes_without_a_token(document):
    open_paths = {
        path
        for path, item in document["paths"].items()
        for operation in item.values()
        if operation.get("security") == []
    }
    assert document["security"] == [{"bearerToken": []}]
    assert open_paths == {"/health", "/v1/health"}


@pytest.mark.parametrize(
    ("path", "field", "expected"),
    [
        ("/v1/images/generations", "prompt", {"minLength": 1, "maxLength": 4000}),
        ("/v1/images/generations", "resolution", {"enum": ["1K", "2K"], "default": "2K"}),
        ("/v1/images/generations", "reasoning", {"enum": ["low", "high"], "default": "low"}),
        ("/v1/images/generations", "seed", {"minimum": -1, "maximum": 2**63 - 1}),
        (
            "/v1/images/generations",
            "aspect_ratio",
            {
                "enum": [
                    "1:1",
                    "16:9",
                    "9:16",
                    "4:3",
                    "3:4",
                    "3:2",
                    "2:3",
                    "21:9",
                    "4:5",
                    "5:4",
                    "3:1",
                    "1:3",
                    "4:1",
                    "1:4",
                ],
                "default": "1:1",
            },
        ),
        (
            "/v1/images/edits",
            "aspect_ratio",
            {
                "enum": [
                    "auto",
                    "1:1",
                    "16:9",
                    "9:16",
                    "4:3",
                    "3:4",
                    "3:2",
                    "2:3",
                    "21:9",
                    "4:5",
                    "5:4",
                    "3:1",
                    "1:3",
                ],
                "default": "auto",
            },
        ),
        ("/v1/images/edits", "images", {"minItems": 1, "maxItems": 4}),
        ("/v1/uploads", "size", {"minimum": 1, "maximum": 25 * 1024 * 1024}),
        (
            "/v1/uploads",
            "content_type",
            {"enum": ["image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"]},
        ),
    ],
)
def test_fields_have_the_bounds_of_the_reference(document, path, field, expected):
    form = document["paths"][path]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert expected.items() <= form["properties"][field].items()


def test_edits_have_no_reasoning_and_generations_no_images():
    paths = build_document()["paths"]
    fields = {
        path: set(
            paths[path]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
        )
        for path in ("/v1/images/generations", "/v1/images/edits")
    }
    assert fields["/v1/images/generations"] == {"prompt", "aspect_ratio", "resolution", "seed", "reasoning"}
    assert fields["/v1/images/edits"] == {"prompt", "images", "aspect_ratio", "resolution", "seed"}

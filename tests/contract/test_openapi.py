import json
import re

import jsonschema
import pytest
import yaml
from openapi_spec_validator import validate

from contract.generate_openapi import OPENAPI_FILE, build_document, render
from imagineart.domain.openai_parameters import OPENAI_EDIT_PARAMETERS, OPENAI_GENERATION_PARAMETERS
from imagineart.domain.orders import Picture
from imagineart.domain.pieces import BegunPieces
from imagineart.domain.sizes import Size
from imagineart.domain.usage import Usage
from imagineart.web.errors import STATUS_BY_CODE
from imagineart.web.openai_answers import SeriesJson
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


def test_every_error_answer_says_whether_to_retry(document):
    for path, item in document["paths"].items():
        for operation in item.values():
            for status, response in operation["responses"].items():
                assert ("X-Should-Retry" in response["headers"]) == (status != "200"), path


@pytest.mark.parametrize(
    ("path", "name", "parameters"),
    [
        ("/v1/images/generations", "OpenAiGeneration", OPENAI_GENERATION_PARAMETERS),
        ("/v1/images/edits", "OpenAiEdit", OPENAI_EDIT_PARAMETERS),
    ],
)
def test_json_in_openai_s_words_is_documented_beside_the_reference_s_form(document, path, name, parameters):
    operation = document["paths"][path]["post"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": f"#/components/schemas/{name}"}
    properties = document["components"]["schemas"][name]["properties"]
    assert list(properties) == list(parameters.describe())
    assert properties["n"] | {"minimum": 1, "maximum": 4, "default": 1} == properties["n"]
    assert properties["stream"] | {"type": "boolean", "enum": [False]} == properties["stream"]
    assert set(operation["responses"]["200"]["content"]) == {"image/png", "application/json"}


def test_the_reference_s_forms_have_none_of_openai_s_fields(document):
    for path in ("/v1/images/generations", "/v1/images/edits"):
        form = document["paths"][path]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
        assert not {"n", "size", "model", "image"} & set(form["properties"])


def test_an_answer_in_openai_s_shape_is_as_documented(document):
    schema = document["components"]["schemas"]["OpenAiPictures"]
    size, usage = Size(64, 48), Usage(1, 2, 3)

    def answer(cost):
        pictures = [
            Picture(
                BegunPieces(each for each in [b"png"]), size, seed, "text-to-image", "gpu", 1.5, lambda: cost
            )
            for seed in (7, None)
        ]
        return json.loads(b"".join(SeriesJson(pictures, created=1_800_000_000)))

    for told in (answer(usage), answer(None)):
        jsonschema.validate(told, schema)
    assert set(answer(usage)) == set(schema["properties"])
    assert set(answer(None)) == set(schema["required"])

"""docs/api.md is what the code makes of it, complete, and says nothing twice in two ways."""

import re

import jsonschema
import pytest
import yaml

from contract.error_reference import ADVICE
from contract.generate_openapi import OPENAPI_FILE, build_document
from contract.generate_reference import REFERENCE_FILE, render
from imagineart.domain.limit_status import LimitName
from imagineart.domain.operations import Scope
from imagineart.domain.sizes import GENERATION_ASPECT_RATIOS, RESOLUTIONS, output_size
from imagineart.web.errors import STATUS_BY_CODE

REFERENCE = REFERENCE_FILE.read_text()
DOCUMENT = yaml.safe_load(OPENAPI_FILE.read_text())
OPERATIONS = [
    (path, method, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
]
OTHER_URL = "https://api.example.com/prod"


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_the_committed_reference_is_the_generated_one() -> None:
    assert render() == REFERENCE, "run 'make openapi' and commit docs/api.md"


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_every_endpoint_is_in_it_with_its_fields_scope_and_answers(path, method, operation) -> None:
    _, _, section = REFERENCE.partition(f"```http\n{method.upper()} {path}\n```")
    section = section.partition("\n### ")[0]
    assert section, path
    for requirement in operation.get("security", []):
        assert f"Scope: `{requirement['bearerToken'][0]}`" in section
    body = operation.get("requestBody", {}).get("content", {}).get("multipart/form-data", {})
    for name, field in body.get("schema", {}).get("properties", {}).items():
        (row,) = re.findall(rf"^\| `{name}` \|.*$", section, re.MULTILINE)
        for allowed in field.get("enum", []):
            assert f"`{allowed}`" in row
        for bound in ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "default"):
            if bound in field:
                assert str(field[bound]) in row, (name, bound)
    for status in operation["responses"]:
        assert f"\n| {status} " in section


def test_every_field_of_a_json_body_is_in_it() -> None:
    for schema in ("OpenAiGeneration", "OpenAiEdit"):
        for name in DOCUMENT["components"]["schemas"][schema]["properties"]:
            assert f"\n| `{name}` |" in REFERENCE, name


def test_every_field_of_an_answer_has_a_meaning() -> None:
    rows = re.findall(r"^\| Answer field .*\n\|[-|]+\n((?:\|.*\n)+)", REFERENCE, re.MULTILINE)
    cells = [line.strip("| ").split(" | ") for table in rows for line in table.splitlines()]
    assert len(cells) > 40
    assert [row for row in cells if len(row) != 3 or not row[2].strip()] == []


def test_every_size_error_scope_limit_and_header_is_in_it() -> None:
    for ratio in GENERATION_ASPECT_RATIOS:
        pixels = " | ".join(str(output_size(ratio, resolution)) for resolution in RESOLUTIONS)
        assert re.search(rf"^\| {ratio}[^|]* \| {pixels} \|$", REFERENCE, re.MULTILINE), ratio
    for code, status in STATUS_BY_CODE.items():
        assert f"\n| {status} | `{code}` |" in REFERENCE
    headers = {
        name
        for _, _, operation in OPERATIONS
        for response in operation["responses"].values()
        for name in response["headers"]
    }
    for name in (*Scope, *LimitName, *headers):
        assert f"| `{name}` |" in REFERENCE, name


def test_there_is_advice_for_every_error_and_for_no_other() -> None:
    assert ADVICE.keys() == STATUS_BY_CODE.keys()


def test_every_link_within_it_leads_to_a_heading() -> None:
    anchors = {slug(heading) for heading in re.findall(r"^#+ (.+)$", REFERENCE, re.MULTILINE)}
    links = re.findall(r"\]\(#([^)]+)\)", REFERENCE.replace("\n", " "))
    assert len(links) > 3
    assert set(links) <= anchors


def test_it_can_be_written_for_another_base_url() -> None:
    other = render(OTHER_URL)
    assert "api.ml.imagine.art" not in other
    assert other.count(OTHER_URL) == REFERENCE.count("https://api.ml.imagine.art")
    assert [server["url"] for server in build_document(OTHER_URL)["servers"]] == [OTHER_URL]


def test_every_example_of_openapi_is_what_its_schema_allows() -> None:
    schemas = {"components": DOCUMENT["components"]}
    checked = 0
    for path, _, operation in OPERATIONS:
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for media in (each for body in bodies for each in body.get("content", {}).values()):
            shown = [media["example"]] if "example" in media else []
            for name in media.get("examples", {}):
                shown.append(DOCUMENT["components"]["examples"][name]["value"])
            for example in shown:
                jsonschema.validate(example, {**media["schema"], **schemas})
                checked += 1
        assert checked, path
    assert checked > 30

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from contract.generate_openapi import build_document
from imagineart.domain.consumers import TIERS
from imagineart.settings import parse_routes
from imagineart.web.errors import STATUS_BY_CODE
from local.template import PROJECT, load_template

README = (PROJECT / "README.md").read_text()


def table_rows(first_header):
    """The rows of the table whose first column is `first_header`, cells without back-ticks."""
    lines = README.splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith(f"| {first_header} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            return rows
        rows.append([cell.strip().strip("`") for cell in line.strip("|").split("|")])
    return rows


def test_the_error_table_is_the_code_s():
    assert {code: int(status) for status, code, _ in table_rows("HTTP")} == dict(STATUS_BY_CODE)


def test_the_endpoint_table_is_the_contract_s():
    documented = {cell for cell, _ in table_rows("Endpoint")}
    paths = build_document()["paths"]
    assert documented == {f"{method.upper()} {path}" for path, item in paths.items() for method in item}


def test_the_parameter_table_is_the_template_s():
    parameters = load_template().document["Parameters"]
    assert {name: default for name, default, _ in table_rows("Parameter")} == {
        name: str(parameter.get("Default", "")) for name, parameter in parameters.items()
    }


def test_the_tiers_are_the_code_s():
    assert {tier: tuple(map(int, limits)) for tier, *limits in table_rows("Tier")} == {
        tier: (limits.requests_per_minute, limits.concurrent_requests) for tier, limits in TIERS.items()
    }


@pytest.mark.parametrize("word", sorted(set(re.findall(r"\bmake ([a-z][a-z-]*)(?=[`\s])", README)) - {"the"}))
def test_every_make_word_is_a_task(word):
    assert re.search(rf"^{word}:.*## ", (PROJECT / "Makefile").read_text(), re.MULTILINE), word


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)]+)\)", README))
def test_every_link_leads_to_a_file(link):
    assert (PROJECT / link).is_file()


def test_every_top_level_folder_is_in_the_map():
    folders = {
        path.name for path in Path(PROJECT).iterdir() if path.is_dir() and not path.name.startswith(".")
    }
    unlisted = {name for name in folders if f"{name}/" not in README}
    assert unlisted <= {"tests", "tooling", "requirements", "__pycache__"}


def test_the_example_of_backends_can_be_followed():
    block = re.search(r"```toml\n(.*?)```", README, re.DOTALL)[1]
    given = dict(word.split("=", 1) for word in shlex.split(tomllib.loads(block)["parameter_overrides"]))
    routes = {name: parse_routes(given[name]) for name in ("GenerationBackends", "EditBackends")}
    assert [each.name for each in routes["GenerationBackends"]] == ["vllm-omni", "bedrock"]
    assert [each.name for each in routes["EditBackends"]] == ["vllm-omni"]

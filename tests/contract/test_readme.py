import re
import shlex
import tomllib
from pathlib import Path

import pytest
import typer

from cli.__main__ import app
from cli.failures import ExitCode
from contract.generate_openapi import build_document
from imagineart.domain.consumers import TIERS
from imagineart.domain.limit_status import LimitName
from imagineart.domain.operations import Scope
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


def test_the_exit_codes_are_the_command_line_s():
    assert sorted(int(code) for code, _ in table_rows("Exit code")) == sorted(ExitCode)


@pytest.mark.parametrize("line", re.findall(r'^make cli ARGS="([^"]+)"', README, re.MULTILINE))
def test_every_command_and_option_that_is_shown_exists(line):
    words = shlex.split(line)
    command, names = typer.main.get_command(app), []
    while hasattr(command, "commands"):
        names.append(words[0])
        command = command.commands[words.pop(0)]
    context = command.make_context(" ".join(names), words, resilient_parsing=False)
    assert context.command.name == names[-1]


def test_every_scope_and_limit_is_named():
    for name in (*Scope, *LimitName):
        assert f"`{name}`" in README

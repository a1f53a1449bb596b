"""docs/architecture.md names what exists, and its diagram has the layers and the direction of the code."""

import re
import tomllib
from itertools import pairwise

import pytest

from imagineart.adapters.dynamodb_usage import KEPT_SECONDS as USAGE_KEPT_SECONDS
from imagineart.domain.tokens import KEPT_AFTER_EXPIRY_SECONDS
from imagineart.web.errors import STATUS_BY_CODE
from local.template import PROJECT, load_template

DOCUMENT = (PROJECT / "docs" / "architecture.md").read_text()
DIAGRAM = re.findall(r"^```mermaid\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)[0]
PACKAGE = PROJECT / "shared" / "imagineart"
PROSE = DOCUMENT.replace(DIAGRAM, "")
QUOTED = sorted(set(re.findall(r"`([^`\n]+)`", PROSE)))
DATA = ("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SecretsManager::Secret", "AWS::SQS::Queue")
LAYERS = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0][
    "layers"
]
RANK = {layer: rank for rank, line in enumerate(LAYERS) for layer in line.split(" | ")}


def frames() -> dict[str, dict[str, str]]:
    """The nodes of each frame of the diagram: what is written on them, by their names."""
    found = {}
    for title, body in re.findall(r'subgraph \w+\["([^"]+)"\]\n(.*?)\n    end', DIAGRAM, re.DOTALL):
        found[title] = dict(re.findall(r'(\w+)\["([^"]+)"\]', body))
    return found


def exists(path: str) -> bool:
    return (PROJECT / path).exists() or (PACKAGE / path).exists()


@pytest.mark.parametrize(
    "path", [each for each in QUOTED if re.fullmatch(r"[\w/.-]+(\.(py|md|yaml|toml)|/)|tests/\w+", each)]
)
def test_every_file_and_folder_that_is_named_exists(path: str) -> None:
    assert exists(path)


def test_every_box_in_a_layer_is_a_file_of_that_layer() -> None:
    for layer, nodes in frames().items():
        assert nodes, layer
        folder = layer.removeprefix("imagineart.")
        for name in nodes.values():
            assert exists(name if name == f"{folder}.py" else f"{folder}/{name}"), f"{layer}: {name}"


def test_the_layers_are_those_that_imports_are_checked_against() -> None:
    table = re.findall(r"^\| `(functions|imagineart\.\w+)` \|", DOCUMENT, re.MULTILINE)
    below_the_laptop = [layer for layer in RANK if layer not in ("cli", "local")]
    assert sorted(table) == sorted(below_the_laptop)
    assert all(RANK[upper] <= RANK[lower] for upper, lower in pairwise(table))
    assert set(frames()) == set(table) - {"imagineart.settings"}


def test_every_call_in_the_diagram_goes_down() -> None:
    layer_of = {node: layer for layer, nodes in frames().items() for node in nodes}
    layer_of |= {layer.removeprefix("imagineart."): layer for layer in frames()}
    calls = re.findall(r'(\w+)(?:\[[^\]]*\])? -->(?:\|"[^"]*"\|)? (\w+)', DIAGRAM)
    between = [(layer_of[one], layer_of[other]) for one, other in calls if {one, other} <= layer_of.keys()]
    assert len(between) > 10
    assert [each for each in between if RANK[each[0]] > RANK[each[1]]] == []
    assert ("imagineart.web", "imagineart.adapters") not in between


def test_adapters_are_reached_through_ports_and_from_use_cases_alone() -> None:
    use_cases, adapters = (frames()[f"imagineart.{name}"] for name in ("use_cases", "adapters"))
    through_ports = re.findall(r"(\w+) -\.-> (\w+)", DIAGRAM)
    assert {one for one, _ in through_ports} <= use_cases.keys()
    assert {other for _, other in through_ports} == adapters.keys()
    assert not re.search(rf"--> ({'|'.join(adapters)})\b", DIAGRAM)


def test_every_resource_that_is_named_exists_and_all_that_hold_data_are_told() -> None:
    resources = load_template().document["Resources"]
    named = set(re.findall(r"\b(\w+(?:Function|Table|Bucket|Secret|Queue))\b", DOCUMENT))
    assert named <= set(resources)
    rows = re.findall(r"^\| `(\w+)` \| ", DOCUMENT.partition("## What is kept")[2], re.MULTILINE)
    assert sorted(rows) == sorted(name for name, each in resources.items() if each["Type"] in DATA)


def test_times_are_those_of_the_code() -> None:
    resources = load_template().document["Resources"]
    image_function = resources["GenerateImageFunction"]["Properties"]
    gateway_ms = image_function["Events"]["GenerateImage"]["Properties"]["TimeoutInMillis"]
    assert f"A function has {image_function['Timeout']} seconds, API Gateway {gateway_ms // 1000}" in DOCUMENT
    assert f"| {USAGE_KEPT_SECONDS // 86_400} days |" in DOCUMENT
    assert f"| {KEPT_AFTER_EXPIRY_SECONDS // 86_400} days after a token's expiry |" in DOCUMENT


def test_every_code_that_is_named_exists_under_its_status() -> None:
    named = re.findall(r"\b(\d{3}) `(\w+)`", DOCUMENT)
    assert len(named) > 5
    assert [(status, code) for status, code in named if STATUS_BY_CODE.get(code) != int(status)] == []

"""The threat model names what exists, and every threat in it has a proof or says that it has none."""

import ast
import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import pytest

from local.run import HOST
from local.template import PROJECT, load_template

DOCUMENT = (PROJECT / "docs" / "security.md").read_text()
HEADER = ["Threat", "Defence", "Proof", "What is left"]
PROOF = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
FILE = re.compile(r"`([\w/.-]+/[\w.-]+\.\w+)`")
WITHOUT_PROOF = re.compile(r"No test: [^`]+\.")
RESOURCE_NAME = re.compile(r"`(\w+(?:Function|Table|Bucket|Secret|Logs))`")
ASSETS = (
    "AWS::Serverless::Function",
    "AWS::DynamoDB::Table",
    "AWS::S3::Bucket",
    "AWS::SecretsManager::Secret",
    "AWS::Logs::LogGroup",
)
ACTORS = (
    "A stranger",
    "The holder of one token",
    "One consumer against another",
    "A hostile picture",
    "A hostile backend",
    "A reader of logs",
    "A reader of the database",
    "A compromised function",
    "A careless operator",
    "A neighbour of the laptop, and a package",
)


@dataclass(frozen=True)
class Row:
    """One threat of one actor."""

    actor: str
    cells: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.actor}: {self.cells[0][:60]}"


def section(title: str) -> str:
    """The text below a heading, up to the next one."""
    _, _, rest = DOCUMENT.partition(f"\n## {title}\n")
    return rest.partition("\n## ")[0]


def table(text: str) -> list[tuple[str, ...]]:
    """The rows of a section's table, its header first and without the line below that."""
    lines = [line.strip().strip("|") for line in text.splitlines() if line.startswith("|")]
    rows = [tuple(cell.strip() for cell in line.split(" | ")) for line in lines]
    return rows[:1] + rows[2:]


def threats() -> Iterator[Row]:
    for actor in ACTORS:
        for cells in table(section(actor))[1:]:
            yield Row(actor, cells)


THREATS = tuple(threats())
every_threat = pytest.mark.parametrize("row", THREATS, ids=str)


@cache
def names_of_tests_in(file: str) -> frozenset[str]:
    """The names of a file's tests, those within classes too; none where there is no such file."""
    path = PROJECT / file
    if not path.is_file():
        return frozenset()
    nodes = ast.walk(ast.parse(path.read_text()))
    functions = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    # A state machine's test is a class that is given a name.
    assigned = set(re.findall(r"^(test_\w+) = ", path.read_text(), re.MULTILINE))
    return frozenset(functions | assigned)


def test_every_actor_has_a_table_of_threats() -> None:
    assert re.findall(r"^## (.+)$", DOCUMENT, re.MULTILINE) == ["Assets", "Trust boundaries", *ACTORS]
    for actor in ACTORS:
        header, *rows = table(section(actor))
        assert list(header) == HEADER
        assert len(rows) >= 4, actor


@every_threat
def test_every_threat_has_a_defence_a_proof_and_what_is_left(row: Row) -> None:
    assert len(row.cells) == len(HEADER)
    assert all(row.cells)
    proof = row.cells[2]
    assert not PROOF.sub("", proof).strip() or WITHOUT_PROOF.fullmatch(proof), "tests, or why there is none"
    assert not WITHOUT_PROOF.fullmatch(proof) or row.cells[3], "what follows from there being no test"


@every_threat
def test_every_proof_is_a_test_that_exists(row: Row) -> None:
    missing = [
        f"{file}::{name}" for file, name in PROOF.findall(row.cells[2]) if name not in names_of_tests_in(file)
    ]
    assert missing == []


def test_proofs_are_named_in_one_way_only() -> None:
    assert DOCUMENT.count("::test_") == len(PROOF.findall(DOCUMENT)) >= len(THREATS)


def test_every_file_that_is_named_exists() -> None:
    named = set(FILE.findall(DOCUMENT))
    roots = (PROJECT, PROJECT / "shared" / "imagineart")
    assert "domain/tokens.py" in named
    assert [name for name in sorted(named) if not any((root / name).is_file() for root in roots)] == []


def test_every_decision_that_is_named_exists() -> None:
    numbers = set(re.findall(r"decision (\d{4})", DOCUMENT))
    assert numbers
    assert [
        each for each in sorted(numbers) if not list((PROJECT / "docs" / "decisions").glob(f"{each}-*"))
    ] == []


@pytest.mark.parametrize("kind", ASSETS)
def test_everything_that_holds_or_handles_something_is_among_the_assets(kind: str) -> None:
    assets = section("Assets")
    resources = load_template().resources(kind)
    assert resources
    assert [name for name in resources if f"`{name}`" not in assets] == []


def test_no_resource_is_named_that_the_template_does_not_have() -> None:
    resources = load_template().document["Resources"]
    named = set(RESOURCE_NAME.findall(DOCUMENT))
    assert named
    assert sorted(named - resources.keys()) == []


# A defence that no other test proves

ADDRESS = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])")
ANY_ADDRESS = re.compile(r"""\(\(\s*["']{2}\s*,|["']::["']|\bhost=["']{2}""")


def test_every_server_of_the_local_stack_listens_on_loopback_alone() -> None:
    sources = {path: path.read_text() for path in sorted((PROJECT / "local").rglob("*.py"))}
    addresses = {path: found for path, text in sources.items() if (found := ADDRESS.findall(text))}
    assert ipaddress.ip_address(HOST).is_loopback
    assert len(addresses) >= 4, "the gateway, the cloud, the painter and Bedrock"
    assert all(ipaddress.ip_address(each).is_loopback for found in addresses.values() for each in found)
    assert [path for path, text in sources.items() if ANY_ADDRESS.search(text)] == []

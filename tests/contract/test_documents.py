"""The documents can be followed: their links lead somewhere, their commands and tables are right."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from typer.testing import CliRunner

from cli.__main__ import app
from cli.failures import ExitCode
from imagineart.access.consumers import TIERS
from imagineart.backends.check_models import find_problems
from imagineart.models.read_document import read_document
from local.moto_server import serving_moto
from local.template import PROJECT, load_template

FOLDERS = ("docs", "layers", ".github")
DOCUMENTS = sorted(
    [*PROJECT.glob("*.md"), *(path for each in FOLDERS for path in (PROJECT / each).rglob("*.md"))]
)
TEXTS = {path.relative_to(PROJECT).as_posix(): path.read_text() for path in DOCUMENTS}
MAKE_TARGETS = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
SHOWN_COMMAND = re.compile(r'^make (?:cli|smoke|accept) ARGS="[^"]+"', re.MULTILINE)
COMMANDS = sorted({line for text in TEXTS.values() for line in SHOWN_COMMAND.findall(text)})

every_document = pytest.mark.parametrize("name", TEXTS)


def without_code(text: str) -> str:
    """A document's prose: examples may hold what looks like a link or a heading."""
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(path: Path) -> set[str]:
    """The fragments that GitHub gives the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", without_code(path.read_text()), re.MULTILINE)
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


def table(name: str, first_header: str) -> list[list[str]]:
    """The rows of the table in a document whose first column is `first_header`."""
    lines = TEXTS[name].splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith(f"| {first_header} |")) + 2
    end = next(index for index in range(start, len(lines)) if not lines[index].startswith("|"))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start:end]]


@every_document
def test_every_relative_link_leads_to_a_file_and_a_heading(name: str) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", without_code(TEXTS[name]))
    broken = []
    for link in (each for each in links if not re.match(r"[a-z]+:", each)):
        target, _, anchor = link.partition("#")
        path = (PROJECT / name).parent / target if target else PROJECT / name
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(link)
    assert broken == []


@every_document
def test_every_make_command_exists(name: str) -> None:
    blocks = "".join(re.findall(r"^```.*?^```", TEXTS[name], re.MULTILINE | re.DOTALL))
    shown = re.findall(r"^make ([a-z-]+)", blocks, re.MULTILINE) + re.findall(r"`make ([a-z-]+)", TEXTS[name])
    assert set(shown) - MAKE_TARGETS == set()


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_of_the_command_line_can_be_parsed(line: str) -> None:
    task, arguments = re.fullmatch(r'make (\w+) ARGS="(.+)"', line).groups()
    words = shlex.split(arguments) + ([] if task == "cli" else [task])
    # With --help nothing is done, but unknown commands and options are refused first.
    assert CliRunner().invoke(app, [*words, "--help"]).exit_code == 0


def test_the_readme_stays_short() -> None:
    assert len(TEXTS["README.md"].splitlines()) < 150


def test_the_table_of_parameters_is_the_template_s() -> None:
    documented = {name: default for name, default, _ in table("docs/deploying.md", "Parameter | Default")}
    parameters = load_template().document["Parameters"]
    assert documented == {f"`{name}`": f"`{each.get('Default', '')}`" for name, each in parameters.items()}


def test_the_examples_of_models_documents_can_be_applied() -> None:
    blocks = re.findall(r"```json\n(.*?)```", TEXTS["docs/backends.md"], re.DOTALL)
    parameters = load_template().default_parameters()
    bedrock_models = f"{parameters['BedrockModels']},{parameters['BedrockTextModels']}"
    assert len(blocks) == 2
    for block in blocks:
        assert find_problems(read_document(block), bedrock_models=bedrock_models) == []


def test_the_table_of_what_a_deleted_stack_leaves_is_the_template_s() -> None:
    rows = table("docs/deploying.md", "Stays, and may cost")
    resources = load_template().document["Resources"]
    retained = {
        name for name, each in resources.items() if each.get("DeletionPolicy", "").startswith("Retain")
    }
    assert {name for stays, _ in rows for name in re.findall(r"`(\w+)`", stays)} == retained


def test_the_tables_of_tiers_and_exit_codes_are_the_code_s() -> None:
    tiers = {
        tier.strip("`"): (int(minute), int(slots))
        for tier, minute, slots in table("docs/operating.md", "Tier")
    }
    assert tiers == {
        tier: (limits.requests_per_minute, limits.concurrent_requests) for tier, limits in TIERS.items()
    }
    assert [int(code) for code, _ in table("docs/operating.md", "Exit code")] == sorted(ExitCode)


def test_every_alarm_names_a_runbook() -> None:
    descriptions = [
        each["Properties"]["AlarmDescription"]
        for each in load_template().document["Resources"].values()
        if each["Type"] == "AWS::CloudWatch::Alarm"
    ]
    runbooks = {re.search(r"docs/operating\.md#([\w-]+)$", each)[1] for each in descriptions}
    assert runbooks <= anchors(PROJECT / "docs/operating.md")


def test_copying_from_a_restored_table_keeps_the_revocations_that_came_after() -> None:
    (script,) = re.findall(r"<<'END'\n(.*?)^END$", TEXTS["docs/operating.md"], re.MULTILINE | re.DOTALL)
    with serving_moto() as url:
        environment = {
            "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
            "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": url,
        }  # fmt: skip
        dynamodb = boto3.resource(
            "dynamodb", endpoint_url=url, region_name="us-east-1",
            aws_access_key_id="x", aws_secret_access_key="x",
        )  # fmt: skip
        restored, live = (
            dynamodb.create_table(
                TableName=name,
                KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )
            for name in ("restored", "live")
        )
        restored.put_item(Item={"key": "token#revoked-since"})
        restored.put_item(Item={"key": "token#lost"})
        live.put_item(Item={"key": "token#revoked-since", "revoked_at": 7})
        command = [sys.executable, "-", "restored", "live"]
        subprocess.run(command, input=script, text=True, env=environment, check=True, capture_output=True)
        items = {item["key"]: item.get("revoked_at") for item in live.scan()["Items"]}
        dynamodb.meta.client.close()
    assert items == {"token#revoked-since": 7, "token#lost": None}

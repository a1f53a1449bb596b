"""What docs/deploying.md and docs/operating.md name exists: commands, tasks, parameters, log fields."""

import io
import json
import re
import shlex
import subprocess
import sys
import tomllib
import uuid
from collections.abc import Iterator
from contextlib import redirect_stdout
from typing import Any

import boto3
import pytest
import typer

from cli.__main__ import app
from imagineart.adapters import embedded_metrics
from imagineart.domain.accounting import CUT_OFF, OK, REPLAYED
from imagineart.domain.limit_status import LimitName
from imagineart.domain.observations import Stage
from imagineart.web.errors import STATUS_BY_CODE
from local.moto_server import serving_moto
from local.template import PROJECT, load_template
from tests.fault_backend import refusal
from tests.functions.deployment import Deployer, generate
from tests.functions.painting_backend import PaintingBackend
from tests.functions.test_logs import lines_of

DOCUMENTS = {name: (PROJECT / "docs" / name).read_text() for name in ("deploying.md", "operating.md")}
EVERYTHING = "\n".join(DOCUMENTS.values())
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", EVERYTHING, re.MULTILINE | re.DOTALL)
PROSE = re.sub(r"^```.*?^```", "", EVERYTHING, flags=re.MULTILINE | re.DOTALL)
QUOTED = sorted(set(re.findall(r"`([^`\n]+)`", PROSE)))

AWS_WORDS = {
    *("AccessDenied", "AccessDeniedException"),
    *("AWSPREVIOUS", "ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"),
}
STORED_ATTRIBUTES = {"purge_at", "expires_at", "expiration", "revoked_at"}
INSIGHTS_WORDS = {
    *("filter", "fields", "stats", "sort", "limit", "by", "as", "and", "asc", "desc"),
    *("avg", "bin", "count", "ispresent", "pct"),
}


@pytest.fixture(scope="module")
def cloud_url() -> Iterator[str]:
    with serving_moto() as url:
        yield url


@pytest.fixture(scope="module")
def log_lines(cloud_url: str) -> list[dict[str, Any]]:
    """What the functions really log: a picture, a series, a replay, and failures of every kind."""
    written = io.StringIO()

    def log_anew_with_prompts(document: dict[str, Any]) -> None:
        for resource in document["Resources"].values():
            variables = resource.get("Properties", {}).get("Environment", {}).get("Variables", {})
            if variables:
                variables["POWERTOOLS_SERVICE_NAME"] = f"test-{uuid.uuid4()}"
                variables["IMAGINEART_LOG_PROMPTS"] = "true"

    with PaintingBackend() as backend, redirect_stdout(written):
        deployer = Deployer(cloud_url, backend.base_url)
        api = deployer(log_anew_with_prompts)
        client = api.client(api.issue_token("acme", requests_per_minute=6))
        generate(client, prompt="x")
        for _ in range(2):
            client.post("/v1/images/generations", json={"prompt": "x"}, headers={"Idempotency-Key": "k"})
        generate(client, prompt="x", seed="x")
        backend.reply = lambda _: refusal(401, "invalid_api_key")
        for _ in range(3):
            generate(client, prompt="x")
        deployer.close()
    return lines_of(written.getvalue())


@pytest.fixture(scope="module")
def log_fields(log_lines: list[dict[str, Any]]) -> set[str]:
    return {field for line in log_lines if line["message"] == "request" for field in line}


def access_log_fields() -> set[str]:
    setting = load_template().document["Resources"]["Api"]["Properties"]["AccessLogSetting"]
    return set(json.loads(setting["Format"]))


METRICS = {name for name in vars(embedded_metrics).values() if isinstance(name, str)} | set(Stage)


def template_names() -> set[str]:
    document = load_template().document
    sections = ("Parameters", "Outputs", "Resources")
    gateway_responses = document["Resources"]["Api"]["Properties"]["GatewayResponses"]
    return {name for section in sections for name in document[section]} | set(gateway_responses)


def rows_of(header: str) -> list[list[str]]:
    lines = DOCUMENTS["operating.md"].splitlines()
    start = lines.index(header) + 2
    end = next(index for index in range(start, len(lines)) if not lines[index].startswith("|"))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start:end]]


@pytest.mark.parametrize("line", re.findall(r'^make (?:cli|smoke) ARGS="[^"]+"', EVERYTHING, re.MULTILINE))
def test_every_command_and_option_that_is_shown_exists(line: str) -> None:
    task, arguments = re.fullmatch(r'make (\w+) ARGS="(.+)"', line).groups()
    words = shlex.split(arguments) + (["smoke"] if task == "smoke" else [])
    command, names = typer.main.get_command(app), []
    choices = {option for parameter in command.params for option in parameter.opts}
    while words[0].startswith("--"):
        assert words[0] in choices, line
        words = words[2:]
    while hasattr(command, "commands"):
        names.append(words[0])
        command = command.commands[words.pop(0)]
    context = command.make_context(" ".join(names), words, resilient_parsing=False)
    assert context.command.name == names[-1]


def commands_and_options() -> tuple[set[str], set[str]]:
    groups = typer.main.get_command(app).commands
    commands = {
        f"{name} {each.name}": each
        for name, group in groups.items()
        for each in getattr(group, "commands", {}).values()
    }
    options = {
        option for each in commands.values() for parameter in each.params for option in parameter.opts
    } | {option for parameter in typer.main.get_command(app).params for option in parameter.opts}
    return set(commands), options


@pytest.mark.parametrize(
    "words", [each for each in QUOTED if re.match(r"(token|consumer|pepper|usage) |--", each)]
)
def test_every_command_and_option_within_a_sentence_exists(words: str) -> None:
    commands, options = commands_and_options()
    if not words.startswith("--"):
        assert " ".join(words.split()[:2]) in commands
    assert set(re.findall(r"--[a-z-]+", words)) <= options


@pytest.mark.parametrize("word", sorted(set(re.findall(r"(?:^|`)make ([a-z-]+)", EVERYTHING, re.MULTILINE))))
def test_every_make_word_is_a_task(word: str) -> None:
    assert re.search(rf"^{word}:.*## ", (PROJECT / "Makefile").read_text(), re.MULTILINE), word


@pytest.mark.parametrize("name", [each for each in QUOTED if re.fullmatch(r"([A-Z][a-z0-9]+){2,}", each)])
def test_every_name_of_the_template_exists(name: str) -> None:
    assert name in template_names() | METRICS | AWS_WORDS


@pytest.mark.parametrize("name", [each for each in QUOTED if re.fullmatch(r"[A-Z][A-Z_]+[A-Z]", each)])
def test_every_word_in_capitals_is_a_gateway_response_or_known(name: str) -> None:
    assert name in template_names() | AWS_WORDS | {"INFO", "WARNING", "ERROR", "DEBUG", "SECRET", "FUNCTION"}


@pytest.mark.parametrize("name", [each for each in QUOTED if re.fullmatch(r"[a-z]+(_[a-z]+)+", each)])
def test_every_field_code_and_limit_exists(name: str, log_fields: set[str]) -> None:
    deploy = tomllib.loads((PROJECT / "samconfig.toml").read_text())["staging"]["deploy"]["parameters"]
    known = log_fields | access_log_fields() | set(STATUS_BY_CODE) | set(LimitName) | set(deploy)
    assert name in known | {OK, REPLAYED, CUT_OFF} | STORED_ATTRIBUTES


def test_the_table_of_fields_is_what_is_logged(log_fields: set[str]) -> None:
    assert {name.strip("`") for name, _ in rows_of("| Field | Meaning |")} == log_fields


def test_the_example_of_a_line_has_the_fields_of_a_real_one_in_order(log_lines: list[dict[str, Any]]) -> None:
    (example,) = [json.loads(block) for kind, block in BLOCKS if kind == "json"]
    real = next(line for line in log_lines if line.get("complete"))
    assert list(example) == [field for field in real if field != "prompt"]


@pytest.mark.parametrize("query", [block for kind, block in BLOCKS if kind == "insights"])
def test_every_query_asks_for_fields_that_are_logged(query: str, log_fields: set[str]) -> None:
    bare = re.sub(r'"[^"]*"|@\w+|\b\d+\w*', "", query)
    aliases = set(re.findall(r"\bas (\w+)", query))
    fields = set(re.findall(r"[a-z]\w*", bare)) - aliases - INSIGHTS_WORDS
    assert fields <= log_fields | access_log_fields()


def test_every_code_and_outcome_in_a_query_exists() -> None:
    queries = "\n".join(block for kind, block in BLOCKS if kind == "insights")
    assert set(re.findall(r'(?:code|outcome) = "(\w+)"', queries)) <= {*STATUS_BY_CODE, OK, REPLAYED, CUT_OFF}


def test_every_limit_has_advice() -> None:
    rows = rows_of("| `limit` | It means | Do |")
    assert set(LimitName) <= {name.strip("`") for name, *_ in rows}


@pytest.mark.parametrize("detail", [row[0] for row in rows_of("| `detail` begins with | It means |")])
def test_every_cause_of_a_401_is_one_that_the_code_writes(detail: str) -> None:
    code = "".join(path.read_text() for path in (PROJECT / "shared/imagineart").rglob("*.py"))
    for words in re.findall(r"`([^`]+)`", detail):
        assert words in code


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_to_a_heading(document: str) -> None:
    for target, anchor in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", DOCUMENTS[document]):
        text = (PROJECT / "docs" / (target or document)).resolve().read_text()
        headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert not anchor or anchor in slugs, f"{target}#{anchor}"


def test_what_stays_after_deletion_is_what_the_template_retains() -> None:
    table = re.search(r"\| Stays, and may cost .*?\n\n", DOCUMENTS["deploying.md"], re.DOTALL)[0]
    rows = [line.strip("|").split("|") for line in table.strip().splitlines()[2:]]
    resources = load_template().document["Resources"]
    retained = {name for name, each in resources.items() if each.get("DeletionPolicy") == "Retain"}
    assert {name for stays, _ in rows for name in re.findall(r"`(\w+)`", stays)} == retained


def test_copying_from_a_restored_table_keeps_the_revocations_that_came_after(cloud_url: str) -> None:
    (script,) = re.findall(r"<<'END'\n(.*?)^END$", DOCUMENTS["operating.md"], re.MULTILINE | re.DOTALL)
    credentials = {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": cloud_url,
    }
    dynamodb = boto3.resource(
        "dynamodb",
        endpoint_url=cloud_url,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )
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
    subprocess.run(
        [sys.executable, "-", "restored", "live"],
        input=script, text=True, env=credentials, check=True, timeout=60, capture_output=True,
    )  # fmt: skip
    items = {item["key"]: item for item in live.scan()["Items"]}
    assert items == {
        "token#revoked-since": {"key": "token#revoked-since", "revoked_at": 7},
        "token#lost": {"key": "token#lost"},
    }
    dynamodb.meta.client.close()

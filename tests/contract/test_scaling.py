"""The tables of docs/scaling.md are what its script prints, and the commands in it run."""

import re
import shlex
import subprocess

import pytest

from local.template import PROJECT
from tooling.compute_scaling import (
    NEW_ACCOUNT_CONCURRENCY,
    RATES,
    Workload,
    consumer_images,
    main,
    tables,
)

DOCUMENT = (PROJECT / "docs" / "scaling.md").read_text()
COMMANDS = re.findall(r"^python3 tooling/compute_scaling\.py.*$", DOCUMENT, re.MULTILINE)
TABLE = re.compile(r"(?:^\|.*\n)+", re.MULTILINE)
COMPUTED = tables([Workload(rate) for rate in RATES])


@pytest.mark.parametrize("computed", COMPUTED, ids=lambda table: table.partition("\n")[0])
def test_a_computed_table_stands_in_the_document_as_it_is(computed: str) -> None:
    assert computed in [table.strip() for table in TABLE.findall(DOCUMENT)]


def test_the_script_prints_every_table_that_the_document_shows(capsys: pytest.CaptureFixture[str]) -> None:
    main([])

    assert capsys.readouterr().out == "\n\n".join(COMPUTED) + "\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_document_runs(command: str) -> None:
    ran = subprocess.run(
        shlex.split(command), cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout


def test_the_document_has_commands() -> None:
    assert len(COMMANDS) >= 2


def test_the_text_speaks_of_the_figures_that_are_computed() -> None:
    assert f"about {consumer_images(Workload(1).seconds_per_image):.0f} images a second" in DOCUMENT
    assert f"{NEW_ACCOUNT_CONCURRENCY:.0f} requests at a time" in DOCUMENT

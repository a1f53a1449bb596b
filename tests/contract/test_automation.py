"""Continuous integration runs the tasks that a laptop runs, and documents link to files that exist."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.template import PROJECT

MAKEFILE = (PROJECT / "Makefile").read_text()
DOCUMENTS = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])


def steps() -> list[dict[str, Any]]:
    workflows = [yaml.safe_load(file.read_text()) for file in (PROJECT / ".github/workflows").glob("*.yml")]
    return [step for workflow in workflows for job in workflow["jobs"].values() for step in job["steps"]]


def test_every_command_of_the_workflow_and_of_ci_is_a_task_of_the_makefile() -> None:
    commands = {step["run"] for step in steps() if "run" in step}
    script = (PROJECT / ".ci" / "run").read_text()
    lines = [*(commands - {".ci/run"}), *re.findall(r"^make .*$", script, re.MULTILINE)]
    tasks = [word for line in lines for word in line.removeprefix("make ").split()]
    assert ".ci/run" in commands
    assert [task for task in tasks if not re.search(rf"^{task}:.*## ", MAKEFILE, re.MULTILINE)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_relative_link_of_a_document_leads_to_a_file(document: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []

"""What runs the checks elsewhere calls the same words as a laptop does, and documents name what there is."""

import re
from collections import defaultdict
from typing import Any

import pytest
import yaml

from local.template import PROJECT

MAKEFILE = (PROJECT / "Makefile").read_text()
WORKFLOWS = sorted((PROJECT / ".github" / "workflows").glob("*.yml"))
DOCUMENTS = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])


def commands_of_workflows() -> list[str]:
    jobs = [job for file in WORKFLOWS for job in yaml.safe_load(file.read_text())["jobs"].values()]
    return [step["run"] for job in jobs for step in job["steps"] if "run" in step]


def commands_of_hooks() -> list[str]:
    config = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text())
    return [hook["entry"] for repository in config["repos"] for hook in repository["hooks"]]


def is_a_task(command: str) -> bool:
    if command == ".ci/run":
        return (PROJECT / command).is_file()
    word = re.fullmatch(r"make ([a-z-]+)", command)
    return bool(word and re.search(rf"^{word[1]}:.*## ", MAKEFILE, re.MULTILINE))


def test_the_workflow_and_the_hooks_run_tasks_of_the_makefile_alone() -> None:
    commands = [*commands_of_workflows(), *commands_of_hooks()]
    assert len(commands) > 5
    assert [command for command in commands if not is_a_task(command)] == []


def test_the_workflow_may_read_and_nothing_more_and_ends_by_itself() -> None:
    for file in WORKFLOWS:
        workflow = yaml.safe_load(file.read_text())
        assert workflow["permissions"] == {"contents": "read"}
        assert all(job["timeout-minutes"] <= 60 for job in workflow["jobs"].values())


def test_the_workflow_tests_the_deployed_python_and_the_oldest() -> None:
    versions_by_command: dict[str, set[str]] = defaultdict(set)
    for file in WORKFLOWS:
        for job in yaml.safe_load(file.read_text())["jobs"].values():
            (version,) = [step["with"]["python-version"] for step in job["steps"] if is_python_set_up(step)]
            for step in job["steps"]:
                versions_by_command[step.get("run", "")].add(version)
    deployed = re.search(r"Runtime: python(\d+\.\d+)", (PROJECT / "template.yaml").read_text())
    assert deployed is not None
    assert versions_by_command[".ci/run"] == {deployed[1]}
    (oldest,) = versions_by_command["make test"]
    assert f'requires-python = ">={oldest}"' in (PROJECT / "pyproject.toml").read_text()


def is_python_set_up(step: dict[str, Any]) -> bool:
    return str(step.get("uses", "")).startswith("actions/setup-python@")


def test_what_may_be_skipped_on_a_laptop_is_required_elsewhere() -> None:
    sources = [file.read_text() for file in (PROJECT / "tests").rglob("*.py")]
    switches = {name for text in sources for name in re.findall(r"environ\.get\(\"(REQUIRE_\w+)\"\)", text)}
    assert {"REQUIRE_NODE", "REQUIRE_CHROMIUM"} <= switches
    exported = re.findall(r"^export (\w+)=1$", (PROJECT / ".ci" / "run").read_text(), re.MULTILINE)
    assert set(exported) == switches


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_relative_link_of_a_document_leads_somewhere(document) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []

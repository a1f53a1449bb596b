"""Continuous integration runs the tasks that a laptop runs."""

import re
from typing import Any

import yaml

from local.template import PROJECT

MAKEFILE = (PROJECT / "Makefile").read_text()


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

"""The rules that tools check for us, kept as tests so that nobody has to remember the tools."""

import os
import subprocess
import sys
from pathlib import Path

from local.template import PROJECT, SEARCH_PATH


def run(*command: str) -> "subprocess.CompletedProcess[str]":
    search_path = {"PYTHONPATH": os.pathsep.join(SEARCH_PATH)}
    return subprocess.run(
        command, cwd=PROJECT, env=os.environ | search_path, capture_output=True, text=True, check=False
    )


def test_nothing_imports_what_it_may_not() -> None:
    done = run(str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo")
    assert done.returncode == 0, done.stdout + done.stderr


def test_neither_cloudformation_nor_the_project_has_a_complaint_about_the_template() -> None:
    cfn_lint = str(Path(sys.executable).with_name("cfn-lint"))
    done = run(cfn_lint, "--append-rules", "tooling/template_rules", "--", "template.yaml")
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_whatever_checkov_is_not_asked_says_why() -> None:
    lines = (PROJECT / ".checkov.yaml").read_text().splitlines()
    skipped = [index for index, line in enumerate(lines) if line.strip().startswith("- CKV")]
    assert skipped
    assert [lines[index] for index in skipped if not lines[index - 1].strip().startswith("# ")] == []

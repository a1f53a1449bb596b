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


def test_cloudformation_has_no_complaint_about_the_template() -> None:
    done = run(str(Path(sys.executable).with_name("cfn-lint")), "template.yaml")
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr

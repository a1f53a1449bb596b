"""Every task is one word that `make help` explains."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[3]
MAKEFILE = (ROOT / "Makefile").read_text()


def make(*words: str) -> str:
    return subprocess.run(["make", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_help_lists_every_task_in_one_line_each() -> None:
    declared = re.search(r"^\.PHONY: ((?:.*\\\n)*.*)", MAKEFILE, re.MULTILINE)
    tasks = declared.group(1).replace("\\", "").split()
    listed = re.findall(r"^  make (\S+) +\S.*$", make("help"), re.MULTILINE)
    assert sorted(listed) == sorted(tasks)
    assert len(make("help").splitlines()) == len(tasks)


def test_make_alone_lists_the_tasks() -> None:
    assert make() == make("help")


def test_every_task_is_a_rule_and_every_rule_a_task() -> None:
    declared = re.search(r"^\.PHONY: ((?:.*\\\n)*.*)", MAKEFILE, re.MULTILINE)
    rules = re.findall(r"^([a-z-]+):.*##", MAKEFILE, re.MULTILINE)
    assert sorted(rules) == sorted(declared.group(1).replace("\\", "").split())


def test_continuous_integration_says_the_words_of_the_readme() -> None:
    assert re.findall(r"^make .*$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE) == [
        "make test",
        "make lint types template",
        "make package-check",
        "make rehearse",
    ]

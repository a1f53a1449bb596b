"""Rules of the project that no linter knows."""

import ipaddress
import re
from pathlib import Path

from local.template import PROJECT

PRODUCT = ("functions", "layers", "shared", "cli")
HELPERS = ("local", "benchmarks", "load", "tooling")
ADDRESS = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])")
ANY_ADDRESS = re.compile(r"""\(\(\s*["']{2}\s*,|["']::["']|\bhost=["']{2}""")


def sources(*folders: str) -> dict[Path, str]:
    return {path: path.read_text() for folder in folders for path in sorted((PROJECT / folder).rglob("*.py"))}


def lines(*folders: str) -> int:
    return sum(text.count("\n") for text in sources(*folders).values())


def test_every_server_of_the_local_stack_listens_on_loopback_alone() -> None:
    found = {path: ADDRESS.findall(text) for path, text in sources("local", "load").items()}
    addresses = [each for named in found.values() for each in named]
    assert addresses
    assert [each for each in addresses if not ipaddress.ip_address(each).is_loopback] == []
    assert [path for path, text in sources("local", "load").items() if ANY_ADDRESS.search(text)] == []


def test_the_helpers_are_smaller_than_the_product_and_the_tests_at_most_twice_it() -> None:
    assert lines(*HELPERS) < lines(*PRODUCT)
    assert lines("tests") <= 2 * lines(*PRODUCT)

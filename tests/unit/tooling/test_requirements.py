"""What is installed is exactly what was locked, on the laptop as in the cloud."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LAYER = ROOT / "layers" / "dependencies" / "requirements.txt"
DEVELOPMENT = ROOT / "requirements" / "development.lock"
LOCKS = [LAYER, *sorted((ROOT / "requirements").glob("*.lock"))]
INPUTS = sorted((ROOT / "requirements").glob("*.in"))

Pins = set[tuple[str, str, frozenset[str]]]


def pins(lock: Path) -> Pins:
    """Name, version and hashes of each requirement of a lock."""
    requirements = re.split(r"\n(?=\w)", lock.read_text())
    return {
        (*re.match(r"([\w.-]+)==([\w.]+)", text).groups(), frozenset(re.findall(r"--hash=(\S+)", text)))
        for text in requirements
    }


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_requirement_is_pinned_with_hashes(lock: Path) -> None:
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for *_, hashes in pins(lock) for digest in hashes)
    assert all(hashes for *_, hashes in pins(lock))


@pytest.mark.parametrize("file", [*LOCKS, *INPUTS], ids=lambda file: file.name)
def test_no_registry_is_named(file: Path) -> None:
    assert not re.search(r"://|--(extra-)?index|--find-links|--trusted-host", file.read_text())


def test_the_laptop_runs_the_versions_that_are_deployed() -> None:
    assert pins(LAYER) <= pins(DEVELOPMENT)


def test_the_layer_carries_no_more_than_the_functions_use() -> None:
    assert {name for name, *_ in pins(LAYER)} == {
        "anyio",
        "aws-lambda-powertools",
        "idna",
        "jmespath",
        "mangum",
        "pillow",
        "pillow-heif",
        "pybase64",
        "python-multipart",
        "starlette",
        "typing-extensions",
    }

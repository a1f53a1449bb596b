"""The tests here run against `make run`, which they start, or against the deployment of a rehearsal."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local.rehearsal.end_to_end import TARGET_VARIABLE
from tests.e2e.local_stack.running_stack import RunningStack, start_stack
from tests.e2e.target import Target, read_target

REHEARSED = os.environ.get(TARGET_VARIABLE)

collect_ignore = ["local_stack" if REHEARSED else "deployed_stack"]


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A local stack that all tests share; at the end, Ctrl-C must leave nothing of it."""
    running = start_stack(tmp_path_factory.mktemp("shared") / "state")
    try:
        running.wait_until_served()
        yield running
        running.interrupt_and_expect_nothing_left()
    finally:
        running.kill()


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Target:
    """The deployment that is tested."""
    if REHEARSED:
        return read_target(Path(REHEARSED))
    running: RunningStack = request.getfixturevalue("stack")
    return running.target


@pytest.fixture
def client(target: Target) -> Iterator[httpx.Client]:
    """A client of the deployment with a token."""
    with target.client() as client:
        yield client

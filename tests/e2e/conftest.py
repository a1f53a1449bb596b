from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.running_stack import RunningStack, start_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack that all tests share; at the end, Ctrl-C must leave nothing of it."""
    running = start_stack(tmp_path_factory.mktemp("shared") / "state")
    try:
        running.wait_until_served()
        yield running
        running.interrupt_and_expect_nothing_left()
    finally:
        running.kill()


@pytest.fixture
def new_stack(tmp_path: Path) -> Iterator[Callable[[], RunningStack]]:
    """Starts stacks that a test may break; whatever is left of them is killed."""
    started: list[RunningStack] = []

    def start() -> RunningStack:
        started.append(start_stack(tmp_path / f"state-{len(started)}"))
        return started[-1]

    yield start
    for each in started:
        each.kill()


@pytest.fixture
def own_stack(new_stack: Callable[[], RunningStack]) -> RunningStack:
    """A served stack that only this test uses."""
    running = new_stack()
    running.wait_until_served()
    return running


@pytest.fixture
def client(stack: RunningStack) -> Iterator[httpx.Client]:
    """A client of the shared stack with the token that it printed."""
    headers = {"Authorization": f"Bearer {stack.token}"}
    with httpx.Client(base_url=stack.base_url, headers=headers, timeout=60) as authenticated:
        yield authenticated

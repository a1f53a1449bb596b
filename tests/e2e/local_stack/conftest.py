from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.local_stack.running_stack import RunningStack, start_stack


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
